"""Batches become rows: all of a batch or nothing, merged where a slot exists already."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from health.domain.directions import DirectionMetrics
from health.domain.reading import PathReading, TargetReading
from health.domain.sample import Sample
from health.domain.sketch import Sketch
from health.domain.status import PathStatus, Reason
from health.models import CurrentHealth, HealthSample, Path, StatusChange
from health.monitoring.writer import Batch, Change, CurrentRow, write_batch
from tests.factories import MonitorLeaseFactory, PathFactory

SLOT = 1_700_000_000
WALL = 1_700_000_005.25

pytestmark = pytest.mark.django_db


def sketch_of(*rtts_ms: float) -> bytes:
    sketch = Sketch()
    for rtt_ms in rtts_ms:
        sketch.add(round(rtt_ms * 1e6))
    return sketch.to_bytes()


def sample(path: Path, **changes: object) -> Sample:
    values = Sample(
        SLOT, path.pk, 20, 19, 25.5, 20.0, 31.0, 5.0, 1.25, 4.0, 1.0, 0.5, 0.75, 54.9,
        PathStatus.DEGRADED, 10, 10, 1, sketch_of(20, 25, 31),
    )  # fmt: skip
    return values._replace(**changes)  # type: ignore[arg-type] # any field


def reading(path: Path, **changes: object) -> PathReading:
    target = TargetReading(1, "192.0.2.1", True, 54.9, 25.5, 5.0, 1.25, 120, 114)
    values = PathReading(
        path.pk, 0, PathStatus.DEGRADED, Reason.NONE, "", True, 54.9, 25.5, 20.0, 31.0, 5.0, 1.25,
        3.9, 120, 114, 120, 4, 0, 500_000_000, 0, 0, 0, (target,),
        DirectionMetrics(4.0, 1.0, 0.5, 0.75),
    )  # fmt: skip
    return values._replace(**changes)  # type: ignore[arg-type] # any field


def row(path: Path, **changes: object) -> CurrentRow:
    return CurrentRow(
        reading=reading(path, **changes),
        updated_at=WALL,
        last_checked=WALL - 0.3,
        status_since=WALL - 60,
        probes_total=1_234,
        failures='{"lost": 6}',
        spark="[null,25.5]",
        strip=" g",
    )


def batch(*paths: Path) -> Batch:
    return Batch(
        current={path.pk: row(path) for path in paths},
        samples=[sample(path) for path in paths],
        changes=[Change(WALL, PathStatus.UP, reading(path)) for path in paths],
    )


def test_what_is_written_is_what_the_models_read() -> None:
    path = PathFactory()
    write_batch(batch(path), epoch=3)
    stored = HealthSample.objects.get()
    for field in Sample._fields:
        if field not in {"path", "sketch", "status"}:
            assert getattr(stored, field) == getattr(sample(path), field), field
    assert (stored.path_id, stored.status) == (path.pk, "degraded")
    assert Sketch.from_bytes(bytes(stored.sketch)).count == 3
    current = CurrentHealth.objects.get()
    assert (current.status, current.reason, current.reachable) == ("degraded", "", True)
    assert (current.updated_at, current.last_checked) == (WALL, WALL - 0.3)
    assert (current.health_score, current.latency_ms, current.mos) == (54.9, 25.5, 3.9)
    assert (current.probes_total, current.failures_total) == (1_234, {"lost": 6})
    assert (current.spark, current.strip, current.lease_epoch) == ([None, 25.5], " g", 3)
    assert current.targets[0]["address"] == "192.0.2.1"
    change = StatusChange.objects.get()
    assert (change.old_status, change.new_status, change.timestamp) == ("up", "degraded", WALL)


def test_what_was_not_measured_is_null_and_not_zero() -> None:
    path = PathFactory()
    nothing = dict.fromkeys(
        ["latency_ms", "min_latency_ms", "max_latency_ms", "jitter_ms", "packet_loss_pct"]
    )
    write_batch(
        Batch(
            current={path.pk: row(path, **nothing, score=None, mos=None, reachable=None)},
            samples=[sample(path, **nothing, health_score=None, sketch=b"")],
        ),
        epoch=1,
    )
    for stored in (CurrentHealth.objects.get(), HealthSample.objects.get()):
        assert {getattr(stored, field) for field in nothing} == {None}
        assert stored.health_score is None
    assert CurrentHealth.objects.get().reachable is None


def test_current_health_is_replaced_and_not_added() -> None:
    path = PathFactory()
    write_batch(batch(path), epoch=1)
    write_batch(Batch(current={path.pk: row(path, score=99.0)}), epoch=1)
    assert CurrentHealth.objects.get().health_score == 99.0


def test_a_slot_written_twice_is_one_row_of_both_halves() -> None:
    path, other = PathFactory(), PathFactory()
    write_batch(Batch(samples=[sample(path, sent=8, received=8, known_secs=4)]), epoch=1)
    write_batch(Batch(samples=[sample(path, sent=12, received=6), sample(other)]), epoch=2)
    stored = HealthSample.objects.get(path_id=path.pk)
    assert (stored.sent, stored.received, stored.packet_loss_pct) == (20, 14, 30.0)
    assert stored.known_secs == 10
    assert Sketch.from_bytes(bytes(stored.sketch)).count == 6
    assert HealthSample.objects.get(path_id=other.pk).sent == 20


def test_two_halves_of_a_slot_in_one_batch_are_one_row_too() -> None:
    path = PathFactory()
    write_batch(Batch(samples=[sample(path), sample(path)]), epoch=1)
    assert HealthSample.objects.get().sent == 40


def test_a_path_that_was_deleted_meanwhile_is_left_out() -> None:
    path, deleted = PathFactory(), PathFactory()
    waiting = batch(path, deleted)
    deleted.delete()
    write_batch(waiting, epoch=1)
    assert HealthSample.objects.get().path_id == path.pk
    assert CurrentHealth.objects.get().path_id == path.pk
    assert StatusChange.objects.get().path_id == path.pk


def test_an_error_leaves_nothing_half_written() -> None:
    path = PathFactory()
    waiting = batch(path)
    waiting.changes.append(Change(WALL, None, reading(path)))  # type: ignore[arg-type] # refused
    with pytest.raises(IntegrityError):
        write_batch(waiting, epoch=1)
    assert not HealthSample.objects.exists()
    assert not CurrentHealth.objects.exists()


def test_a_holder_that_lost_its_lease_does_not_overwrite_its_successor() -> None:
    path = PathFactory()
    MonitorLeaseFactory(vantage=path.uplink.vantage, epoch=5)
    write_batch(Batch(current={path.pk: row(path, score=99.0)}), epoch=5)
    write_batch(batch(path), epoch=4)  # a process that was frozen and woke up
    current = CurrentHealth.objects.get()
    assert (current.health_score, current.lease_epoch) == (99.0, 5)
    assert not StatusChange.objects.exists()
    assert HealthSample.objects.get().sent == 20  # what it measured is history all the same


def test_a_path_that_moved_to_a_younger_vantage_is_written_by_it() -> None:
    path = PathFactory()
    write_batch(Batch(current={path.pk: row(path)}), epoch=50)
    MonitorLeaseFactory(vantage=path.uplink.vantage, epoch=2)
    write_batch(Batch(current={path.pk: row(path, score=99.0)}), epoch=2)
    assert CurrentHealth.objects.get().lease_epoch == 2


def test_the_number_of_statements_does_not_grow_with_the_paths() -> None:
    few, many = PathFactory.create_batch(2), PathFactory.create_batch(12)
    counts = []
    for paths in (few, many):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            write_batch(batch(*paths), epoch=1)
        counts.append(len({query["sql"].split("VALUES")[0] for query in queries}))
    assert counts[0] == counts[1]


def test_a_batch_joins_a_newer_one_without_losing_history() -> None:
    path = PathFactory.build(pk=1)
    older, newer = batch(path), batch(path)
    newer.current[1] = row(path, score=1.0)
    older.absorb(newer)
    assert (len(older.samples), len(older.changes)) == (2, 2)
    assert older.current[1].reading.score == 1.0
    assert older
    assert not Batch()
