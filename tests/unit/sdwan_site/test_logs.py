"""What the log shows of an error, and what it must never show."""

from __future__ import annotations

import json
import logging
import logging.config
from io import StringIO

import pytest

from sdwan_site.logs import logging_config


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_never_shows_the_values_of_local_variables(log_format: str) -> None:
    lines = logged_error(log_format)
    assert "ZeroDivisionError" in lines
    assert "s3cret" not in lines


def test_json_lines_carry_level_logger_and_time_in_utc() -> None:
    line = json.loads(logged_error("json").splitlines()[0])
    assert line["level"] == "error"
    assert line["logger"] == "pathwarden.test"
    assert line["timestamp"].endswith("Z")


def logged_error(log_format: str) -> str:
    """What a handler of this configuration writes for an exception near a secret."""
    config = logging_config(log_format, debug=False)
    formatter = logging.config.DictConfigurator(config).configure_formatter(
        dict(config["formatters"]["pathwarden"])
    )
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger("pathwarden.test")
    logger.addHandler(handler)
    logger.propagate = False
    token = "s3" + "cret"
    try:
        _ = len(token) / 0
    except ZeroDivisionError:
        logger.exception("it went wrong")
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
    return stream.getvalue()
