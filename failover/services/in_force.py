"""What is in force, as executors report it, and the events of repairs.

The wish (``FailoverState``) is never changed here, except by ``adopt``, an operator's order.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F

from failover.executors.base import Applied, Observed
from failover.models import (
    EventType,
    FailoverEvent,
    FailoverPolicy,
    FailoverState,
    RouteInForce,
)
from failover.services.audit import add_event
from health.models import MonitorLease

MAX_FAILED_REPAIRS = 3
"""After so many in a row the alarm is raised and nothing is tried until something changes."""
LONGEST_TROUBLE = 500


def keep_in_force(triggered: FailoverEvent, *, now: datetime) -> None:
    """The switch of that event is in force."""
    policy = triggered.policy
    if policy is None:
        return
    _keep(policy, triggered.to_path_id, triggered.generation, triggered.lease_epoch, now)


def keep_trouble(policy_id: int, error: str, *, path_id: int | None) -> None:
    """The network is not as decided; ``path_id`` is what it does instead."""
    RouteInForce.objects.filter(policy=policy_id).update(
        path_id=path_id, trouble=error[:LONGEST_TROUBLE]
    )


def clear_trouble(policy_id: int, *, path_id: int | None = None) -> None:
    """Begin anew with repairs; ``path_id`` is what is in force, if that has been found out."""
    known = {} if path_id is None else {"path_id": path_id}
    RouteInForce.objects.filter(policy=policy_id).update(trouble="", failed_repairs=0, **known)


def forget_in_force(policy_id: int) -> None:
    """Nothing of the policy is in force any more."""
    RouteInForce.objects.filter(policy=policy_id).delete()


@transaction.atomic
def record_repair(
    policy: FailoverPolicy, drift: str, applied: Applied, *, lease_epoch: int, now: datetime
) -> None:
    """The network did not match the decision and does again.

    ``drift`` says what was wrong; "" when the policy's route is installed for the first
    time, which is no event.
    """
    state = FailoverState.objects.get(policy=policy)
    _keep(policy, state.active_path_id, state.generation, lease_epoch, now)
    if not drift:
        return
    add_event(
        policy,
        EventType.DRIFT_REPAIRED,
        reason=drift,
        generation=state.generation,
        lease_epoch=lease_epoch,
        now=now,
        to_path_id=state.active_path_id,
        evidence={"verified": applied.verified, "detail": applied.detail},
    )


@transaction.atomic
def record_failed_repair(
    policy: FailoverPolicy,
    drift: str,
    error: str,
    *,
    in_force: int | None,
    lease_epoch: int,
    now: datetime,
) -> int:
    """A repair did not help; returns how many in a row. The third one raises the alarm."""
    state = FailoverState.objects.get(policy=policy)
    row, _ = RouteInForce.objects.get_or_create(
        policy=policy,
        defaults={
            "executor": policy.executor,
            "generation": state.generation,
            "lease_epoch": lease_epoch,
            "applied_at": now,
        },
    )
    RouteInForce.objects.filter(pk=row.pk).update(
        path_id=in_force,
        trouble=f"{drift} {error}".strip()[:LONGEST_TROUBLE],
        failed_repairs=F("failed_repairs") + 1,
    )
    failed = row.failed_repairs + 1
    if failed == MAX_FAILED_REPAIRS:
        add_event(
            policy,
            EventType.DRIFT_FAILED,
            reason=f"{drift} {failed} repairs have failed, no more is tried until something "
            f"changes: {error}",
            generation=state.generation,
            lease_epoch=lease_epoch,
            now=now,
            to_path_id=state.active_path_id,
        )
    return failed


@transaction.atomic
def adopt(
    policy: FailoverPolicy, observed: Observed, *, vantage_id: int, actor: str, now: datetime
) -> int:
    """Take what is in force for what was decided; returns the new generation.

    For a database older than the network, such as after a restore: the executor refuses
    its orders because they are older than what it obeyed. State and lease get beyond that;
    a running monitor loses its lease and a successor begins with the next epoch.
    """
    state = FailoverState.objects.select_for_update().get(policy=policy)
    generation = max(state.generation, observed.generation) + 1
    FailoverState.objects.filter(pk=state.pk).update(
        generation=generation,
        active_path_id=observed.path_key,
        active_since=now,
        record={},
        reason="Adopted from the network by an operator.",
        evaluated_at=now,
    )
    MonitorLease.objects.filter(vantage=vantage_id, epoch__lte=observed.lease_epoch).update(
        epoch=observed.lease_epoch + 1
    )
    add_event(
        policy,
        EventType.POLICY_CHANGED,
        reason=f"Adopted what is in force: epoch {observed.lease_epoch}, generation "
        f"{observed.generation}; the database said generation {state.generation}.",
        generation=generation,
        lease_epoch=observed.lease_epoch,
        now=now,
        from_path_id=state.active_path_id,
        to_path_id=observed.path_key,
        actor=actor,
    )
    return generation


def _keep(
    policy: FailoverPolicy,
    path_id: int | None,
    generation: int,
    lease_epoch: int,
    now: datetime,
) -> None:
    RouteInForce.objects.update_or_create(
        policy=policy,
        defaults={
            "path_id": path_id,
            "executor": policy.executor,
            "generation": generation,
            "lease_epoch": lease_epoch,
            "applied_at": now,
            "failed_repairs": 0,
            "trouble": "",
        },
    )
