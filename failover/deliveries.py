"""Tells people about events and runs what follows them: the outbox, beyond the switch itself.

At least once: a worker that dies in between leaves the row to the next one, and receivers
know a message by its key. Never in the way of a switch: this runs in the clusters.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from failover.event_words import message_of, values_of
from failover.models import NotificationChannel, OutboxMessage, OutboxTopic, PolicyHook
from failover.notifiers import NOTIFIERS
from failover.notifiers.base import Mailer
from failover.outbound.child import run_child
from failover.outbound.errors import OutboundError
from failover.outbound.options import read_command, read_endpoint
from failover.outbound.signed_post import post

log = logging.getLogger(__name__)

CLAIM_SECS = 180
"""How long a worker may take before another one tries: longer than any timeout."""
FIRST_RETRY_SECS = 15
LONGEST_RETRY_SECS = 1800
GIVE_UP_AFTER = timedelta(hours=24)
MOST_AT_ONCE = 100
LONGEST_ERROR = 500


def due_topics(vantage_id: int, *, now: datetime) -> set[str]:
    """The topics of which something is due: messages, and what this probe host has to run."""
    due = _due(now)
    topics = set()
    if due.filter(topic=OutboxTopic.NOTIFY).exists():
        topics.add(OutboxTopic.NOTIFY.value)
    for topic in (OutboxTopic.HOOK, OutboxTopic.TRACE):
        if due.filter(topic=topic, payload__vantage_id=vantage_id).exists():
            topics.add(topic.value)
    return topics


def deliver_messages(mailer: Mailer, *, now: datetime) -> int:
    """Send what is due, each channel's messages in one go; returns how many were sent."""
    sent = 0
    for channel in NotificationChannel.objects.all():
        mine = _due(now).filter(topic=OutboxTopic.NOTIFY, payload__channel_id=channel.pk)
        rows = _claimed(mine, now)
        if not rows:
            continue
        if not channel.enabled:
            _end(rows, "the channel was disabled", now)
            continue
        try:
            notifier = NOTIFIERS[channel.kind].make(mailer)
            notifier.send(channel.options, [message_of(row) for row in rows])
        except OutboundError as error:
            log.warning("channel %s: %s", channel.name, error)
            _failed(rows, error, now)
            _note(channel, str(error))
        else:
            _end(rows, "", now)
            _note(channel, "", last_sent_at=now)
            sent += len(rows)
    _end_orphans(now)
    return sent


def run_hooks(vantage_id: int, *, now: datetime) -> int:
    """Run what is due on this probe host, the oldest first; returns how many were run."""
    mine = _due(now).filter(topic=OutboxTopic.HOOK, payload__vantage_id=vantage_id)
    ran = 0
    for row in _claimed(mine, now):
        hook = PolicyHook.objects.filter(pk=row.payload["hook_id"]).first()
        if hook is None or not hook.enabled:
            _end([row], "the hook was deleted or disabled", now)
            continue
        rests_until = (hook.last_run_at or datetime.min.replace(tzinfo=UTC)) + timedelta(
            seconds=hook.cooldown_secs
        )
        if hook.cooldown_secs and now < rests_until:
            _end([row], f"left out: within {hook.cooldown_secs} s of the last run", now)
            continue
        try:
            _run(hook, row)
        except OutboundError as error:
            log.warning("hook %s: %s", hook.name, error)
            _failed([row], error, now)
            _note(hook, str(error))
        else:
            _end([row], "", now)
            _note(hook, "", last_run_at=now)
            ran += 1
    return ran


def _run(hook: PolicyHook, row: OutboxMessage) -> None:
    values = values_of(row.event)
    body = json.dumps(values)
    if hook.kind == "webhook":
        moment = int(row.event.timestamp.timestamp())
        post(read_endpoint(hook.options), body.encode(), key=f"hook-{row.pk}", timestamp=moment)
        return
    line = read_command(hook.options)
    told = {
        f"PATHWARDEN_{name}".upper(): "" if value is None else str(value)
        for name, value in values.items()
    }
    done = run_child(line.argv, environment=told, timeout_secs=line.timeout_secs, stdin=body)
    if done.status:
        raise OutboundError(
            f"{line.argv[0]} ended with status {done.status}: {done.output or 'no output'}",
            retryable=True,
        )


# --- rows -----------------------------------------------------------------------------
def _due(now: datetime) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(done_at__isnull=True, next_attempt_at__lte=now)


def _claimed(due: QuerySet[OutboxMessage], now: datetime) -> list[OutboxMessage]:
    """The rows that are ours now: two workers never send the same one at a time."""
    claimed = []
    for row in due.select_related("event").order_by("id")[:MOST_AT_ONCE]:
        ours = OutboxMessage.objects.filter(
            pk=row.pk, done_at__isnull=True, attempts=row.attempts
        ).update(attempts=row.attempts + 1, next_attempt_at=now + timedelta(seconds=CLAIM_SECS))
        if ours:
            row.attempts += 1
            claimed.append(row)
    return claimed


def _end(rows: Sequence[OutboxMessage], why: str, now: datetime) -> None:
    OutboxMessage.objects.filter(pk__in=[row.pk for row in rows]).update(
        done_at=now, last_error=why
    )


def _failed(rows: Sequence[OutboxMessage], error: OutboundError, now: datetime) -> None:
    """Try again later, or give up: what can't work, and what is a day old."""
    for row in rows:
        pause = min(FIRST_RETRY_SECS * 2 ** min(row.attempts - 1, 10), LONGEST_RETRY_SECS)
        over = not error.retryable or now - row.created_at > GIVE_UP_AFTER
        OutboxMessage.objects.filter(pk=row.pk).update(
            last_error=str(error)[:LONGEST_ERROR],
            next_attempt_at=now + timedelta(seconds=pause),
            done_at=now if over else None,
        )


def _end_orphans(now: datetime) -> None:
    """Messages of channels that were deleted."""
    known = list(NotificationChannel.objects.values_list("pk", flat=True))
    orphans = _due(now).filter(topic=OutboxTopic.NOTIFY).exclude(payload__channel_id__in=known)
    orphans.update(done_at=now, last_error="the channel was deleted")


def _note(owner: NotificationChannel | PolicyHook, error: str, **changes: datetime) -> None:
    rows = type(owner).objects.filter(pk=owner.pk)
    rows.update(last_error=error[:LONGEST_ERROR], **changes)
