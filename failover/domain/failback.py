"""Rule 4: return to a path of better priority once it has proven itself.

The quiet rule: it runs in every decision in which nothing is wrong, so its common way
must stay cheap. Returning takes ``failback_delay_secs`` of continuous health, stretched
by damping, and the ordinary dwell. Moves by preference stand in ``preference``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from failover.domain.clocks import has_proven_itself, proven_secs
from failover.domain.gates import Leniency, first_failing_gate
from failover.domain.leave import stays_without_alarm
from failover.domain.policy import FailbackMode
from failover.domain.preference import preferred_switch, would_leave_again
from failover.domain.situation import Direction, Judgement, Phase, Situation
from failover.domain.state import Cause
from failover.domain.transition import dwell_left_secs, make_switch
from health.domain.status import PathStatus

if TYPE_CHECKING:
    from failover.domain.state import NoticeKind

_UNKNOWN = PathStatus.UNKNOWN
_NOTHING: frozenset[NoticeKind] = frozenset()


def judge(situation: Situation) -> Judgement:
    """Return, wait for a return, or stay; the active path itself gives no cause to leave."""
    policy, state = situation.policy, situation.state
    raised = stays_without_alarm(situation) if state.raised else state.raised
    place = policy.place_of(state.active) or 0
    wanted = policy.order[:place]
    judgement = _return(situation, wanted, raised) if wanted else None
    if judgement is not None and judgement.switch is not None:
        return judgement
    if policy.preference.moves and not _why_wait(situation):
        switch = preferred_switch(situation)
        if switch is not None:
            return Judgement(Phase.SWITCHING, switch.reason, raised, switch)
    return _settled(situation, raised) if judgement is None else judgement


def _return(
    situation: Situation, wanted: tuple[int, ...], raised: frozenset[NoticeKind]
) -> Judgement | None:
    """What rule 4 says of the paths before the active one; None when none of them is healthy."""
    proving = _first_proving(situation, wanted)
    if proving is None:
        return None
    ready = _first_ready(situation, wanted)
    if ready is None:
        reason = f"{_stays(situation)} {situation.name(proving)} is proving itself for a return."
        return Judgement(Phase.FAILBACK_WAIT, reason, raised)
    held = _why_wait(situation)
    if held:
        automatic = situation.policy.failback_mode.is_automatic
        phase = Phase.FAILBACK_WAIT if automatic else Phase.SETTLED
        return Judgement(phase, f"{situation.name(ready)} is ready; failback {held}.", raised)
    wait = dwell_left_secs(situation, Cause.RETURN, in_need=False)
    if wait > 0.0:
        reason = f"Returns to {situation.name(ready)} in {wait:.0f} s, when the dwell has passed."
        return Judgement(Phase.FAILBACK_WAIT, reason, raised)
    proven = proven_secs(situation.clock(ready), situation.now)
    reason = (
        f"Returned from {situation.name(situation.state.active)} to {situation.name(ready)}: "
        f"healthy for {proven:.0f} s."
    )
    switch = make_switch(situation, ready, Direction.FAILBACK, Cause.RETURN, reason)
    return Judgement(Phase.SWITCHING, reason, raised, switch)


def _why_wait(situation: Situation) -> str:
    """What keeps a healthy path from being left for a better one; "" when nothing does."""
    mode = situation.policy.failback_mode
    if mode is FailbackMode.AUTOMATIC:
        return ""
    if mode is not FailbackMode.WINDOW:
        return f"is {mode}"
    if situation.around.in_failback_window:
        return ""
    return f"waits for its time window ({situation.policy.failback_window})"


def _first_proving(situation: Situation, wanted: tuple[int, ...]) -> int | None:
    clocks = situation.state.clocks
    for key in wanted:
        clock = clocks.get(key)
        if clock is not None and clock.healthy_since is not None:
            return key
    return None


def _first_ready(situation: Situation, wanted: tuple[int, ...]) -> int | None:
    policy, now = situation.policy, situation.now
    for key in wanted:
        if not has_proven_itself(policy, situation.clock(key), now):
            continue
        if would_leave_again(situation, key):
            continue
        if first_failing_gate(situation, key, Leniency.DAMPED_TOO) is None:
            return key
    return None


def _settled(situation: Situation, raised: frozenset[NoticeKind]) -> Judgement:
    active = situation.state.active
    view, name = situation.view(active), situation.name(active)
    if raised or view.score is None or view.status is _UNKNOWN:
        return Judgement(Phase.SETTLED, _stays(situation), raised)
    return _quiet(name, round(view.score))


@lru_cache(maxsize=4096)
def _quiet(name: str, score: int) -> Judgement:
    """The judgement of nearly every decision, kept: there are only so many of them."""
    return Judgement(Phase.SETTLED, _stays_well(name, score), _NOTHING)


def _stays(situation: Situation) -> str:
    active = situation.state.active
    view, name = situation.view(active), situation.policy.name_of(active)
    if view.status is _UNKNOWN:
        return f"Stays on {name} although there is no data about it: ignorance moves nothing."
    if view.score is None:
        return f"Stays on {name}: it has just come back."
    return _stays_well(name, round(view.score))


def _stays_well(name: str, score: int) -> str:
    return f"Stays on {name}: score {score}, no cause to leave."
