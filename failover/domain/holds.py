"""When nothing may move although something is wrong: blindness, warm-up, everything down.

Ignorance never moves traffic, and when every path begins to fail at once the fault is
most likely common to all of them, where a switch helps nobody.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from failover.domain.clocks import is_known
from failover.domain.evidence import is_dead
from failover.domain.situation import Judgement, Phase, Situation
from failover.domain.state import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from failover.domain.policy import PolicySpec
    from failover.domain.state import PolicyState

TOGETHER_SECS = 2.0
"""Paths whose losses began within this time began to fail together."""

SETTLE_SECS = 30.0
"""How long a tunnel may take to settle after the path below it has changed."""
PLAUSIBLE_FROM = 1_767_225_600.0
"""2026-01-01 in seconds since 1970: a clock that shows less has never been set."""

BLINDNESS = frozenset({NoticeKind.MONITOR_BLIND})
ALL_DOWN = frozenset({NoticeKind.ALL_PATHS_DOWN})
NO_PATH = frozenset({NoticeKind.NO_VIABLE_PATH})

_NO_TRUST = "The monitor cannot trust its own measurements: nothing moves."
_NO_REFERENCE = (
    "This host does not even answer itself, so the monitor cannot trust its own measurements: "
    "nothing moves."
)


def is_plausible(wall: float) -> bool:
    """True when ``wall`` (seconds since 1970) can be the time of day; without RTC it is not."""
    return wall >= PLAUSIBLE_FROM


def blind(situation: Situation) -> Judgement:
    """The monitor cannot trust its own eyes: hold."""
    reference_fails = not situation.around.reference_ok
    return Judgement(
        Phase.BLIND,
        _NO_REFERENCE if reference_fails else _NO_TRUST,
        situation.state.raised | BLINDNESS,
    )


def warming_up(situation: Situation) -> Judgement:
    """Some member has never been known since the monitor started: wait."""
    waiting = [
        member.name
        for member in situation.policy.members
        if not is_known(situation.view(member.path_key))
    ]
    reason = f"Waiting for the first measurements of {', '.join(waiting)}."
    if not situation.around.clock_ok:
        reason = "Waiting for the clock of this host to be set: it shows a time before 2026."
    return Judgement(Phase.WARMING_UP, reason, situation.state.raised - BLINDNESS)


def settling(situation: Situation, until: float) -> Judgement:
    """The path below the active one has just changed: give the tunnel time."""
    left = until - situation.now
    return Judgement(
        Phase.SWITCHING,
        f"The path that carries {situation.name(situation.state.active)} has just changed: "
        f"nothing moves for {left:.0f} s, so that the tunnel can settle.",
        situation.state.raised - BLINDNESS,
    )


def settle_until(active: int | None, policy: PolicySpec, below: Iterable[PolicyState]) -> float:
    """Until when (monotonic seconds) the active path may settle; −inf when it need not.

    ``below`` are the states of the policies that have the path it rides on for a member.
    """
    index = policy.index_of(active)
    if index is None or policy.members[index].rides_on is None:
        return -math.inf
    moments = [state.last_switch_at for state in below if state.last_switch_at is not None]
    return max(moments, default=-math.inf) + SETTLE_SECS


def everything_fails(situation: Situation) -> Judgement | None:
    """The hold while all paths fail together; None when they do not.

    It begins with a dead active path and, once raised, lasts until the first path gives
    three answers.
    """
    raised = situation.state.raised - BLINDNESS
    keys = [
        member.path_key
        for member in situation.policy.members
        if situation.view(member.path_key).enabled
    ]
    if NoticeKind.ALL_PATHS_DOWN in raised:
        if any(situation.view(key).reachable is True for key in keys):
            return None
        return _all_down(raised)
    if NoticeKind.NO_VIABLE_PATH in raised or not is_dead(situation.view(situation.state.active)):
        return None
    if not _fail_together(situation, keys):
        return None
    if all(is_dead(situation.view(key)) for key in keys):
        return _all_down(raised)
    return Judgement(
        Phase.SWITCHING,
        "All paths began to fail together: waiting until each is known to be dead or alive.",
        raised,
    )


def _all_down(raised: frozenset[NoticeKind]) -> Judgement:
    return Judgement(
        Phase.NO_PATH,
        "All paths began to fail together: nothing moves until one of them answers again.",
        raised | ALL_DOWN,
    )


def _fail_together(situation: Situation, keys: list[int]) -> bool:
    starts = [situation.clock(key).failing_since for key in keys]
    known = [start for start in starts if start is not None]
    if len(known) < 2 or len(known) < len(starts):
        return False
    return max(known) - min(known) <= TOGETHER_SECS
