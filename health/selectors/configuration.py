"""What the monitor must know of the configuration: which paths, and whether that has changed."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.db.models import Prefetch

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.domain.recent_history import PathPast
from health.domain.status import PathStatus
from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.models import CurrentHealth, Path, PathTarget, Uplink
from health.probers import PROBERS

PATH_CONFIGURATION = (
    ("sdwan_paths", "updated_at"),
    ("sdwan_uplinks", "updated_at"),
    ("sdwan_probe_profiles", "updated_at"),
    ("sdwan_sla_profiles", "updated_at"),
    ("sdwan_path_targets", "updated_at"),
)
"""Everything whose edit changes what the engine does, with the column that tells."""

Fingerprint = tuple[tuple[object, ...], ...]


def configuration_fingerprint() -> Fingerprint:
    """A value that differs whenever the configuration of paths may have changed."""
    return fingerprint_of(PATH_CONFIGURATION)


def fingerprint_of(tables: Sequence[tuple[str, str]]) -> Fingerprint:
    """A value that differs whenever rows of ``tables`` (name, column that grows) have changed.

    Counting catches deletions, the newest change catches edits, the highest id
    catches an exchange.
    """
    parts = " UNION ALL ".join(
        f"SELECT {n}, COUNT(*), CAST(MAX({stamp}) AS CHAR(40)), MAX(id) FROM {table}"  # noqa: S608 - constants of the callers
        for n, (table, stamp) in enumerate(tables)
    )
    with connection.cursor() as cursor:
        cursor.execute(parts)
        return tuple(sorted(cursor.fetchall()))


def path_specs(vantage_name: str) -> list[PathSpec]:
    """The enabled paths of a vantage that have a target, as the engine wants them."""
    rows = (
        Path.objects.filter(enabled=True, uplink__vantage__name=vantage_name)
        .select_related("uplink", "probe_profile", "sla_profile")
        .prefetch_related(Prefetch("targets", PathTarget.objects.order_by("id")))
        .order_by("id")
    )
    return [_path_spec(row) for row in rows if row.targets.all()]


def _path_spec(row: Path) -> PathSpec:
    default_port = PROBERS[row.kind].default_port
    targets = tuple(
        TargetSpec(
            target.pk,
            target.address,
            target.port or default_port,
            target.request,
            target.expected_text,
            target.expected_status or 0,
        )
        for target in row.targets.all()
    )
    profile, limits, uplink = row.probe_profile, row.sla_profile, row.uplink
    return PathSpec(
        key=row.pk,
        uid=str(row.uid),
        name=row.name,
        kind=row.kind,
        targets=targets,
        quorum=min(row.quorum or (len(targets) + 1) // 2, len(targets)),
        timing=ProbeTiming(
            interval_ms=profile.interval_ms,
            timeout_ms=profile.timeout_ms,
            burst_ms=profile.burst_ms,
            hold_ms=profile.hold_ms,
            window_secs=profile.window_secs,
        ),
        limits=SlaLimits(
            limits.latency_ms,
            limits.packet_loss_pct,
            limits.jitter_ms,
            limits.latency_weight,
            limits.packet_loss_weight,
            limits.jitter_weight,
        ),
        uplink=uplink.pk,
        source="" if uplink.source == "auto" else uplink.source,
        interface=uplink.interface,
        fwmark=uplink.fwmark or 0,
        dscp=row.dscp,
    )


def uplink_specs(vantage_name: str) -> list[UplinkSpec]:
    """The uplinks of a vantage, as the probe routes want them."""
    return [
        UplinkSpec(
            key=row.pk,
            uid=str(row.uid),
            name=row.name,
            interface=row.interface,
            mode=ProbeRouteMode(row.probe_route),
            gateway=row.gateway,
            gateway6=row.gateway6,
            source=row.source,
            source6=row.source6,
            table=row.table or 0,
            fwmark=row.fwmark or 0,
        )
        for row in Uplink.objects.filter(vantage__name=vantage_name).order_by("id")
    ]


def paths_past(vantage_name: str) -> dict[int, PathPast]:
    """What a new loop must know of its paths from before, by path key."""
    rows = CurrentHealth.objects.filter(path__uplink__vantage__name=vantage_name)
    return {
        row.path_id: PathPast(
            updated_at=row.updated_at,
            status=PathStatus(row.status),
            reachable=row.reachable,
            spark=row.spark,
            strip=row.strip,
            probes_total=row.probes_total,
            failures=row.failures_total,
        )
        for row in rows
    }
