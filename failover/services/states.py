"""States of policies apart from switches: the first one, whose epochs it obeys, publications."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists

from failover.models import FailoverPolicy, FailoverState
from failover.services.published import PublishedState, matching, published_fields
from health.models import MonitorLease


def ensure_states(policies: Sequence[FailoverPolicy], *, now: datetime) -> None:
    """Give every policy that has members a state; a new one starts on its primary."""
    for policy in policies:
        members = policy.members.all()
        if members and not hasattr(policy, "state"):
            FailoverState.objects.get_or_create(
                policy=policy,
                defaults={"active_path_id": members[0].path_id, "active_since": now},
            )


def adopt_states(policy_ids: Sequence[int], *, vantage_id: int, lease_epoch: int) -> None:
    """Let policies that came from another vantage obey the epochs of this one.

    Epochs are counted per vantage, so a policy that moved to a younger one would
    refuse its orders for ever. Only the present holder may do this: one that lost
    its lease finds a higher epoch there and changes nothing.
    """
    present = MonitorLease.objects.filter(vantage=vantage_id, epoch=lease_epoch)
    FailoverState.objects.filter(
        Exists(present), policy__in=policy_ids, lease_epoch__gt=lease_epoch
    ).update(lease_epoch=lease_epoch)


def publish(states: Sequence[PublishedState], *, lease_epoch: int, now: datetime) -> None:
    """Store the latest judgements for pages and restarts; states changed meanwhile are left."""
    with transaction.atomic():
        for state in states:
            matching(state.policy_id, state.generation, lease_epoch).update(
                **published_fields(state), lease_epoch=lease_epoch, evaluated_at=now
            )
