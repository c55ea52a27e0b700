"""The default executor: shows exactly what would be done, and does nothing to the host.

It keeps what it recorded in this process only; nothing that touches the kernel may enter.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from failover.executors.base import Applied, Intent, Observed, Plan, Problem, Proposal
from failover.executors.fence import Fence
from failover.executors.planning import proposal_problems, route_changes

if TYPE_CHECKING:
    from collections.abc import Callable

REMEMBERED_PLANS = 1000
"""Older plans are forgotten; the events keep them."""


class DryRunExecutor:
    """Records plans instead of applying them; ``clock`` gives seconds for the duration."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._fence = Fence()
        self._in_force: dict[str, Observed] = {}
        self.plans: deque[Plan] = deque(maxlen=REMEMBERED_PLANS)

    def plan(self, intent: Intent) -> Plan:
        """The exact route changes and their inverse; raises ``ExecutorError`` on bad values."""
        return route_changes(intent)

    def apply(self, plan: Plan) -> Applied:
        """Record the plan and read it back; raises ``ExecutorError`` when the fence refuses."""
        started = self._clock()
        intent = plan.intent
        self._fence.check(intent)
        wanted = Observed(
            intent.to_uplink.path_key, intent.generation, intent.lease_epoch, plan.changes
        )
        self._in_force[intent.policy_uid] = wanted
        self._fence.remember(plan)
        self.plans.append(plan)
        verified = self.observe(intent.policy_uid) == wanted
        duration_ms = (self._clock() - started) * 1000.0
        return Applied(verified, duration_ms, f"Dry run, nothing was changed.\n{plan.text()}")

    def observe(self, policy_uid: str) -> Observed | None:
        """What was recorded last for the policy."""
        return self._in_force.get(policy_uid)

    def remove(self, policy_uid: str) -> Applied:
        """Forget what was recorded for the policy."""
        self._in_force.pop(policy_uid, None)
        self._fence.forget(policy_uid)
        return Applied(True, 0.0, "Dry run, nothing was changed.")

    def check(self, proposal: Proposal) -> list[Problem]:
        """What could not even be planned."""
        return proposal_problems(proposal)
