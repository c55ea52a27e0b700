"""What the monitor must know of the configuration: which paths, and whether that has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import connection

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.domain.recent_history import PathPast
from health.domain.status import PathStatus
from health.domain.uplink_spec import AUTO, ProbeRouteMode, UplinkSpec
from health.models import CurrentHealth, Path, PathTarget, SlaProfile, Uplink
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


def path_specs(vantage_name: str, pause: Callable[[], None] = lambda: None) -> list[PathSpec]:
    """The enabled paths of a vantage that have a target, as the engine wants them.

    ``pause`` is called now and then, so that the caller may let others work.

    From plain rows: model objects of 10,000 paths would keep a processor busy for
    seconds, in the very process that has to send.
    """
    targets = _targets(vantage_name, pause)
    timings: dict[int, ProbeTiming] = {}
    limits: dict[int, SlaLimits] = {}
    specs: list[PathSpec] = []
    rows: Iterable[tuple[Any, ...]] = (
        Path.objects.filter(enabled=True, uplink__vantage__name=vantage_name)
        .order_by("id")
        .values_list(*_PATH_FIELDS, *_PROFILE_FIELDS, *_LIMIT_FIELDS)
        .iterator(ROWS_BETWEEN_RESTS)
    )
    for number, row in enumerate(rows):
        if number % ROWS_BETWEEN_RESTS == 0:
            pause()
        key, uid, name, kind, quorum, dscp, *rest = row
        uplink, interface, source, fwmark, profile_key, limits_key, *figures = rest
        if key not in targets:
            continue
        if profile_key not in timings:
            timings[profile_key] = ProbeTiming(*figures[: len(_PROFILE_FIELDS)])
        if limits_key not in limits:
            limits[limits_key] = SlaLimits(*figures[len(_PROFILE_FIELDS) :])
        default_port = PROBERS[kind].default_port
        path_targets = tuple(
            TargetSpec(
                target,
                address,
                port or default_port,
                request,
                expected_text,
                expected_status or 0,
            )
            for _, target, address, port, request, expected_text, expected_status in targets[key]
        )
        specs.append(
            PathSpec(
                key=key,
                uid=str(uid),
                name=name,
                kind=kind,
                targets=path_targets,
                quorum=quorum_of(quorum, len(path_targets)),
                timing=timings[profile_key],
                limits=limits[limits_key],
                uplink=uplink,
                source="" if source == AUTO else source,
                interface=interface,
                fwmark=fwmark or 0,
                dscp=dscp,
            )
        )
    return specs


ROWS_BETWEEN_RESTS = 200
_PATH_FIELDS = (
    "id", "uid", "name", "kind", "quorum", "dscp", "uplink_id", "uplink__interface",
    "uplink__source", "uplink__fwmark", "probe_profile_id", "sla_profile_id",
)  # fmt: skip
_PROFILE_FIELDS = tuple(
    f"probe_profile__{name}"
    for name in ("interval_ms", "timeout_ms", "burst_ms", "hold_ms", "window_secs")
)
_LIMIT_FIELDS = tuple(
    f"sla_profile__{name}"
    for name in (
        "latency_ms", "packet_loss_pct", "jitter_ms",
        "latency_weight", "packet_loss_weight", "jitter_weight",
    )
)  # fmt: skip


def _targets(vantage_name: str, pause: Callable[[], None]) -> dict[int, list[tuple[Any, ...]]]:
    """The targets of each path of a vantage, in the order in which they were made."""
    grouped: dict[int, list[tuple[Any, ...]]] = {}
    for number, row in enumerate(
        PathTarget.objects.filter(path__enabled=True, path__uplink__vantage__name=vantage_name)
        .order_by("id")
        .values_list(
            "path_id", "id", "address", "port", "request", "expected_text", "expected_status"
        )
        .iterator(ROWS_BETWEEN_RESTS)
    ):
        if number % ROWS_BETWEEN_RESTS == 0:
            pause()
        grouped.setdefault(row[0], []).append(row)
    return grouped


def quorum_of(configured: int | None, target_count: int) -> int:
    """How many of a path's targets must answer: as configured, else half of them, rounded up."""
    return max(1, min(configured or (target_count + 1) // 2, target_count))


def sla_limits(profile: SlaProfile) -> SlaLimits:
    """The limits and weights of an SLA profile."""
    names = [name.removeprefix("sla_profile__") for name in _LIMIT_FIELDS]
    return SlaLimits(*(getattr(profile, name) for name in names))


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
