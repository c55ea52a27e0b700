"""The recent history of a path in thirty cells each: the sparkline and the strip of a table row.

The sparkline shows the latency of the last five minutes, the strip the worst
state of the last hour. Kept beside the current health, so that a page with a
thousand rows needs no samples.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from health.domain.reading import PathReading
from health.domain.sample import SLOT_SECS
from health.domain.status import FACES, PathStatus, face_of

CELLS = 30
STRIP_CELL_SECS = 120
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


class RecentHistory:
    """Cells, oldest first: mean latency (ms) of 10 seconds, worst state of two minutes."""

    def __init__(self, wall: float) -> None:
        self.spark: deque[float | None] = deque([None] * CELLS, CELLS)
        self._spark_texts: deque[str] = deque(["null"] * CELLS, CELLS)
        self.strip: deque[str] = deque([NO_CELL] * CELLS, CELLS)
        # The slot that is under way is entered when it closes.
        self._spark_cell = int(wall // SLOT_SECS) - 1
        self._spark_json = self._strip_text = ""
        self._noted: tuple[PathStatus, bool | None] | None = None
        self._strip_cell = int(wall // STRIP_CELL_SECS)

    @classmethod
    def restored(cls, past: PathPast) -> RecentHistory:
        """The history as it was stored; what is too old falls out with the next note."""
        history = cls(past.updated_at)
        history._extend_spark(past.spark)
        history.strip.extend(past.strip)
        return history

    def note_slot(self, timestamp: int, latency_ms: float | None) -> None:
        """Enter the mean latency of the slot that began at ``timestamp``, None without answers."""
        self._spark_json = ""
        steps = timestamp // SLOT_SECS - self._spark_cell
        self._extend_spark([None] * min(max(0, steps), CELLS))
        self._spark_cell += max(0, steps)
        if latency_ms is not None:
            self.spark[-1] = round(latency_ms, 3)
            self._spark_texts[-1] = str(self.spark[-1])

    def _extend_spark(self, cells: list[float | None]) -> None:
        self.spark.extend(cells)
        self._spark_texts.extend("null" if cell is None else str(cell) for cell in cells)

    def spark_json(self) -> str:
        """The latency cells as JSON; made once a slot, because it is stored once a second."""
        if not self._spark_json:
            self._spark_json = f"[{','.join(self._spark_texts)}]"
        return self._spark_json

    def strip_text(self) -> str:
        """The state cells as one letter each."""
        if not self._strip_text:
            self._strip_text = "".join(self.strip)
        return self._strip_text

    def note(self, reading: PathReading, wall: float) -> None:
        """Enter the state at ``wall`` (seconds since 1970, UTC)."""
        cell = int(wall // STRIP_CELL_SECS)
        noted = (reading.status, reading.reachable)
        if cell == self._strip_cell and noted == self._noted:
            return  # as nearly always
        self._noted = noted
        # A wall clock set back stays in the present cell until time has caught up.
        steps = max(0, cell - self._strip_cell)
        self.strip.extend(NO_CELL * min(steps, CELLS))
        self._strip_cell += steps
        self._strip_text = ""
        face = face_of(reading.status, reachable=reading.reachable)
        if _shows_more(face.key, self.strip[-1]):
            self.strip[-1] = CELL_OF_FACE[face.key]


def _shows_more(face: str, cell: str) -> bool:
    """True when a state belongs into a cell instead of what stands there.

    The worst known state stands for the cell; no data only where there is nothing
    else, or every warm-up after a restart would leave a hole.
    """
    before = _FACE_OF_CELL.get(cell)
    if before is None or before.key == "unknown":
        return True
    return face != "unknown" and FACES[face].order < before.order
