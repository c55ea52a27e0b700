"""The words in which rules speak: a situation, a switch, a judgement, a notice.

Shared by all rules of a decision and by its callers. No rule may enter.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from failover.domain.views import NO_VIEW, MemberView, Views

if TYPE_CHECKING:
    from failover.domain.policy import PolicySpec
    from failover.domain.state import Cause, MemberClock, NoticeKind, PolicyState


class Phase(StrEnum):
    """What the policy is doing, in one word for screens and programs."""

    SETTLED = "settled"
    SWITCHING = "switching"
    """Moving now, or about to: only a dwell or a fresh answer is missing."""
    FAILBACK_WAIT = "failback_wait"
    NO_PATH = "no_path"
    BLIND = "blind"
    PINNED = "pinned"
    PAUSED = "paused"
    DISABLED = "disabled"
    WARMING_UP = "warming_up"


class Direction(StrEnum):
    """Which way a switch goes; an operator's switch is neither failover nor failback."""

    FAILOVER = "failover"
    FAILBACK = "failback"
    OPERATOR = "operator"


class Switch(NamedTuple):
    """The one action a decision may take: move the policy's traffic.

    ``generation`` is the state's after the switch; ``actor`` is the person, empty for
    the policy itself.
    """

    from_key: int | None
    to_key: int
    direction: Direction
    cause: Cause
    generation: int
    reason: str
    actor: str = ""


class Notice(NamedTuple):
    """An announcement without a switch; each becomes one event."""

    kind: NoticeKind
    sentence: str
    path_key: int | None = None
    actor: str = ""


class Surroundings(NamedTuple):
    """What a decision must know besides measurements; ``decide()`` explains each."""

    reference_ok: bool = True
    clock_ok: bool = True
    in_failback_window: bool = True
    settle_until: float | None = None
    failed_generation: int | None = None


USUAL = Surroundings()


class Situation(NamedTuple):
    """Everything a rule may look at; ``now`` is monotonic seconds."""

    policy: PolicySpec
    state: PolicyState
    views: Views
    now: float
    around: Surroundings = USUAL

    def view(self, path_key: int | None) -> MemberView:
        """The member's view; nothing known when there is none."""
        if path_key is None:
            return NO_VIEW
        return self.views.get(path_key, NO_VIEW)

    def clock(self, path_key: int) -> MemberClock:
        """The member's clock."""
        return self.state.clock(path_key)

    def name(self, path_key: int | None) -> str:
        """The member's name."""
        return self.policy.name_of(path_key)


class Judgement(NamedTuple):
    """What the rules say: a phase, a full sentence, at most one switch.

    ``raised`` are the conditions that hold now; those not announced before become notices.
    """

    phase: Phase
    reason: str
    raised: frozenset[NoticeKind]
    switch: Switch | None = None
