"""The ground truth of a lab: what was done to the network, and when.

JSON lines, times in nanoseconds of CLOCK_MONOTONIC, which is one clock for all processes
of a machine and for every namespace: the time of an event minus the time of its cause is
a duration. Only what was done stands here, never what somebody measured or concluded.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class Truth:
    """A log that is only appended to."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def note(self, what: str, *, at_ns: int | None = None, **details: Any) -> int:
        """Write down that ``what`` has just been done, or at ``at_ns``; returns that time."""
        at_ns = time.monotonic_ns() if at_ns is None else at_ns
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at_ns": at_ns, "what": what, **details}) + "\n")
        return at_ns

    def entries(self) -> list[dict[str, Any]]:
        """Everything that was done, the first thing first."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]
