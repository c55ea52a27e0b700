"""Writes of ``failover``: a decision becomes durable here, or does not happen.

A switch is one transaction: the state (by compare-and-swap on its generation),
the ``triggered`` event and the outbox row that asks for the actuation. Another
transaction records the end. A crash between the two leaves the outbox row
undone, and whoever holds the lease next finishes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, F

from failover.domain.situation import Notice, Switch
from failover.executors.base import Applied
from failover.models import (
    Direction,
    EventType,
    FailoverEvent,
    FailoverPolicy,
    FailoverState,
    OutboxMessage,
    OutboxTopic,
)
from health.models import MonitorLease, Path

FIRST_RETRY_SECS = 1.0
LONGEST_RETRY_SECS = 60.0
MAX_DOUBLINGS = 6
"""Of the first pause, until it has reached the longest one."""


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
    _swap(
        published,
        expected_generation=switch.generation - 1,
        lease_epoch=lease_epoch,
        active_path_id=switch.to_key,
        active_since=now,
        now=now,
    )
    _add_notices(policy, notices, switch.generation, scores, lease_epoch, now)
    event = _add_event(
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
        actor=switch.actor or "pathwarden",
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
    _swap(published, expected_generation=published.generation, lease_epoch=lease_epoch, now=now)
    _add_notices(policy, notices, published.generation, scores, lease_epoch, now)


def publish(states: Sequence[PublishedState], *, lease_epoch: int, now: datetime) -> None:
    """Store the latest judgements for pages and restarts; states changed meanwhile are left."""
    with transaction.atomic():
        for state in states:
            _matching(state.policy_id, state.generation, lease_epoch).update(
                **_published_fields(state), lease_epoch=lease_epoch, evaluated_at=now
            )


@transaction.atomic
def finish_switch(message: OutboxMessage, applied: Applied, *, now: datetime) -> None:
    """The network matches the decision: record it, once."""
    if not _mark_done(message, now=now):
        return
    triggered = message.event
    _add_sequel(
        triggered,
        EventType.COMPLETED,
        reason=triggered.reason,
        duration_ms=applied.duration_ms,
        evidence={"verified": applied.verified, "detail": applied.detail},
        now=now,
    )
    if triggered.direction == Direction.FAILOVER and triggered.policy_id is not None:
        FailoverState.objects.filter(policy_id=triggered.policy_id).update(
            failover_count=F("failover_count") + 1, last_failover=now
        )


@transaction.atomic
def fail_switch(message: OutboxMessage, error: str, *, retry: bool, now: datetime) -> None:
    """The network could not be changed: record it once, and try again or give up."""
    attempts = message.attempts + 1
    pause = min(FIRST_RETRY_SECS * 2 ** min(attempts - 1, MAX_DOUBLINGS), LONGEST_RETRY_SECS)
    changed = OutboxMessage.objects.filter(
        pk=message.pk, done_at__isnull=True, attempts=message.attempts
    ).update(
        attempts=attempts,
        last_error=error[:500],
        next_attempt_at=now + timedelta(seconds=pause),
        done_at=None if retry else now,
    )
    if changed and (message.attempts == 0 or not retry):
        _add_sequel(message.event, EventType.FAILED, reason=error[:500], now=now)


def supersede(message: OutboxMessage, *, now: datetime) -> None:
    """A later switch has replaced this one before it was carried out."""
    if _mark_done(message, now=now):
        OutboxMessage.objects.filter(pk=message.pk).update(last_error="superseded")


def _matching(policy_id: int, generation: int, lease_epoch: int) -> models.QuerySet[FailoverState]:
    return FailoverState.objects.filter(
        policy_id=policy_id, generation=generation, lease_epoch__lte=lease_epoch
    )


def _swap(
    published: PublishedState,
    *,
    expected_generation: int,
    lease_epoch: int,
    now: datetime,
    **changes: Any,
) -> None:
    changed = _matching(published.policy_id, expected_generation, lease_epoch).update(
        generation=published.generation,
        lease_epoch=lease_epoch,
        evaluated_at=now,
        **_published_fields(published),
        **changes,
    )
    if not changed:
        raise StaleGeneration(
            f"policy {published.policy_id} is no longer at generation {expected_generation}"
        )


def _published_fields(published: PublishedState) -> dict[str, Any]:
    return {
        "phase": published.phase,
        "reason": published.reason[:300],
        "record": published.record,
        "judgement": published.judgement,
        "primary_healthy_since": published.primary_healthy_since,
    }


def _add_notices(
    policy: FailoverPolicy,
    notices: Sequence[Notice],
    generation: int,
    scores: Scores,
    lease_epoch: int,
    now: datetime,
) -> None:
    for notice in notices:
        _add_event(
            policy,
            EventType(notice.kind.value),
            reason=notice.sentence,
            generation=generation,
            scores=scores,
            lease_epoch=lease_epoch,
            now=now,
            from_path_id=notice.path_key,
            actor=notice.actor or "pathwarden",
        )


def _add_event(
    policy: FailoverPolicy,
    event_type: EventType,
    *,
    reason: str,
    generation: int,
    scores: Scores,
    lease_epoch: int,
    now: datetime,
    direction: str = "",
    from_path_id: int | None = None,
    to_path_id: int | None = None,
    actor: str = "pathwarden",
    evidence: dict[str, Any] | None = None,
) -> FailoverEvent:
    # Not from the members: the path that is left may just have been taken out of the policy.
    keys = [key for key in (from_path_id, to_path_id) if key is not None]
    names: dict[int | None, str] = dict(
        Path.objects.filter(pk__in=keys).values_list("pk", "name") if keys else ()
    )
    return FailoverEvent.objects.create(
        timestamp=now,
        policy=policy,
        policy_uid=policy.uid,
        policy_name=policy.name,
        event_type=event_type,
        direction=direction,
        from_path_id=from_path_id if from_path_id in names else None,
        from_path_name=names.get(from_path_id, ""),
        to_path_id=to_path_id,
        to_path_name=names.get(to_path_id, ""),
        reason=reason[:500],
        primary_health_score=scores.primary,
        backup_health_score=scores.backup,
        generation=generation,
        lease_epoch=lease_epoch,
        actor=actor,
        evidence=evidence or {},
    )


def _add_sequel(
    triggered: FailoverEvent,
    event_type: EventType,
    *,
    reason: str,
    now: datetime,
    duration_ms: float | None = None,
    evidence: dict[str, Any] | None = None,
) -> None:
    """An event about the same switch: everything that names it is copied."""
    FailoverEvent.objects.create(
        timestamp=now,
        policy_id=triggered.policy_id,
        policy_uid=triggered.policy_uid,
        policy_name=triggered.policy_name,
        event_type=event_type,
        direction=triggered.direction,
        from_path_id=triggered.from_path_id,
        from_path_name=triggered.from_path_name,
        to_path_id=triggered.to_path_id,
        to_path_name=triggered.to_path_name,
        reason=reason,
        primary_health_score=triggered.primary_health_score,
        backup_health_score=triggered.backup_health_score,
        generation=triggered.generation,
        lease_epoch=triggered.lease_epoch,
        actor=triggered.actor,
        duration_ms=duration_ms,
        evidence=evidence or {},
    )


def _mark_done(message: OutboxMessage, *, now: datetime) -> bool:
    return bool(
        OutboxMessage.objects.filter(pk=message.pk, done_at__isnull=True).update(
            done_at=now, attempts=F("attempts") + 1
        )
    )
