"""How a state changes when traffic moves: the switch itself, its holds, its bookkeeping.

The only place where ``active`` and ``generation`` change. No rule decides here.
"""

from __future__ import annotations

from dataclasses import replace

from failover.domain.damping import after_failure, decayed
from failover.domain.situation import Direction, Situation, Switch
from failover.domain.state import Cause, MemberClock, PolicyState


def make_switch(
    situation: Situation,
    to_key: int,
    direction: Direction,
    cause: Cause,
    reason: str,
    actor: str = "",
) -> Switch:
    """The switch from the active path to ``to_key``, with the next generation."""
    state = situation.state
    return Switch(state.active, to_key, direction, cause, state.generation + 1, reason, actor)


def dwell_left_secs(situation: Situation, cause: Cause, *, in_need: bool) -> float:
    """Seconds until the dwell since the last switch allows another one for ``cause``.

    ``in_need`` says that the traffic has no working path: the short dwell holds. An outage
    within ``dwell_secs`` of a switch may switch at once, but only once until the policy
    has been quiet for ``dwell_secs``.
    """
    policy, state, now = situation.policy, situation.state, situation.now
    if state.last_switch_at is None:
        return 0.0
    quiet = now - state.last_switch_at
    if not in_need:
        return max(0.0, policy.dwell_secs - quiet)
    if cause.is_outage and not state.dwell_waived:
        return 0.0
    return max(0.0, policy.dead_dwell_secs - quiet)


def after_switch(situation: Situation, switch: Switch) -> PolicyState:
    """The state once ``switch`` has been decided; the path that was left starts its clock anew."""
    state, now = situation.state, situation.now
    clocks = dict(state.clocks)
    if switch.from_key is not None:
        left = situation.clock(switch.from_key)
        clocks[switch.from_key] = _clock_of_the_left(left, switch.cause, now)
    taken = situation.clock(switch.to_key)
    clocks[switch.to_key] = replace(taken, left_at=None, left_because=None)
    return replace(
        state,
        active=switch.to_key,
        generation=switch.generation,
        active_since=now,
        last_switch_at=now,
        last_cause=switch.cause,
        last_reason=switch.reason,
        dwell_waived=_waiver_is_used(situation, switch.cause),
        clocks=clocks,
    )


def _clock_of_the_left(clock: MemberClock, cause: Cause, now: float) -> MemberClock:
    penalty = decayed(clock.penalty, clock.penalty_at, now)
    clock = replace(clock, healthy_since=None, carried_secs=0.0, penalty=penalty, penalty_at=now)
    if not cause.is_penalised:
        return clock
    clock = replace(clock, penalty=after_failure(penalty))
    return replace(clock, left_at=now, left_because=cause) if cause.is_failure else clock


def _waiver_is_used(situation: Situation, cause: Cause) -> bool:
    policy, state = situation.policy, situation.state
    if state.last_switch_at is None:
        return False
    quiet = situation.now - state.last_switch_at
    if cause is Cause.CHECK_FAILED:
        return True
    if cause is Cause.DEAD and quiet < policy.dead_dwell_secs:
        return True
    return state.dwell_waived and quiet < policy.dwell_secs
