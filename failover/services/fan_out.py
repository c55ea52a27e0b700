"""Who has to be told of an event, and what has to be run after it: rows of the outbox.

Written in the event's own transaction, so that no message is lost and none is sent about
something that never happened. Delivering them is ``failover.deliveries``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from failover.models import (
    EventType,
    FailoverEvent,
    NotificationChannel,
    OutboxMessage,
    OutboxTopic,
    PolicyHook,
    PolicyMember,
)
from health.models import PathTarget


def fan_out(event: FailoverEvent, *, now: datetime) -> None:
    """Ask for everything that ``event`` still has to cause beside the switch itself."""
    OutboxMessage.objects.bulk_create(
        OutboxMessage(event=event, topic=topic, payload=payload, created_at=now, next_attempt_at=at)
        for topic, payload, at in [*_messages(event, now), *_runs(event, now), *_traces(event, now)]
    )


Wanted = tuple[OutboxTopic, dict[str, int], datetime]


def _messages(event: FailoverEvent, now: datetime) -> list[Wanted]:
    channels = NotificationChannel.objects.filter(enabled=True).prefetch_related("policies")
    return [
        (OutboxTopic.NOTIFY, {"channel_id": channel.pk}, now)
        for channel in channels
        if channel.wants(event.event_type) and _concerns(channel, event)
    ]


def _concerns(channel: NotificationChannel, event: FailoverEvent) -> bool:
    chosen = {policy.pk for policy in channel.policies.all()}
    return not chosen or event.policy_id in chosen


def _runs(event: FailoverEvent, now: datetime) -> list[Wanted]:
    hooks = [
        hook
        for hook in PolicyHook.objects.filter(policy=event.policy_id, enabled=True)
        if hook.wants(event.event_type)
    ]
    if not hooks:
        return []
    members = PolicyMember.objects.filter(policy=event.policy_id)
    vantage_id = members.values_list("path__uplink__vantage", flat=True).first()
    return [
        (
            OutboxTopic.HOOK,
            {"hook_id": hook.pk, "vantage_id": vantage_id or 0},
            now + timedelta(seconds=hook.delay_secs),
        )
        for hook in hooks
    ]


def _traces(event: FailoverEvent, now: datetime) -> list[Wanted]:
    """At the begin of a switch, by the host that probes its paths; only where there is a way."""
    if event.event_type != EventType.TRIGGERED:
        return []
    targets = PathTarget.objects.filter(path__in=[event.to_path_id, event.from_path_id])
    vantage_id = targets.values_list("path__uplink__vantage", flat=True).first()
    return [] if vantage_id is None else [(OutboxTopic.TRACE, {"vantage_id": vantage_id}, now)]
