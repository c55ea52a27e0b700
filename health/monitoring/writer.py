"""Writes what the engine found: samples, current health, changes of status.

Raw bulk statements, one transaction a batch: model objects cost thirty times
as much (docs/architecture.md). A slot that is written twice (a restart or a
hand-over within it) is merged with what is there; a batch is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction

from health.domain.reading import PathReading, TargetReading
from health.domain.sample import Sample
from health.domain.status import PathStatus
from health.models import CurrentHealth, HealthSample, Path, StatusChange

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
ROWS_PER_STATEMENT = 500
_STATUS = SAMPLE_COLUMNS.index("status")


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
        epochs = dict(Path.objects.values_list("pk", "uplink__vantage__lease__epoch"))
        judged = frozenset(key for key, present in epochs.items() if (present or 0) <= epoch)
        _write_samples([s for s in batch.samples if s.path in epochs], written_until)
        _write_current([row for key, row in batch.current.items() if key in judged], epoch=epoch)
        StatusChange.objects.bulk_create(
            _change_row(change) for change in batch.changes if change.reading.key in judged
        )


def _write_samples(samples: Sequence[Sample], written_until: int | None) -> None:
    if not samples:
        return
    merged = _merge_with_stored(samples, written_until)
    _upsert(
        HealthSample._meta.db_table,
        SAMPLE_COLUMNS,
        2,
        [(*sample[:_STATUS], str(sample.status), *sample[_STATUS + 1 :]) for sample in merged],
    )


def _merge_with_stored(samples: Sequence[Sample], written_until: int | None) -> list[Sample]:
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
    return list(joined.values())


def _write_current(rows: Iterable[CurrentRow], *, epoch: int) -> None:
    _upsert(
        CurrentHealth._meta.db_table,
        CURRENT_COLUMNS,
        1,
        [_current_values(row, epoch) for row in rows],
    )


def _current_values(row: CurrentRow, epoch: int) -> tuple[Any, ...]:
    reading = row.reading
    targets = [dict(zip(TargetReading._fields, one, strict=True)) for one in reading.targets]
    return (
        reading.key, row.updated_at, row.last_checked, str(reading.status), str(reading.reason),
        reading.detail[:300], reading.reachable, reading.score, reading.latency_ms,
        reading.min_latency_ms, reading.max_latency_ms, reading.packet_loss_pct,
        reading.jitter_ms, *reading.directions, reading.mos, reading.sent, reading.received,
        row.status_since, row.probes_total, row.failures, _json(targets), row.spark,
        row.strip, epoch,
    )  # fmt: skip


def _change_row(change: Change) -> StatusChange:
    reading = change.reading
    return StatusChange(
        timestamp=change.timestamp,
        path_id=reading.key,
        old_status=str(change.old_status),
        new_status=str(reading.status),
        reachable=reading.reachable,
        health_score=reading.score,
        reason=str(reading.reason),
        detail=reading.detail[:300],
    )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _upsert(
    table: str, columns: Sequence[str], key_columns: int, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert ``rows``, replacing those with the same leading ``key_columns`` values."""
    if not rows:
        return
    quoted = [connection.ops.quote_name(column) for column in columns]
    updates = ", ".join(f"{column} = excluded.{column}" for column in quoted[key_columns:])
    insert = f"INSERT INTO {connection.ops.quote_name(table)} ({', '.join(quoted)}) VALUES "  # noqa: S608 - names are constants
    values = f"({', '.join(['%s'] * len(columns))})"
    conflict = f" ON CONFLICT ({', '.join(quoted[:key_columns])}) DO UPDATE SET {updates}"
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # One prepared statement for all rows.
            cursor.executemany(f"{insert}{values}{conflict}", rows)
            return
        # One round trip for many rows: psycopg would take one for each.
        for chunk in _in_parts(rows, ROWS_PER_STATEMENT):
            statement = f"{insert}{', '.join([values] * len(chunk))}{conflict}"
            cursor.execute(statement, [value for row in chunk for value in row])


def _in_parts(rows: Sequence[tuple[Any, ...]], size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
    """``rows`` in parts of up to ``size``."""
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
