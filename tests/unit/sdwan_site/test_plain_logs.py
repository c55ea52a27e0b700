"""The supervisor's log lines look like those of all other processes."""

from __future__ import annotations

import json
import logging
import sys

import pytest
import structlog

from sdwan_site.logs import logging_config
from sdwan_site.processes import plain_logs


def record(*, error: bool = False) -> logging.LogRecord:
    made = logging.LogRecord(
        "sdwan_site.processes.supervisor", logging.WARNING, __file__, 1,
        "%s ended (%s)", ("web", "exit code 1"), None,
    )  # fmt: skip
    made.created = 1_700_000_000.25
    if error:
        try:
            raise OSError("no memory")
        except OSError:
            made.exc_info = sys.exc_info()
    return made


def like_the_others(log_format: str, one: logging.LogRecord) -> str:
    """What the formatter of Django's processes makes of the record."""
    before = structlog.get_config()
    try:
        formatter = logging_config(log_format, debug=False)["formatters"]["pathwarden"]
    finally:
        structlog.configure(**before)
    return structlog.stdlib.ProcessorFormatter(
        processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
    ).format(one)


def test_a_line_for_people_differs_in_its_time_only() -> None:
    _, ours = plain_logs._Console().format(record()).split(" ", 1)
    _, theirs = like_the_others("console", record()).split(" ", 1)
    assert ours == theirs


@pytest.mark.parametrize("error", [False, True])
def test_a_line_for_machines_has_the_same_keys_and_values(error: bool) -> None:
    ours = json.loads(plain_logs._Json().format(record(error=error)))
    theirs = json.loads(like_the_others("json", record(error=error)))
    assert ours.keys() == theirs.keys()
    for key in ours.keys() - {"timestamp", "exception"}:
        assert ours[key] == theirs[key]
    assert ours["timestamp"] == "2023-11-14T22:13:20.250000Z"


def test_a_traceback_follows_its_line() -> None:
    assert "OSError: no memory" in plain_logs._Console().format(record(error=True))
