"""One command, run to its end or to its deadline: no shell, little environment, bounded output.

What a command inherits is decided here and nowhere else: of the environment only ``PATH``
and ``LANG``, of the open files none.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

from failover.outbound.errors import OutboundError

MAX_OUTPUT_BYTES = 4096
INHERITED = ("PATH", "LANG")
_GRACE_SECS = 0.5


class Finished(NamedTuple):
    """How a command ended: its exit status, and the end of what it printed."""

    status: int
    output: str


def run_child(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    timeout_secs: float,
    stdin: str = "",
    kept_bytes: int = MAX_OUTPUT_BYTES,
) -> Finished:
    """Run ``argv`` with ``environment`` beside what is inherited.

    Of the output the last ``kept_bytes`` are kept.

    Raises ``OutboundError`` when it can't be started (not retryable) or does not end in
    time: then it and everything it started is killed.
    """
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    # Files, not pipes: a grandchild that keeps a pipe open would hold us beyond the deadline.
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as asked:
        asked.write(stdin.encode())
        asked.seek(0)
        try:
            child = subprocess.Popen(  # noqa: S603 - the operator's own words, without a shell
                list(argv),
                stdin=asked,
                stdout=said,
                stderr=subprocess.STDOUT,
                env={**inherited, **environment},
                start_new_session=True,
                close_fds=True,
            )
        except (OSError, ValueError) as error:
            raise OutboundError(
                f"{argv[0]} can't be started ({error}): check that it exists and is executable "
                "for the user of the monitor.",
                retryable=False,
            ) from error
        try:
            status = child.wait(timeout_secs)
        except subprocess.TimeoutExpired:
            _end(child)
            raise OutboundError(
                f"{argv[0]} did not end within {timeout_secs:g} s and was killed. "
                f"It had said: {_tail(said, MAX_OUTPUT_BYTES) or 'nothing'}",
                retryable=True,
            ) from None
        return Finished(status, _tail(said, kept_bytes))


def _end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_SECS)


def _tail(said: IO[bytes], kept_bytes: int) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - kept_bytes))
    return said.read().decode(errors="replace").strip()
