"""An event in words and as JSON values, for people and programs outside."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from failover.models import FailoverEvent, OutboxMessage
from failover.notifiers.base import Message


def message_of(row: OutboxMessage) -> Message:
    """What a channel says about the row's event."""
    event = row.event
    return Message(
        key=f"message-{row.pk}",
        timestamp=int(event.timestamp.timestamp()),
        subject=subject_of(event),
        text=text_of(event),
        values=values_of(event),
    )


def subject_of(event: FailoverEvent) -> str:
    """One line: the policy, what happened, and between which paths."""
    moved = f": {event.from_path_name} → {event.to_path_name}" if event.to_path_name else ""
    return f"{event.policy_name}: {event.get_event_type_display()}{moved}"


def text_of(event: FailoverEvent) -> str:
    """A few lines that can be understood without the console."""
    when = event.timestamp.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    scores = [
        f"{name} {score:.0f}"
        for name, score in (
            ("primary", event.primary_health_score), ("backup", event.backup_health_score)
        )
        if score is not None
    ]  # fmt: skip
    lines = [subject_of(event), event.reason, f"{when}, by {event.actor}"]
    if event.duration_ms is not None:
        lines.append(f"The switch took {event.duration_ms:.1f} ms.")
    if scores:
        lines.append(f"Health scores: {', '.join(scores)}.")
    return "\n".join(line for line in lines if line)


def values_of(event: FailoverEvent) -> dict[str, Any]:
    """JSON values by the names of the API."""
    return {
        "event_id": event.pk,
        "event_type": event.event_type,
        "direction": event.direction or None,
        "timestamp": event.timestamp.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "policy": event.policy_name,
        "policy_uid": str(event.policy_uid),
        "from_path": event.from_path_name or None,
        "to_path": event.to_path_name or None,
        "reason": event.reason,
        "generation": event.generation,
        "actor": event.actor,
        "duration_ms": event.duration_ms,
        "primary_health_score": event.primary_health_score,
        "backup_health_score": event.backup_health_score,
    }
