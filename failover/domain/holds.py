"""When nothing may move although something is wrong: blindness, warm-up, everything down.

Ignorance never moves traffic, and when every path begins to fail at once the fault is
most likely common to all of them, where a switch helps nobody.
"""

from __future__ import annotations

from failover.domain.clocks import is_known
from failover.domain.evidence import is_dead
from failover.domain.situation import Judgement, Phase, Situation
from failover.domain.state import NoticeKind

TOGETHER_SECS = 2.0
"""Paths whose losses began within this time began to fail together."""

BLINDNESS = frozenset({NoticeKind.MONITOR_BLIND})
ALL_DOWN = frozenset({NoticeKind.ALL_PATHS_DOWN})
NO_PATH = frozenset({NoticeKind.NO_VIABLE_PATH})


def blind(situation: Situation) -> Judgement:
    """The monitor cannot trust its own eyes: hold."""
    return Judgement(
        Phase.BLIND,
        "The monitor cannot trust its own measurements: nothing moves.",
        situation.state.raised | BLINDNESS,
    )


def warming_up(situation: Situation) -> Judgement:
    """Some member has never been known since the monitor started: wait."""
    waiting = [
        member.name
        for member in situation.policy.members
        if not is_known(situation.view(member.path_key))
    ]
    return Judgement(
        Phase.WARMING_UP,
        f"Waiting for the first measurements of {', '.join(waiting)}.",
        situation.state.raised - BLINDNESS,
    )


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
