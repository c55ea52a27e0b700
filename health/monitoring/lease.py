"""The lease of a vantage: exactly one monitor loop, and an epoch that fences the others off.

Every statement is a compare-and-swap on (holder, epoch), so that SQLite and
PostgreSQL give the same guarantee without row locks:

* a free or expired lease, or one whose holder is provably gone, can be taken; the
  epoch grows by one,
* the holder renews it every second; a renewal that changes no row means that
  someone else holds it, and the loop ends,
* a holder that could not renew for 2.5 s fences itself before anybody else may
  take the lease at 3 s.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum, auto

from django.db import models
from django.db.models import F, Q

from health.models import MonitorLease, Vantage
from health.monitoring.loop_figures import LoopFigures
from health.monitoring.process_identity import ProcessIdentity

TTL_SECS = 3.0
RENEW_EVERY_SECS = 1.0
SELF_FENCE_SECS = 2.5


class LeaseHeld(Exception):
    """Somebody else runs the monitor loop of this vantage; the message says who."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that this process took. ``epoch`` is the fencing token of all it does.

    ``predecessor_gone`` is True when the previous holder provably ran no more,
    so that nothing it began can still be under way.
    """

    vantage_id: int
    holder: str
    epoch: int
    predecessor_gone: bool


def acquire(vantage: Vantage, *, me: ProcessIdentity, now: float) -> Lease | None:
    """Take the lease if it is free, expired, or its holder is gone; else None.

    ``now`` is seconds since 1970, UTC.
    """
    row, _ = MonitorLease.objects.get_or_create(vantage=vantage)
    gone = not row.holder or _holder_of(row).is_gone(me)
    if not (gone or row.expires_at <= now):
        return None
    holder = f"{me.host}:{me.pid}:{secrets.token_hex(4)}"
    taken = MonitorLease.objects.filter(
        vantage=vantage, epoch=row.epoch, holder=row.holder, renewed_at=row.renewed_at
    ).update(
        holder=holder,
        host=me.host,
        boot_id=me.boot_id,
        pid=me.pid,
        pid_started=me.pid_started,
        epoch=F("epoch") + 1,
        successor="",
        acquired_at=now,
        renewed_at=now,
        expires_at=now + TTL_SECS,
    )
    return Lease(vantage.pk, holder, row.epoch + 1, gone) if taken else None


class Renewal(Enum):
    """What became of a renewal."""

    RENEWED = auto()
    HANDOVER = auto()
    """Renewed, but another process asks to take over."""
    LOST = auto()


def renew(lease: Lease, *, now: float, figures: LoopFigures) -> Renewal:
    """Keep the lease for another TTL, if it still is ours."""
    renewed = _mine(lease).update(
        renewed_at=now,
        expires_at=now + TTL_SECS,
        paths=figures.paths,
        probes_per_sec=figures.probes_per_sec,
        lag_secs=figures.lag_secs,
        overruns_total=figures.overruns_total,
        figures=figures.more,
    )
    if not renewed:
        return Renewal.LOST
    asked = _mine(lease).exclude(successor="").exists()
    return Renewal.HANDOVER if asked else Renewal.RENEWED


def release(lease: Lease) -> None:
    """Give the lease back, so that a successor need not wait for its end."""
    _mine(lease).update(holder="", successor="", expires_at=0)


def request_handover(vantage: Vantage, *, me: ProcessIdentity) -> bool:
    """Ask the holder to end in favour of this process; False when another one has asked."""
    return bool(
        MonitorLease.objects.filter(Q(vantage=vantage), ~Q(holder=""), Q(successor="")).update(
            successor=f"{me.host}:{me.pid}"
        )
    )


def describe_holder(vantage: Vantage) -> str:
    """Who holds the lease, for error messages."""
    row = MonitorLease.objects.filter(vantage=vantage).first()
    if row is None or not row.holder:
        return "nobody"
    return f"process {row.pid} on {row.host} (epoch {row.epoch})"


def _mine(lease: Lease) -> models.QuerySet[MonitorLease]:
    return MonitorLease.objects.filter(
        vantage_id=lease.vantage_id, holder=lease.holder, epoch=lease.epoch
    )


def _holder_of(row: MonitorLease) -> ProcessIdentity:
    return ProcessIdentity(row.host, row.boot_id, row.pid, row.pid_started)
