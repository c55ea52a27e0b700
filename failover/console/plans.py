"""What each switch of a policy would change, in the words of iproute2, before it happens.

The executor's own ``plan()`` is asked; it is pure and touches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from failover.control.enabling import uplinks_here
from failover.control.intents import UplinkStates, plan_for
from failover.executors.base import ExecutorError
from failover.models import FailoverPolicy
from health.models import Path


@dataclass(frozen=True, slots=True)
class PlanText:
    """The changes of moving a policy to one of its members, or why there is no plan."""

    to_path: str
    text: str
    problem: str


def plan_texts(policy: FailoverPolicy) -> list[PlanText]:
    """One plan for each member that does not carry the traffic; members must be loaded."""
    members = [member.path for member in policy.members.all()]
    state = getattr(policy, "state", None)
    active_id = state.active_path_id if state else None
    active = next((path for path in members if path.pk == active_id), None)
    states = uplinks_here()
    return [_plan_text(policy, path, active, states) for path in members if path is not active]


def _plan_text(
    policy: FailoverPolicy, path: Path, active: Path | None, states: UplinkStates
) -> PlanText:
    try:
        return PlanText(path.name, plan_for(policy, path, active, states).text(), "")
    except ExecutorError as error:
        return PlanText(path.name, "", str(error))
