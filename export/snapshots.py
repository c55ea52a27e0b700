"""The hot reads as plain dictionaries: every path or policy in one answer, no serializer.

Names of the fields are a contract (docs/api.md); the schema in ``export.api.descriptions``
describes them and a test holds the two together.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from export.moments import iso, utc_text
from export.readings import path_readings, status_counts
from failover.models import FailoverPolicy
from failover.selectors import PolicyNow, policies_now
from health.domain.directions import NO_DIRECTIONS, DirectionMetrics
from health.domain.sample import SLOT_SECS
from health.models import Path
from health.selectors.current import PathNow
from health.selectors.directions import directions_by_slot, directions_of
from health.selectors.history import HistoryPoint, path_history


def health_snapshot(paths: QuerySet[Path], *, now: float) -> dict[str, Any]:
    """Every path with its latest health at ``now`` (seconds since 1970); one query."""
    return {
        "timestamp": iso(now),
        "paths": [
            {
                "path_id": reading.path_id,
                "uid": reading.uid,
                "name": reading.name,
                "latency_ms": reading.latency_ms,
                "packet_loss_pct": reading.packet_loss_pct,
                "jitter_ms": reading.jitter_ms,
                "health_score": reading.health_score,
                "status": reading.status,
                "last_checked": iso(reading.last_checked),
            }
            for reading in path_readings(paths, now=now)
        ],
    }


def health_stats(paths: QuerySet[Path], *, now: float) -> dict[str, int]:
    """How many paths there are and how many of each status; one query."""
    counts = status_counts(paths, now=now)
    return {"total_paths": sum(counts.values()), **counts}


def path_health(path: PathNow) -> dict[str, Any]:
    """The present of one path, with its targets as the monitor stored them."""
    return {
        "path_id": path.path_id,
        "uid": path.uid,
        "name": path.name,
        "latency_ms": path.latency_ms,
        "packet_loss_pct": path.packet_loss_pct,
        "jitter_ms": path.jitter_ms,
        **directions_of(path)._asdict(),
        "health_score": path.health_score,
        "status": path.status,
        "reason": path.reason or None,
        "detail": path.detail or None,
        "reachable": path.reachable,
        "mos": path.mos,
        "last_checked": iso(path.last_checked),
        "targets": [
            {
                "target_id": target["key"],
                "address": target["address"],
                "alive": target["alive"],
                "health_score": target["score"],
                "latency_ms": target["latency_ms"],
                "packet_loss_pct": target["packet_loss_pct"],
                "jitter_ms": target["jitter_ms"],
                "sent": target["sent"],
                "received": target["received"],
                "detail": target["detail"] or None,
                "interval_ms": target.get("interval_ms") or None,
                "hold_ms": target.get("hold_ms") or None,
                "blamed": bool(target.get("blamed")),
            }
            for target in path.targets
        ],
    }


def path_past(path: Path, *, since: float, until: float) -> dict[str, Any]:
    """The slots of ``path`` that begin in [since, until) (seconds since 1970); two queries.

    Raises ``ValueError`` with the cure when the span is reversed or too long.
    """
    points = path_history(path.pk, since=since, until=until)
    told = directions_by_slot(path.pk, [point.timestamp for point in points])
    return {
        "path_id": path.pk,
        "uid": path.uid,
        "since": iso(since),
        "until": iso(until),
        "resolution": "raw",
        "interval_secs": SLOT_SECS,
        "points": [_slot(point, told.get(point.timestamp, NO_DIRECTIONS)) for point in points],
    }


def _slot(point: HistoryPoint, directions: DirectionMetrics) -> dict[str, Any]:
    return asdict(point) | {"timestamp": iso(point.timestamp)} | directions._asdict()


def failover_snapshot(policies: QuerySet[FailoverPolicy], *, now: float) -> dict[str, Any]:
    """Every policy with its members and where its traffic is; a fixed number of queries."""
    rows = policies_now(only=policies.values_list("pk", flat=True))
    return {"timestamp": iso(now), "policies": [_policy_line(row) for row in rows]}


def _policy_line(policy: PolicyNow) -> dict[str, Any]:
    return {
        "policy_id": policy.policy_id,
        "uid": policy.uid,
        "name": policy.name,
        "primary_path_id": policy.primary_path_id,
        "backup_path_ids": [path_id for path_id, _ in policy.members[1:]],
        "failover_threshold": policy.failover_threshold,
        "failback_threshold": policy.failback_threshold,
        "failback_delay_secs": policy.failback_delay_secs,
        "enabled": policy.enabled,
        "active_path_id": policy.active_path_id,
        "using_primary": _using_primary(policy),
        "failover_count": policy.failover_count,
    }


def policy_state(policy: PolicyNow) -> dict[str, Any]:
    """Where a policy's traffic is and why; null where no decision was made yet.

    Countdowns and candidates are those of the last decision, at ``evaluated_at``.
    """
    decided = policy.evaluated_at is not None
    return {
        "policy_id": policy.policy_id,
        "uid": policy.uid,
        "active_path_id": policy.active_path_id,
        "using_primary": _using_primary(policy),
        "last_failover": policy.last_failover and utc_text(policy.last_failover),
        "primary_healthy_since": policy.primary_healthy_since
        and utc_text(policy.primary_healthy_since),
        "failover_count": policy.failover_count,
        "generation": policy.generation,
        "phase": policy.phase if decided or not policy.enabled else None,
        "reason": policy.reason or None,
        "evaluated_at": policy.evaluated_at and utc_text(policy.evaluated_at),
        "countdowns": [_picked(row, "kind", "secs_left", "path_id") for row in policy.countdowns],
        "candidates": [
            _picked(row, "path_id", "name", "gate", "sentence") for row in policy.candidates
        ],
    }


def _using_primary(policy: PolicyNow) -> bool | None:
    return None if policy.active_path_id is None else policy.using_primary


def _picked(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row.get(name) for name in names}
