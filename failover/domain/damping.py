"""How long a path that failed must prove itself: the penalty and the return delay.

In the spirit of RFC 2439 (route flap damping): each failure adds to a penalty that
decays exponentially, and the penalty stretches the delay. Here it only delays a
return; it never keeps traffic on a dead path.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from failover.domain.policy import PolicySpec
    from failover.domain.state import MemberClock

HALF_LIFE_SECS = 7200.0
GROWTH = 4.0
"""Each repeated failure makes the delay this many times longer."""
MAX_PENALTY = 8.0
"""A storm of failures is forgotten in hours: the penalty has a ceiling, as in RFC 2439."""
CAP_SECS = 3600.0
"""Longest delay that growth may reach; a longer configured delay is kept as it is."""


def decayed(penalty: float, at: float, now: float) -> float:
    """``penalty`` counted at ``at``, as it stands at ``now`` (monotonic seconds)."""
    elapsed = max(0.0, now - at)
    return penalty * math.pow(2.0, -elapsed / HALF_LIFE_SECS)


def after_failure(penalty: float) -> float:
    """The penalty after one more failure."""
    return min(MAX_PENALTY, penalty + 1.0)


def return_delay_secs(policy: PolicySpec, clock: MemberClock) -> float:
    """Seconds of continuous health before traffic may return to the member.

    ``failback_delay_secs · 4^max(0, P−1)``, at most one hour, with P as it stood when
    the member was last left: the first failure waits the plain delay, and the time
    shown to people does not change while they watch it.
    """
    base = policy.failback_delay_secs
    if not policy.damping:
        return base
    grown = base * math.pow(GROWTH, max(0.0, clock.penalty - 1.0))
    return max(base, min(CAP_SECS, grown))
