"""The last hour of a path in thirty cells: the sparkline and the strip of a table row.

Kept beside the current health so that a page with a thousand rows needs no samples.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from health.domain.reading import PathReading
from health.domain.status import FACES, PathStatus, face_of

HOUR_CELLS = 30
CELL_SECS = 120
NO_CELL = " "
CELL_OF_FACE = {
    "down": "d",
    "failing": "f",
    "degraded": "g",
    "unknown": "n",
    "paused": "p",
    "up": "u",
}
"""One letter per state of a two-minute cell, as stored in ``CurrentHealth.strip``."""

_FACE_OF_CELL = {letter: FACES[key] for key, letter in CELL_OF_FACE.items()}


class PathPast(NamedTuple):
    """What is known of a path from before this loop; ``updated_at`` in seconds since 1970, UTC."""

    updated_at: float
    status: PathStatus
    reachable: bool | None
    spark: list[float | None]
    strip: str
    probes_total: int
    failures: dict[str, int]


class LastHour:
    """Thirty cells of two minutes, oldest first: mean latency (ms) and worst state."""

    def __init__(self, cell: int) -> None:
        self.spark: deque[float | None] = deque([None] * HOUR_CELLS, HOUR_CELLS)
        self.strip: deque[str] = deque([NO_CELL] * HOUR_CELLS, HOUR_CELLS)
        self._cell = cell
        self._latency_sum = 0.0
        self._latency_count = 0

    @classmethod
    def restored(cls, past: PathPast) -> LastHour:
        """The hour as it was stored; what is older than an hour falls out with the next note."""
        hour = cls(cell_of(past.updated_at))
        hour.spark.extend(past.spark)
        hour.strip.extend(past.strip)
        return hour

    def note(self, reading: PathReading, wall: float) -> None:
        """Enter what is known at ``wall`` (seconds since 1970, UTC)."""
        self._move_to(cell_of(wall))
        if reading.latency_ms is not None:
            self._latency_sum += reading.latency_ms
            self._latency_count += 1
            self.spark[-1] = round(self._latency_sum / self._latency_count, 3)
        face = face_of(reading.status, reachable=reading.reachable)
        worst = _FACE_OF_CELL.get(self.strip[-1])
        if worst is None or face.order < worst.order:
            self.strip[-1] = CELL_OF_FACE[face.key]

    def _move_to(self, cell: int) -> None:
        # A wall clock set back stays in the present cell until time has caught up.
        for _ in range(min(cell - self._cell, HOUR_CELLS)):
            self.spark.append(None)
            self.strip.append(NO_CELL)
            self._latency_sum, self._latency_count = 0.0, 0
        self._cell = max(cell, self._cell)


def cell_of(wall: float) -> int:
    """Number of the two-minute cell that contains ``wall``."""
    return int(wall // CELL_SECS)
