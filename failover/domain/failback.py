"""Rule 4: return to a path of better priority once it has proven itself.

The quiet rule: it runs in every decision in which nothing is wrong, so its common way
must stay cheap. Returning takes ``failback_delay_secs`` of continuous health, stretched
by damping, and the ordinary dwell.
"""

from __future__ import annotations

from failover.domain.clocks import has_proven_itself
from failover.domain.gates import Leniency, first_failing_gate
from failover.domain.leave import stays_without_alarm
from failover.domain.policy import FailbackMode
from failover.domain.situation import Direction, Judgement, Phase, Situation
from failover.domain.state import Cause
from failover.domain.transition import dwell_left_secs, make_switch
from health.domain.status import PathStatus

_UNKNOWN = PathStatus.UNKNOWN
_SETTLED = Phase.SETTLED


def judge(situation: Situation) -> Judgement:
    """Return, wait for a return, or stay; the active path itself gives no cause to leave."""
    policy, state = situation.policy, situation.state
    raised = stays_without_alarm(situation) if state.raised else state.raised
    index = policy.index_of(state.active) or 0
    if index == 0:
        return Judgement(_SETTLED, _stays(situation), raised)
    proving = _first_proving(situation, index)
    if proving is None:
        return Judgement(_SETTLED, _stays(situation), raised)
    ready = _first_ready(situation, index)
    if ready is None:
        reason = f"{_stays(situation)} {situation.name(proving)} is proving itself for a return."
        return Judgement(Phase.FAILBACK_WAIT, reason, raised)
    if policy.failback_mode is not FailbackMode.AUTOMATIC:
        reason = f"{situation.name(ready)} is ready; failback is {policy.failback_mode}."
        return Judgement(Phase.SETTLED, reason, raised)
    wait = dwell_left_secs(situation, Cause.RETURN, in_need=False)
    if wait > 0.0:
        reason = f"Returns to {situation.name(ready)} in {wait:.0f} s, when the dwell has passed."
        return Judgement(Phase.FAILBACK_WAIT, reason, raised)
    since = situation.clock(ready).healthy_since
    proven = 0.0 if since is None else situation.now - since
    reason = (
        f"Returned from {situation.name(state.active)} to {situation.name(ready)}: "
        f"healthy for {proven:.0f} s."
    )
    switch = make_switch(situation, ready, Direction.FAILBACK, Cause.RETURN, reason)
    return Judgement(Phase.SWITCHING, reason, raised, switch)


def _first_proving(situation: Situation, index: int) -> int | None:
    clocks = situation.state.clocks
    for member in situation.policy.members[:index]:
        clock = clocks.get(member.path_key)
        if clock is not None and clock.healthy_since is not None:
            return member.path_key
    return None


def _first_ready(situation: Situation, index: int) -> int | None:
    for member in situation.policy.members[:index]:
        key = member.path_key
        if not has_proven_itself(situation.policy, situation.clock(key), situation.now):
            continue
        if first_failing_gate(situation, key, Leniency.DAMPED_TOO) is None:
            return key
    return None


def _stays(situation: Situation) -> str:
    active = situation.state.active
    view, name = situation.view(active), situation.policy.name_of(active)
    if view.status is _UNKNOWN:
        return f"Stays on {name} although there is no data about it: ignorance moves nothing."
    if view.score is None:
        return f"Stays on {name}: it has just come back."
    return f"Stays on {name}: score {view.score:.0f}, no cause to leave."
