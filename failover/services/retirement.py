"""Ends what a policy does to the network: its deletion, and a path that it uses going away.

The process that serves people never touches a route: it leaves an outbox row, and the
monitor of the vantage withdraws the routes.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from failover.models import (
    EventType,
    FailoverPolicy,
    FailoverState,
    OutboxMessage,
    OutboxTopic,
)
from failover.services.audit import add_event
from health.models import Path


@transaction.atomic
def retire_policy(policy: FailoverPolicy, *, keep_route: bool, actor: str, now: datetime) -> None:
    """Delete ``policy``; its routes stay with ``keep_route``, else they are withdrawn.

    Withdrawn routes leave the traffic to the system's own, as before the policy. Events
    outlive the policy.
    """
    state = FailoverState.objects.filter(policy=policy).first()
    fate = "its routes stay as they are" if keep_route else "its routes are withdrawn"
    event = add_event(
        policy,
        EventType.POLICY_CHANGED,
        reason=f"The policy was deleted; {fate}.",
        generation=state.generation if state else 0,
        lease_epoch=state.lease_epoch if state else 0,
        now=now,
        from_path_id=state.active_path_id if state else None,
        actor=actor,
    )
    member = policy.members.select_related("path__uplink").first()
    if not keep_route and member is not None:
        OutboxMessage.objects.create(
            event=event,
            topic=OutboxTopic.WITHDRAW,
            payload={
                "policy_uid": str(policy.uid),
                "executor": policy.executor,
                "vantage_id": member.path.uplink.vantage_id,
            },
            created_at=now,
            next_attempt_at=now,
        )
    policy.delete()


def why_path_cannot_leave(path: Path, *, from_policies: set[int] | None = None) -> str:
    """Why ``path`` can't be disabled, or taken out of policies, now; "" when it can.

    Traffic on a disabled path, or on one that is no member any more, moves to the best
    candidate by the next decision. Without one it would stay on a path that nobody wants:
    that is refused. ``from_policies`` narrows it to those policies.
    """
    states = FailoverState.objects.filter(active_path=path, policy__enabled=True)
    if from_policies is not None:
        states = states.filter(policy__in=from_policies)
    stranded = [
        f"{state.policy.name} ({_obstacles(state)})"
        for state in states.select_related("policy").order_by("policy__name")
        if _best_candidate(state, without=path.pk) is None
    ]
    if not stranded:
        return ""
    return (
        f"{path.name} carries the traffic of {', '.join(stranded)}, and no other path can take "
        "it over now. Wait until one can, or disable the policy first: its traffic then stays."
    )


def best_candidate(policy: FailoverPolicy, *, without: int) -> str | None:
    """The name of the path that would take over when ``without`` goes; None when none can."""
    state = FailoverState.objects.filter(policy=policy).first()
    return None if state is None else _best_candidate(state, without=without)


def _best_candidate(state: FailoverState, *, without: int) -> str | None:
    """From the latest judgement of the monitor, which put the best one first."""
    for candidate in state.judgement.get("candidates", ()):
        if candidate["gate"] is None and candidate["path_id"] != without:
            return str(candidate["name"])
    return None


def _obstacles(state: FailoverState) -> str:
    said = [f"{one['name']}: {one['sentence']}" for one in state.judgement.get("candidates", ())]
    return "; ".join(said) or "nothing is known of its other paths"
