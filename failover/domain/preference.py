"""Rule 3's last gate: traffic moves from a healthy path to one that the strategy prefers.

Only strategies with ``moves`` ask. The target passes every gate: it is at least 10 points
better over the last 10 s, and it has been healthy for its return delay, which grows each
time it is left for another. So two paths that take turns are followed ever more rarely.
"""

from __future__ import annotations

from failover.domain.gates import (
    BETTER_BY,
    RECENT_SECS,
    Leniency,
    first_passing,
    is_preferred,
    points_better,
)
from failover.domain.situation import Direction, Situation, Switch
from failover.domain.state import Cause
from failover.domain.transition import dwell_left_secs, make_switch

_STEPS = (Leniency.PREFERENCE,)


def preferred_switch(situation: Situation) -> Switch | None:
    """The move to the path that the strategy prefers, None when the traffic is well placed."""
    if dwell_left_secs(situation, Cause.PREFERENCE, in_need=False) > 0.0:
        return None
    target = first_passing(situation, _STEPS)
    if target is None:
        return None
    active = situation.state.active
    points = points_better(situation.view(active), situation.view(target)) or 0.0
    policy = situation.policy
    reason = (
        f"Moved from {situation.name(active)} to {situation.name(target)}: {points:.0f} points "
        f"better over the last {RECENT_SECS:g} s ({policy.preference.label.lower()})."
    )
    wanted_more = policy.order[: policy.place_of(active)]
    direction = Direction.FAILBACK if target in wanted_more else Direction.FAILOVER
    return make_switch(situation, target, direction, Cause.PREFERENCE, reason)


def would_leave_again(situation: Situation, key: int) -> bool:
    """True when the strategy would move straight back from ``key`` to the active path."""
    if not situation.policy.preference.moves:
        return False
    points = points_better(situation.view(key), situation.view(situation.state.active))
    return points is not None and points >= BETTER_BY and not is_preferred(situation, key)
