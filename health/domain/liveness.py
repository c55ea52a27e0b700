"""Is a target alive? Judged by runs of losses and answers, never by averages.

A window mean needs most of a minute to see a blackout; a run of losses needs
seconds. This release counts probes lost at their timeout; burst confirmation
will count suspects as well, behind the same class.
"""

from __future__ import annotations

from enum import Enum, auto

DEAD_AFTER_LOSSES = 6
"""Losses in a row after which a target is dead."""
ALIVE_AFTER_ANSWERS = 3
"""Answers in a row after which a dead target is alive again."""
FIRST_JUDGEMENT_AFTER = 3
"""Settled probes before a new target is called alive."""


class LivenessChange(Enum):
    """What a settled probe changed."""

    DIED = auto()
    CAME_BACK = auto()


class Liveness:
    """The life of one target. ``alive`` is None until enough probes have settled."""

    def __init__(self) -> None:
        self.alive: bool | None = None
        self.loss_run = 0
        self.answers_in_a_row = 0
        self.settled = 0

    def answered(self) -> LivenessChange | None:
        """A probe was answered; any answer ends a run of losses."""
        self.loss_run = 0
        self.answers_in_a_row += 1
        self.settled += 1
        if self.alive is False:
            if self.answers_in_a_row >= ALIVE_AFTER_ANSWERS:
                self.alive = True
                return LivenessChange.CAME_BACK
            return None
        if self.settled >= FIRST_JUDGEMENT_AFTER:
            self.alive = True
        return None

    def lost(self, *, proven: bool = False) -> LivenessChange | None:
        """A probe was lost; ``proven`` when this host itself saw the link go down."""
        self.answers_in_a_row = 0
        self.loss_run += 1
        self.settled += 1
        if self.alive is False or not (proven or self.loss_run >= DEAD_AFTER_LOSSES):
            return None
        self.alive = False
        return LivenessChange.DIED
