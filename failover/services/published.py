"""The state of a policy on its way into the database, and the swap that lets it in.

Every change of a state goes through ``swap``: a compare-and-swap on the generation,
under the epoch of the lease. No events and no effects may enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

from failover.models import FailoverState


class StaleGeneration(Exception):
    """Somebody else has changed the state of the policy; the decision is void."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores that an event keeps: of the primary, and of the backup it is about."""

    primary: float | None
    backup: float | None


@dataclass(frozen=True, slots=True)
class PublishedState:
    """What pages show of a policy and what a restart needs; see ``FailoverState``."""

    policy_id: int
    generation: int
    phase: str
    reason: str
    record: dict[str, Any]
    judgement: dict[str, Any]
    primary_healthy_since: datetime | None


def matching(policy_id: int, generation: int, lease_epoch: int) -> models.QuerySet[FailoverState]:
    """The state, if it still is of that generation and no later lease has touched it."""
    return FailoverState.objects.filter(
        policy_id=policy_id, generation=generation, lease_epoch__lte=lease_epoch
    )


def swap(
    published: PublishedState,
    *,
    expected_generation: int,
    lease_epoch: int,
    now: datetime,
    **changes: Any,
) -> None:
    """Replace the state of ``expected_generation``; raises ``StaleGeneration``."""
    changed = matching(published.policy_id, expected_generation, lease_epoch).update(
        generation=published.generation,
        lease_epoch=lease_epoch,
        evaluated_at=now,
        **published_fields(published),
        **changes,
    )
    if not changed:
        raise StaleGeneration(
            f"policy {published.policy_id} is no longer at generation {expected_generation}"
        )


def published_fields(published: PublishedState) -> dict[str, Any]:
    """The columns that a publication fills."""
    return {
        "phase": published.phase,
        "reason": published.reason[:300],
        "record": published.record,
        "judgement": published.judgement,
        "primary_healthy_since": published.primary_healthy_since,
    }
