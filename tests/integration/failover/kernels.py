"""An executor that reads back, over a kernel made of a dict: for drift, failures and restarts.

Shared by the tests of actuation and reconciling; nothing that asserts a result may enter.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from failover.executors import EXECUTORS
from failover.executors.base import Applied, Change, Intent, Observed, Plan, Problem, Proposal
from failover.executors.fence import Fence
from failover.executors.planning import route_changes


class KernelOfDict:
    """Outlives the executors over it, like a kernel."""

    def __init__(self) -> None:
        self.routes: dict[str, Observed] = {}
        self.applied: list[Intent] = []
        self.failures: list[Exception] = []
        """Raised by the next orders, one each."""
        self.fence = Fence()

    # --- the executor ---------------------------------------------------------------------
    def plan(self, intent: Intent) -> Plan:
        return route_changes(intent)

    def apply(self, plan: Plan) -> Applied:
        intent = plan.intent
        self.fence.check(intent)
        if self.failures:
            raise self.failures.pop(0)
        self.routes[intent.policy_uid] = Observed(
            intent.to_uplink.path_key, intent.generation, intent.lease_epoch, plan.changes
        )
        self.fence.remember(plan)
        self.applied.append(intent)
        return Applied(verified=True, duration_ms=2.0, detail="done")

    def observe(self, policy_uid: str) -> Observed | None:
        return self.routes.get(policy_uid)

    def remove(self, policy_uid: str) -> Applied:
        if self.failures:
            raise self.failures.pop(0)
        self.routes.pop(policy_uid, None)
        return Applied(verified=True, duration_ms=1.0, detail="gone")

    def check(self, proposal: Proposal) -> list[Problem]:
        return []

    # --- somebody else ----------------------------------------------------------------------
    def meddle(self, policy_uid: str, changes: tuple[Change, ...] = ()) -> None:
        """Change what is in force behind Pathwarden's back."""
        known = self.routes[policy_uid]
        self.routes[policy_uid] = Observed(None, known.generation, known.lease_epoch, changes)


def register(monkeypatch: pytest.MonkeyPatch) -> KernelOfDict:
    """Let ``dry_run`` stand for an executor of this kind."""
    kernel = KernelOfDict()

    def make(folder: Path) -> KernelOfDict:
        return kernel

    row = EXECUTORS["dry_run"]
    monkeypatch.setitem(EXECUTORS, "dry_run", row._replace(make=make, reads_back=True))
    return kernel
