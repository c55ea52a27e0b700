"""Writes what the engine found: samples, current health, changes of status.

Raw bulk statements (``bulk_insert``), one transaction a batch: model objects cost
thirty times as much (docs/architecture.md). A slot that is written twice (a restart
or a hand-over within it) is merged with what is there; a batch is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from django.db import transaction

from health.domain.reading import PathReading, TargetReading
from health.domain.sample import Sample
from health.domain.status import PathStatus
from health.models import CurrentHealth, HealthSample, StatusChange
from health.monitoring.bulk_insert import BulkInsert

SAMPLE_COLUMNS = (
    "timestamp", "path_id", "sent", "received", "latency_ms", "min_latency_ms",
    "max_latency_ms", "packet_loss_pct", "jitter_ms", "forward_loss_pct", "backward_loss_pct",
    "forward_jitter_ms", "backward_jitter_ms", "health_score", "status", "known_secs",
    "reachable_secs", "bad_secs", "sketch",
)  # fmt: skip
CURRENT_COLUMNS = (
    "path_id", "updated_at", "last_checked", "status", "reason", "detail", "reachable",
    "health_score", "latency_ms", "min_latency_ms", "max_latency_ms", "packet_loss_pct",
    "jitter_ms", "forward_loss_pct", "backward_loss_pct", "forward_jitter_ms",
    "backward_jitter_ms", "mos", "sent", "received", "status_since", "probes_total",
    "failures_total", "targets", "spark", "strip", "lease_epoch",
)  # fmt: skip
CHANGE_COLUMNS = (
    "timestamp", "path_id", "old_status", "new_status", "reachable", "health_score", "reason",
    "detail",
)  # fmt: skip

# Asked of the database with the rows and not before: 10,000 paths to read each second
# were a seventh of what this thread cost, and one could be deleted in between.
PATH_IS_THERE = "EXISTS (SELECT 1 FROM sdwan_paths AS path WHERE path.id = given.path_id)"
PATH_IS_OURS = """EXISTS (
    SELECT 1 FROM sdwan_paths AS path
    JOIN sdwan_uplinks AS uplink ON uplink.id = path.uplink_id
    LEFT JOIN sdwan_monitor_leases AS lease ON lease.vantage_id = uplink.vantage_id
    WHERE path.id = given.path_id AND COALESCE(lease.epoch, 0) <= %s
)"""
SAMPLES = BulkInsert(HealthSample, SAMPLE_COLUMNS, key_columns=2, condition=PATH_IS_THERE)
CURRENT = BulkInsert(CurrentHealth, CURRENT_COLUMNS, key_columns=1, condition=PATH_IS_OURS)
CHANGES = BulkInsert(StatusChange, CHANGE_COLUMNS, condition=PATH_IS_OURS)
LONGEST_DETAIL = 300


class CurrentRow(NamedTuple):
    """The current health of one path with its wall-clock labels (seconds since 1970, UTC).

    ``failures`` and ``spark`` are JSON already: they outlive the state they tell of.
    """

    reading: PathReading
    updated_at: float
    last_checked: float | None
    status_since: float
    probes_total: int
    failures: str
    spark: str
    strip: str


@dataclass(frozen=True, slots=True)
class Change:
    """A change of status or reachability to record; ``timestamp`` in seconds since 1970, UTC."""

    timestamp: float
    old_status: PathStatus
    reading: PathReading


@dataclass(slots=True)
class Batch:
    """What is written in one transaction."""

    current: dict[int, CurrentRow] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.current or self.samples or self.changes)

    def absorb(self, newer: Batch) -> None:
        """Join a newer batch: current health replaces, history adds."""
        self.current |= newer.current
        self.samples += newer.samples
        self.changes += newer.changes


def write_batch(batch: Batch, *, epoch: int, written_until: int | None = None) -> None:
    """Write ``batch`` in one transaction; raises ``DatabaseError`` and then writes nothing.

    ``written_until`` is the newest slot this process has written so far: only that
    and older ones can be there already, and are looked for; None looks for all.

    Rows of paths that were deleted meanwhile are left out. A holder with an older
    ``epoch`` than the lease has now may add its samples but judges nothing any more.
    """
    with transaction.atomic():
        SAMPLES.write(_merge_with_stored(batch.samples, written_until))
        CURRENT.write((_current_values(row, epoch) for row in batch.current.values()), epoch)
        CHANGES.write(map(_change_values, batch.changes), epoch)


def _merge_with_stored(samples: Sequence[Sample], written_until: int | None) -> Iterable[Sample]:
    """Join each sample with the row of its slot, if there is one already."""
    joined: dict[tuple[int, int], Sample] = {}
    wanted = {
        (sample.timestamp, sample.path)
        for sample in samples
        if written_until is None or sample.timestamp <= written_until
    }
    stored = HealthSample.objects.filter(
        timestamp__in={timestamp for timestamp, _ in wanted}
    ).values_list(*SAMPLE_COLUMNS)
    for row in stored:
        if (row[0], row[1]) in wanted:
            values = dict(zip(Sample._fields, row, strict=True))
            values["status"] = PathStatus(values["status"])
            values["sketch"] = bytes(values["sketch"] or b"")
            joined[row[0], row[1]] = Sample(**values)
    for sample in samples:
        key = (sample.timestamp, sample.path)
        joined[key] = joined[key].merged_with(sample) if key in joined else sample
    return joined.values()


def _current_values(row: CurrentRow, epoch: int) -> tuple[Any, ...]:
    reading = row.reading
    targets = [dict(zip(TargetReading._fields, one, strict=True)) for one in reading.targets]
    return (
        reading.key, row.updated_at, row.last_checked, reading.status, reading.reason,
        reading.detail[:LONGEST_DETAIL], reading.reachable, reading.score, reading.latency_ms,
        reading.min_latency_ms, reading.max_latency_ms, reading.packet_loss_pct,
        reading.jitter_ms, *reading.directions, reading.mos, reading.sent, reading.received,
        row.status_since, row.probes_total, orjson.Fragment(row.failures), targets,
        orjson.Fragment(row.spark), row.strip, epoch,
    )  # fmt: skip


def _change_values(change: Change) -> tuple[Any, ...]:
    reading = change.reading
    return (
        change.timestamp, reading.key, change.old_status, reading.status, reading.reachable,
        reading.score, reading.reason, reading.detail[:LONGEST_DETAIL],
    )  # fmt: skip
