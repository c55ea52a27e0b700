"""A decision becomes durable here, or does not happen.

A switch is one transaction: the state (by compare-and-swap on its generation), the
``triggered`` event and the outbox row that asks for the actuation. What became of it is
recorded by ``failover.services.outcomes``. A crash between the two leaves the outbox row
undone, and whoever holds the lease next finishes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from failover.domain.situation import Notice, Switch
from failover.models import (
    Direction,
    EventType,
    FailoverEvent,
    FailoverPolicy,
    OutboxMessage,
    OutboxTopic,
)
from failover.services.audit import add_event, add_notices
from failover.services.published import PublishedState, Scores, swap


@transaction.atomic
def begin_switch(
    policy: FailoverPolicy,
    switch: Switch,
    notices: Sequence[Notice],
    published: PublishedState,
    *,
    scores: Scores,
    evidence: dict[str, Any],
    lease_epoch: int,
    now: datetime,
) -> FailoverEvent:
    """Make ``switch`` durable and ask for its actuation; returns the ``triggered`` event.

    Raises ``StaleGeneration`` (and writes nothing) unless the stored generation
    is the one before the switch and no later lease has touched the state.
    """
    swap(
        published,
        expected_generation=switch.generation - 1,
        lease_epoch=lease_epoch,
        active_path_id=switch.to_key,
        active_since=now,
        now=now,
    )
    add_notices(policy, notices, switch.generation, scores, lease_epoch, now)
    event = add_event(
        policy,
        EventType.TRIGGERED,
        reason=switch.reason,
        generation=switch.generation,
        scores=scores,
        lease_epoch=lease_epoch,
        now=now,
        direction=Direction(switch.direction.value),
        from_path_id=switch.from_key,
        to_path_id=switch.to_key,
        actor=switch.actor,
        evidence=evidence,
    )
    OutboxMessage.objects.create(
        event=event, topic=OutboxTopic.ACTUATE, created_at=now, next_attempt_at=now
    )
    return event


@transaction.atomic
def announce(
    policy: FailoverPolicy,
    notices: Sequence[Notice],
    published: PublishedState,
    *,
    scores: Scores,
    lease_epoch: int,
    now: datetime,
) -> None:
    """Record notices (conditions that began, pins that ended) together with the new state.

    Raises ``StaleGeneration`` like ``begin_switch``.
    """
    swap(published, expected_generation=published.generation, lease_epoch=lease_epoch, now=now)
    add_notices(policy, notices, published.generation, scores, lease_epoch, now)
