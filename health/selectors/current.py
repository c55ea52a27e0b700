"""The present: every path with its latest health, as pages and exports show it.

Rows that no monitor has renewed for ``STALE_ROW_SECS`` are unknown, whatever
they said last: a stopped monitor must never look like healthy paths.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet

from health.domain.status import Face, PathStatus, Reason, face_of
from health.models import CurrentHealth, MonitorLease, Path, PathTarget
from health.selectors.figures import Figures

STALE_ROW_SECS = 15.0
"""Longer than any hand-over or restart of the monitor, and than calm paths wait for their
turn where there are thousands (``health.engine.rounds.CALM_ROUNDS``)."""


@dataclass(frozen=True, slots=True)
class PathNow:
    """One path at one moment. Times in ms, loss in percent, moments in seconds since 1970, UTC.

    ``health_score`` and all measurements are None when nothing supports them.
    ``site`` is where the probe host stands, ``destination`` "" for the Internet.
    ``asked`` is key, address and request of each target as configured.
    ``is_stale`` says that the monitor, not the path, is silent; ``last_known_status`` is
    what it said last.
    """

    path_id: int
    uid: str
    name: str
    site: str
    destination: str
    uplink: str
    transport: str
    provider: str
    kind: str
    addresses: tuple[str, ...]
    asked: tuple[tuple[int, str, str], ...]
    interval_ms: int
    hold_ms: int
    is_metered: bool
    sla_profile: str
    enabled: bool
    status: PathStatus
    reason: Reason
    detail: str
    reachable: bool | None
    health_score: float | None
    latency_ms: float | None
    min_latency_ms: float | None
    max_latency_ms: float | None
    packet_loss_pct: float | None
    jitter_ms: float | None
    mos: float | None
    sent: int
    received: int
    last_checked: float | None
    status_since: float | None
    updated_at: float | None
    is_stale: bool
    last_known_status: PathStatus
    face: Face
    probes_total: int
    failures_total: dict[str, int]
    spark: tuple[float | None, ...]
    strip: str
    targets: tuple[dict[str, Any], ...]
    latency_limit_ms: float
    packet_loss_limit_pct: float
    jitter_limit_ms: float


def current_paths(
    *,
    now: float,
    paused: Collection[int] = frozenset(),
    only: QuerySet[Path] | None = None,
) -> list[PathNow]:
    """Every path (or those of ``only``) as it is at ``now``; two queries.

    ``paused`` are the keys of paths in maintenance, which health does not know of.
    """
    rows = (
        (Path.objects.all() if only is None else only)
        .select_related(
            "uplink__vantage__site", "destination", "current", "sla_profile", "probe_profile"
        )
        .prefetch_related(Prefetch("targets", PathTarget.objects.order_by("id")))
        .order_by("name")
    )
    return [_path_now(row, now, is_paused=row.pk in paused) for row in rows]


def _path_now(row: Path, now: float, *, is_paused: bool) -> PathNow:
    current: CurrentHealth | None = getattr(row, "current", None)
    stale = current is not None and now - current.updated_at > STALE_ROW_SECS
    known = current if current is not None and not stale and row.enabled else None
    status = PathStatus(known.status) if known else PathStatus.UNKNOWN
    reachable = known.reachable if known else None
    uplink, limits = row.uplink, row.sla_profile
    return PathNow(
        path_id=row.pk,
        uid=str(row.uid),
        name=row.name,
        site=uplink.vantage.site.name,
        destination=row.destination.name if row.destination else "",
        uplink=uplink.name,
        transport=uplink.get_transport_display(),
        provider=uplink.provider,
        kind=row.kind,
        addresses=tuple(str(target) for target in row.targets.all()),
        asked=tuple((one.pk, one.address, one.request) for one in row.targets.all()),
        interval_ms=row.probe_profile.interval_ms,
        hold_ms=row.probe_profile.hold_ms,
        is_metered=uplink.metered,
        sla_profile=limits.name,
        enabled=row.enabled,
        status=status,
        reason=_reason(current, stale=stale),
        detail=known.detail if known else "",
        reachable=reachable,
        health_score=known.health_score if known else None,
        latency_ms=known.latency_ms if known else None,
        min_latency_ms=known.min_latency_ms if known else None,
        max_latency_ms=known.max_latency_ms if known else None,
        packet_loss_pct=known.packet_loss_pct if known else None,
        jitter_ms=known.jitter_ms if known else None,
        mos=known.mos if known else None,
        sent=known.sent if known else 0,
        received=known.received if known else 0,
        last_checked=current.last_checked if current else None,
        status_since=_status_since(current, stale=stale),
        updated_at=current.updated_at if current else None,
        is_stale=stale,
        last_known_status=PathStatus(current.status) if current else PathStatus.UNKNOWN,
        face=face_of(status, reachable=reachable, paused=is_paused or not row.enabled),
        probes_total=current.probes_total if current else 0,
        failures_total=current.failures_total if current else {},
        spark=tuple(current.spark) if current else (),
        strip=current.strip if current else "",
        targets=tuple(known.targets) if known else (),
        latency_limit_ms=limits.latency_ms,
        packet_loss_limit_pct=limits.packet_loss_pct,
        jitter_limit_ms=limits.jitter_ms,
    )


def _reason(current: CurrentHealth | None, *, stale: bool) -> Reason:
    if current is None:
        return Reason.WARMING_UP
    return Reason.STALE if stale else Reason(current.reason)


def _status_since(current: CurrentHealth | None, *, stale: bool) -> float | None:
    if current is None:
        return None
    return current.updated_at if stale else current.status_since


@dataclass(frozen=True, slots=True)
class MonitorNow:
    """The monitor of one vantage; ``age_secs`` since its lease was renewed, None if never.

    ``alive`` says that somebody holds the lease and renews it.
    """

    vantage: str
    alive: bool
    age_secs: float | None
    holder: str
    epoch: int
    paths: int
    probes_per_sec: float
    lag_secs: float
    overruns_total: int
    figures: Figures


def current_monitors(*, now: float) -> list[MonitorNow]:
    """The monitor of every vantage that ever had one; one query."""
    leases = MonitorLease.objects.select_related("vantage").order_by("vantage__name")
    return [monitor_now(lease, now=now) for lease in leases]


def monitor_now(lease: MonitorLease, *, now: float) -> MonitorNow:
    """What a lease says at ``now``; no query when its vantage is there already."""
    return MonitorNow(
        vantage=lease.vantage.name,
        alive=bool(lease.holder) and lease.expires_at > now,
        age_secs=max(0.0, now - lease.renewed_at) if lease.renewed_at else None,
        holder=f"process {lease.pid} on {lease.host}" if lease.holder else "",
        epoch=lease.epoch,
        paths=lease.paths,
        probes_per_sec=lease.probes_per_sec,
        lag_secs=lease.lag_secs,
        overruns_total=lease.overruns_total,
        figures=Figures.read(lease.figures),
    )
