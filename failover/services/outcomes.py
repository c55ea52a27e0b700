"""What became of a switch: carried out, failed and tried again, given up, or replaced.

Each is one transaction that ends or postpones the outbox row by compare-and-swap, so that
two actuators never record the same end twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from failover.executors.base import Applied
from failover.models import Direction, EventType, FailoverState, OutboxMessage
from failover.services.audit import add_sequel
from failover.services.in_force import keep_in_force, keep_trouble
from failover.services.published import matching
from failover.services.reversal import reverted

FIRST_RETRY_SECS = 1.0
LONGEST_RETRY_SECS = 60.0
MAX_DOUBLINGS = 6
"""Of the first pause, until it has reached the longest one."""
LONGEST_ERROR = 500


@transaction.atomic
def finish_switch(message: OutboxMessage, applied: Applied, *, now: datetime) -> None:
    """The network matches the decision: record it, once."""
    if not _mark_done(message, now=now):
        return
    triggered = message.event
    add_sequel(
        triggered,
        EventType.COMPLETED,
        reason=triggered.reason,
        duration_ms=applied.duration_ms,
        evidence={"verified": applied.verified, "detail": applied.detail},
        now=now,
    )
    if triggered.policy_id is None:
        return
    keep_in_force(triggered, now=now)
    if triggered.direction == Direction.FAILOVER:
        FailoverState.objects.filter(policy_id=triggered.policy_id).update(
            failover_count=F("failover_count") + 1, last_failover=now
        )


@transaction.atomic
def fail_switch(message: OutboxMessage, error: str, *, retry: bool, now: datetime) -> None:
    """The network could not be changed: record it once, and try again unless told not to."""
    attempts = message.attempts + 1
    pause = min(FIRST_RETRY_SECS * 2 ** min(attempts - 1, MAX_DOUBLINGS), LONGEST_RETRY_SECS)
    changed = OutboxMessage.objects.filter(
        pk=message.pk, done_at__isnull=True, attempts=message.attempts
    ).update(
        attempts=attempts,
        last_error=error[:LONGEST_ERROR],
        next_attempt_at=now + timedelta(seconds=pause),
        done_at=None if retry else now,
    )
    if changed and message.attempts == 0:
        add_sequel(message.event, EventType.FAILED, reason=error, now=now)


@transaction.atomic
def give_up(
    message: OutboxMessage,
    error: str,
    *,
    in_force: int | None,
    lease_epoch: int,
    now: datetime,
) -> None:
    """The switch will not happen: the state says again what is in force, under a new generation.

    ``in_force`` is the path the traffic really takes; None when the executor cannot tell,
    which means the path that was to be left. The policy may then choose again.
    """
    triggered = message.event
    stays_on = triggered.from_path_id if in_force is None else in_force
    if not _mark_done(message, now=now, error=error):
        return
    if message.attempts == 0:
        add_sequel(triggered, EventType.FAILED, reason=error, now=now)
    else:
        reason = f"Given up after {message.attempts + 1} attempts: {error}"
        add_sequel(triggered, EventType.SUPERSEDED, reason=reason, now=now)
    if triggered.policy_id is None:
        return
    keep_trouble(triggered.policy_id, error, path_id=stays_on)
    _revert(triggered.policy_id, triggered.generation, stays_on, error, lease_epoch, now)


def supersede(message: OutboxMessage, *, now: datetime) -> None:
    """A later decision has replaced this switch, or its policy is gone: it is not carried out."""
    with transaction.atomic():
        if not _mark_done(message, now=now, error="superseded"):
            return
        triggered = message.event
        state = FailoverState.objects.filter(policy_id=triggered.policy_id).first()
        reason = "Not carried out: the policy is gone."
        if state is not None:
            reason = f"Not carried out: generation {state.generation} has replaced it."
        add_sequel(triggered, EventType.SUPERSEDED, reason=reason, now=now)


def close_message(message: OutboxMessage, *, now: datetime) -> None:
    """What the message asked for has been done; it has no event of its own."""
    _mark_done(message, now=now)


def _revert(
    policy_id: int,
    generation: int,
    path_id: int | None,
    error: str,
    lease_epoch: int,
    now: datetime,
) -> None:
    """Nothing when somebody has decided again meanwhile: that decision holds."""
    stored = matching(policy_id, generation, lease_epoch)
    state = stored.select_related("active_path").first()
    if state is None:
        return
    failed = state.active_path.name if state.active_path else "the path"
    stored.update(
        generation=generation + 1,
        lease_epoch=lease_epoch,
        active_path_id=path_id,
        active_since=now,
        reason=f"Traffic has not moved, the switch to {failed} failed: {error}"[:300],
        record=reverted(
            state.record,
            failed_key=state.active_path_id,
            active=path_id,
            generation=generation + 1,
            at=now.timestamp(),
        ),
        evaluated_at=now,
    )


def _mark_done(message: OutboxMessage, *, now: datetime, error: str | None = None) -> bool:
    said = {} if error is None else {"last_error": error[:LONGEST_ERROR]}
    return bool(
        OutboxMessage.objects.filter(pk=message.pk, done_at__isnull=True).update(
            done_at=now, attempts=F("attempts") + 1, **said
        )
    )
