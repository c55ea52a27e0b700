"""Tasks of the composition root: they bring health's loop and failover's observer together."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from django_q.models import Failure, OrmQ
from django_q.tasks import async_task

from failover.models import OutboxMessage
from health.models import MonitorLease, Vantage
from health.monitoring import lease as leases
from health.monitoring.process_identity import current_process
from sdwan_site.processes.cluster import stop_requested
from sdwan_site.schedules import sync_schedules

WATCH_EVERY_SECS = 0.1
WATCH_SECS = leases.TTL_SECS + 0.5
"""A lease that is not renewed within this time has no living holder."""
KEEP_FAILURES = timedelta(days=14)
KEEP_QUEUED = timedelta(days=1)
KEEP_DONE_EFFECTS = timedelta(days=30)


def ensure_monitor(vantage: str, max_secs: float, *, take_over: bool = False) -> str:
    """Make sure that exactly one monitor loop runs for ``vantage``; perhaps become it.

    Watches the lease until it is seen to be renewed ("healthy") or can be taken.
    Idempotent: may be enqueued any number of times. A loop that this call becomes
    calls its successor after ``max_secs``; with ``take_over`` this call is one.
    """
    # Here, not above: the housekeeping cluster imports this module, too, and never measures.
    from health.monitoring.monitor import run_monitor
    from sdwan_site.wiring import make_observers

    row = Vantage.objects.filter(name=vantage).first()
    if row is None:
        return f"there is no probe host named {vantage!r} (yet)"
    if take_over:
        leases.request_handover(row, me=current_process())
    watch = _LeaseWatch(row)
    ends_at = time.monotonic() + WATCH_SECS
    while time.monotonic() < ends_at and not stop_requested():
        try:
            return run_monitor(
                vantage,
                should_stop=stop_requested,
                make_observers=make_observers,
                max_secs=max_secs,
                call_successor=partial(enqueue_ensure_monitor, vantage, max_secs, take_over=True),
            )
        except leases.LeaseHeld:
            if watch.was_renewed() and not take_over:
                return "healthy"
        time.sleep(WATCH_EVERY_SECS)
    return "the lease was neither renewed nor free; looking again within a minute"


class _LeaseWatch:
    """Tells whether the lease of a vantage has been renewed since the first look."""

    def __init__(self, vantage: Vantage) -> None:
        self._vantage = vantage
        self._first = self._renewed_at()

    def was_renewed(self) -> bool:
        return self._renewed_at() != self._first

    def _renewed_at(self) -> float | None:
        return (
            MonitorLease.objects.filter(vantage=self._vantage)
            .values_list("renewed_at", flat=True)
            .first()
        )


def enqueue_ensure_monitor(vantage: str, max_secs: float, *, take_over: bool = False) -> None:
    """Ask the vantage's own cluster for a monitor, now."""
    async_task(
        "sdwan_site.tasks.ensure_monitor",
        vantage,
        max_secs,
        take_over=take_over,
        q_options={"cluster": vantage, "save": False, "group": "monitor"},
    )


def sync_all_schedules() -> str:
    """Make the schedule equal to what is wished, for probe hosts that came or went."""
    sync_schedules(now=timezone.now())
    return "in order"


def purge_task_records() -> str:
    """Delete what nobody else deletes: old failures, orphaned queues, done effects, sessions."""
    now = timezone.now()
    failures, _ = Failure.objects.filter(stopped__lt=now - KEEP_FAILURES).delete()
    queues = [settings.DEFAULT_CLUSTER, *Vantage.objects.values_list("name", flat=True)]
    orphans, _ = OrmQ.objects.exclude(key__in=queues).delete()
    stale, _ = OrmQ.objects.filter(lock__lt=now - KEEP_QUEUED).delete()
    OutboxMessage.objects.filter(done_at__lt=now - KEEP_DONE_EFFECTS).delete()
    Session.objects.filter(expire_date__lt=now).delete()
    return f"deleted {failures} failures, {orphans + stale} queued tasks"
