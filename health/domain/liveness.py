"""Is a target alive? Judged by runs of probes without an answer, never by averages.

A window mean needs most of a minute to see a blackout; a run of suspects that is
confirmed by a burst of probes needs half a second. Slow answers end a run, so a
detour that makes everything late never looks like death.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

DEAD_AFTER_RUN = 6
"""Suspects or losses in a row that a death needs, besides the time they span."""
ALIVE_AFTER_ANSWERS = 3
"""Answers in a row after which a dead target is alive again."""
FIRST_JUDGEMENT_AFTER = 3
"""Probes with an end from which a new target that answers is called alive."""
HEALED_SOON_NS = 60_000_000_000
"""A death that heals within this time (60 s) doubles the hold, once."""
HOLD_LEARNED_FOR_NS = 7_200_000_000_000
"""How long a doubled hold stays (2 h); longer would cost seconds on dead paths each hour."""


class LivenessChange(Enum):
    """What a probe changed."""

    DIED = auto()
    CAME_BACK = auto()


class Liveness:
    """The life of one target; all times are monotonic nanoseconds.

    ``alive`` is None until enough is known. ``run`` counts the probes in a row that
    are suspect or lost, since ``run_began_ns`` (the sending of the first).
    ``hold_ns`` is how long a run must last at least, as configured.
    """

    __slots__ = (
        "_died_ns",
        "_hold_doubled_ns",
        "alive",
        "answers_in_a_row",
        "hold_ns",
        "run",
        "run_began_ns",
        "settled",
    )

    def __init__(self, hold_ns: int) -> None:
        self.hold_ns = hold_ns
        self.alive: bool | None = None
        self.run = 0
        self.run_began_ns = 0
        self.answers_in_a_row = 0
        self.settled = 0
        self._died_ns = 0
        self._hold_doubled_ns: int | None = None

    def hold_now_ns(self, now_ns: int) -> int:
        """The hold in force: doubled for a while after a death that was none."""
        doubled = self._hold_doubled_ns
        if doubled is None:
            return self.hold_ns
        if now_ns - doubled >= HOLD_LEARNED_FOR_NS:
            self._hold_doubled_ns = None
            return self.hold_ns
        return 2 * self.hold_ns

    def answered(self, now_ns: int) -> LivenessChange | None:
        """A probe was answered, early or late; any answer ends the run."""
        self.run = 0
        self.answers_in_a_row += 1
        self.settled += 1
        if self.alive:
            return None
        if self.alive is None:
            self.alive = True if self.settled >= FIRST_JUDGEMENT_AFTER else None
            return None
        if self.answers_in_a_row < ALIVE_AFTER_ANSWERS:
            return None
        self.alive = True
        if now_ns - self._died_ns <= HEALED_SOON_NS:
            self._hold_doubled_ns = now_ns
        return LivenessChange.CAME_BACK

    def unanswered(self, sent_ns: int, now_ns: int) -> LivenessChange | None:
        """A probe became suspect, or was lost without having been suspect before."""
        if self.run == 0 or sent_ns < self.run_began_ns:
            self.run_began_ns = sent_ns
        self.run += 1
        self.settled += 1
        self.answers_in_a_row = 0
        if self.alive is False or self.run < DEAD_AFTER_RUN:
            return None
        if now_ns - self.run_began_ns < self.hold_now_ns(now_ns):
            return None
        return self._die(now_ns)

    def link_lost(self, now_ns: int) -> LivenessChange | None:
        """This host itself saw the link go down: dead at once, nothing to confirm."""
        if self.run == 0:
            self.run_began_ns = now_ns
        self.run += 1
        self.answers_in_a_row = 0
        return None if self.alive is False else self._die(now_ns)

    def record(self) -> dict[str, Any]:
        """JSON values for ``restore``."""
        return {name.removeprefix("_"): getattr(self, name) for name in self.__slots__}

    def restore(self, record: dict[str, Any]) -> None:
        """Go on where ``record`` was taken; the hold stays as configured now."""
        for name in self.__slots__:
            if name != "hold_ns":
                setattr(self, name, record[name.removeprefix("_")])

    def _die(self, now_ns: int) -> LivenessChange:
        self.alive = False
        self._died_ns = now_ns
        return LivenessChange.DIED
