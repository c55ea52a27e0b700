"""Edits of policies as events: who changed what, in the audit trail beside the switches."""

from __future__ import annotations

import datetime as dt
from typing import Any

from failover.models import EventType, FailoverEvent, FailoverPolicy, FailoverState

WATCHED = (
    "name",
    "enabled",
    "mode",
    "strategy",
    "executor",
    "failover_threshold",
    "failback_threshold",
    "failback_delay_secs",
    "failback_mode",
    "damping",
    "failback_window",
    "time_zone",
    "role_source",
    "connections",
    "ipv6_default_declared",
)


def snapshot(policy: FailoverPolicy) -> dict[str, Any]:
    """What an edit may change, as plain values; members and routes are read afresh."""
    members = policy.members.order_by("position").values_list("path__name", "schedule")
    return {
        **{field: getattr(policy, field) for field in WATCHED},
        "members": [f"{name} ({when})" if when else name for name, when in members],
        "routes": sorted(str(route) for route in policy.routes.all()),
    }


def record_edit(
    policy: FailoverPolicy, before: dict[str, Any] | None, *, actor: str, now: dt.datetime
) -> FailoverEvent | None:
    """Add the event of an edit; ``before`` is None for a new policy. None when nothing changed."""
    after = snapshot(policy)
    old = before or {}
    changed = {key: [old.get(key), value] for key, value in after.items() if old.get(key) != value}
    if not changed:
        return None
    state = FailoverState.objects.filter(policy=policy).first()
    return FailoverEvent.objects.create(
        timestamp=now,
        policy=policy,
        policy_uid=policy.uid,
        policy_name=policy.name,
        event_type=_event_type(before, changed),
        reason=_sentence(before, changed)[:500],
        generation=state.generation if state else 0,
        lease_epoch=state.lease_epoch if state else 0,
        actor=actor,
        evidence={} if before is None else {"changed": changed},
    )


def _event_type(before: dict[str, Any] | None, changed: dict[str, Any]) -> EventType:
    if "enabled" not in changed:
        return EventType.POLICY_CHANGED
    enabled = changed["enabled"][1]
    if before is None and not enabled:
        return EventType.POLICY_CHANGED
    return EventType.POLICY_ENABLED if enabled else EventType.POLICY_DISABLED


def _sentence(before: dict[str, Any] | None, changed: dict[str, Any]) -> str:
    if before is None:
        return "The policy was made."
    parts = [f"{field}: {_text(old)} → {_text(new)}" for field, (old, new) in changed.items()]
    return "; ".join(parts)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
