"""Adds events to the audit trail; every event of a switch or condition is written here.

Called inside the transaction of what the event is about. Nothing may be decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from failover.domain.situation import Notice
from failover.models import EventType, FailoverEvent, FailoverPolicy
from failover.services.fan_out import fan_out
from failover.services.published import Scores
from health.models import Path

LONGEST_REASON = 500
NO_SCORES = Scores(None, None)
SYSTEM = "pathwarden"
"""The actor of what nobody ordered."""


def add_event(
    policy: FailoverPolicy,
    event_type: EventType,
    *,
    reason: str,
    generation: int,
    lease_epoch: int,
    now: datetime,
    scores: Scores = NO_SCORES,
    direction: str = "",
    from_path_id: int | None = None,
    to_path_id: int | None = None,
    actor: str = SYSTEM,
    evidence: dict[str, Any] | None = None,
) -> FailoverEvent:
    """Add one event about ``policy``."""
    # Not from the members: the path that is left may just have been taken out of the policy.
    keys = [key for key in (from_path_id, to_path_id) if key is not None]
    names: dict[int | None, str] = dict(
        Path.objects.filter(pk__in=keys).values_list("pk", "name") if keys else ()
    )
    event = FailoverEvent.objects.create(
        timestamp=now,
        policy=policy,
        policy_uid=policy.uid,
        policy_name=policy.name,
        event_type=event_type,
        direction=direction,
        from_path_id=from_path_id if from_path_id in names else None,
        from_path_name=names.get(from_path_id, ""),
        to_path_id=to_path_id if to_path_id in names else None,
        to_path_name=names.get(to_path_id, ""),
        reason=reason[:LONGEST_REASON],
        primary_health_score=scores.primary,
        backup_health_score=scores.backup,
        generation=generation,
        lease_epoch=lease_epoch,
        actor=actor or SYSTEM,
        evidence=evidence or {},
    )
    fan_out(event, now=now)
    return event


def add_notices(
    policy: FailoverPolicy,
    notices: Sequence[Notice],
    generation: int,
    scores: Scores,
    lease_epoch: int,
    now: datetime,
) -> None:
    """Add an event for each notice."""
    for notice in notices:
        add_event(
            policy,
            EventType(notice.kind.value),
            reason=notice.sentence,
            generation=generation,
            scores=scores,
            lease_epoch=lease_epoch,
            now=now,
            from_path_id=notice.path_key,
            actor=notice.actor,
        )


def add_sequel(
    triggered: FailoverEvent,
    event_type: EventType,
    *,
    reason: str,
    now: datetime,
    duration_ms: float | None = None,
    evidence: dict[str, Any] | None = None,
) -> FailoverEvent:
    """An event about the same switch: everything that names it is copied."""
    event = FailoverEvent.objects.create(
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
        reason=reason[:LONGEST_REASON],
        primary_health_score=triggered.primary_health_score,
        backup_health_score=triggered.backup_health_score,
        generation=triggered.generation,
        lease_epoch=triggered.lease_epoch,
        actor=triggered.actor,
        duration_ms=duration_ms,
        evidence=evidence or {},
    )
    fan_out(event, now=now)
    return event
