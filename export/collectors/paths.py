"""The paths. Of an unknown path only status, info and last check remain: the rest is not known.

The hottest code of a scrape: labels are escaped once per path, not once per series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from export.collectors.family import Family
from export.exposition import Sample, Value, escape_label, label_block
from export.metrics import METRICS
from export.readings import PathReading, path_readings
from health.domain.directions import DirectionMetrics
from health.domain.status import PathStatus
from health.models import Path
from health.selectors.directions import directions_by_path

_LABELS = ("path_id", "path", "site")
_STATES = tuple(status.value for status in PathStatus)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000.0


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100.0


_MEASUREMENTS: dict[str, Callable[[PathReading], Value | None]] = {
    "pathwarden_path_health_score": lambda path: path.health_score,
    "pathwarden_path_latency_seconds": lambda path: _seconds(path.latency_ms),
    "pathwarden_path_packet_loss_ratio": lambda path: _ratio(path.packet_loss_pct),
    "pathwarden_path_jitter_seconds": lambda path: _seconds(path.jitter_ms),
    "pathwarden_path_mos": lambda path: path.mos,
    "pathwarden_path_reachable": lambda path: path.reachable,
    "pathwarden_path_probes_total": lambda path: path.probes_total,
}


def path_families(now: float) -> Iterator[Family]:
    """All paths as of ``now``; two queries."""
    paths = [
        (label_block(_LABELS, (path.path_id, path.name, path.site)), path)
        for path in path_readings(Path.objects.all(), now=now)
    ]
    known = [(labels, path) for labels, path in paths if path.status != PathStatus.UNKNOWN]
    for name, value_of in _MEASUREMENTS.items():
        yield METRICS[name], _measured(known, value_of)
    yield from _direction_families(known)
    yield METRICS["pathwarden_path_probe_failures_total"], _failures(known)
    yield METRICS["pathwarden_path_status"], _states(paths)
    yield (
        METRICS["pathwarden_path_last_check_timestamp_seconds"],
        _measured(paths, lambda path: path.last_checked),
    )
    yield METRICS["pathwarden_path_info"], [(_info(labels, path), 1) for labels, path in paths]


def _measured(
    paths: list[tuple[str, PathReading]], value_of: Callable[[PathReading], Value | None]
) -> list[Sample]:
    values = ((labels, value_of(path)) for labels, path in paths)
    return [(labels, value) for labels, value in values if value is not None]


def _direction_families(known: list[tuple[str, PathReading]]) -> Iterator[Family]:
    told = directions_by_path()
    ways: list[tuple[str, DirectionMetrics]] = [
        (labels, told[path.path_id]) for labels, path in known if path.path_id in told
    ]
    yield (
        METRICS["pathwarden_path_direction_loss_ratio"],
        _both_ways(
            (labels, _ratio(way.forward_loss_pct), _ratio(way.backward_loss_pct))
            for labels, way in ways
        ),
    )
    yield (
        METRICS["pathwarden_path_direction_jitter_seconds"],
        _both_ways(
            (labels, _seconds(way.forward_jitter_ms), _seconds(way.backward_jitter_ms))
            for labels, way in ways
        ),
    )


def _both_ways(rows: Iterable[tuple[str, float | None, float | None]]) -> list[Sample]:
    return [
        (f'{labels[:-1]},direction="{direction}"}}', value)
        for labels, forward, backward in rows
        for direction, value in (("forward", forward), ("backward", backward))
        if value is not None
    ]


def _states(paths: list[tuple[str, PathReading]]) -> list[Sample]:
    return [
        (f'{labels[:-1]},state="{state}"}}', state == path.status)
        for labels, path in paths
        for state in _STATES
    ]


def _failures(paths: list[tuple[str, PathReading]]) -> list[Sample]:
    return [
        (f'{labels[:-1]},reason="{escape_label(reason)}"}}', count)
        for labels, path in paths
        for reason, count in sorted((path.failures_total or {}).items())
    ]


def _info(labels: str, path: PathReading) -> str:
    more = label_block(
        ("uplink", "destination", "kind"), (path.uplink, path.destination or "", path.kind)
    )
    return f"{labels[:-1]},{more[1:]}"
