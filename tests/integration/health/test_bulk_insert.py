"""Rows that travel as one text arrive as they left, on both databases."""

from __future__ import annotations

import math

import orjson
import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from health.models import CurrentHealth, HealthSample, Path, StatusChange
from health.monitoring.bulk_insert import ROWS_PER_STATEMENT, BulkInsert, Row
from tests.factories import PathFactory

pytestmark = pytest.mark.django_db

SAMPLES = BulkInsert(
    HealthSample,
    ("timestamp", "path_id", "sent", "received", "latency_ms", "status", "known_secs",
     "reachable_secs", "bad_secs", "sketch"),
    key_columns=2,
)  # fmt: skip
CHANGES = BulkInsert(
    StatusChange,
    ("timestamp", "path_id", "old_status", "new_status", "reachable", "reason", "detail"),
)
CURRENT = BulkInsert(
    CurrentHealth,
    ("path_id", "updated_at", "status", "reason", "detail", "sent", "received", "status_since",
     "probes_total", "failures_total", "targets", "spark", "strip", "lease_epoch"),
    key_columns=1,
)  # fmt: skip


def sample(timestamp: int, *, latency_ms: float | None = 1.5, sketch: bytes = b"") -> Row:
    return (timestamp, 1, 20, 19, latency_ms, "up", 10, 10, 0, sketch)


def change(path: Path, detail: str, *, reachable: bool | None = None) -> Row:
    return (1.5, path.pk, "up", "down", reachable, "", detail)


def test_more_rows_than_one_statement_takes_all_arrive() -> None:
    many = 2 * ROWS_PER_STATEMENT + 1
    with CaptureQueriesContext(connection) as queries:
        SAMPLES.write(sample(n) for n in range(many))
    assert len(queries) == 3
    stored = HealthSample.objects.order_by("timestamp").values_list("timestamp", flat=True)
    assert list(stored) == list(range(many))


def test_no_rows_are_no_statement() -> None:
    with CaptureQueriesContext(connection) as queries:
        SAMPLES.write([])
    assert len(queries) == 0


def test_each_row_gets_its_own_bytes_and_an_empty_one_none() -> None:
    sketches = [b"\x01\x00\xff", b"", b"'\\x%s", bytes(range(256))]
    SAMPLES.write(sample(n, sketch=sketch) for n, sketch in enumerate(sketches))
    stored = HealthSample.objects.order_by("timestamp").values_list("sketch", flat=True)
    assert [bytes(sketch) for sketch in stored] == sketches


@pytest.mark.parametrize(
    "value", [0.0, 54.9, 1 / 3, 1e-9, 123456.789012345, 1_700_000_005.123456, None]
)
def test_a_number_arrives_within_one_unit_in_the_last_place(value: float | None) -> None:
    SAMPLES.write([sample(0, latency_ms=value)])
    stored = HealthSample.objects.get().latency_ms
    if value is None:
        assert stored is None
    else:
        assert stored is not None
        assert abs(stored - value) <= math.ulp(value)


@pytest.mark.parametrize("detail", ["", "100 %s %% ü → 'x' \"y\" \\ \n", "null", "[1]", "7"])
def test_a_text_arrives_as_it_left(detail: str) -> None:
    CHANGES.write([change(PathFactory(), detail)])
    assert StatusChange.objects.get().detail == detail


@pytest.mark.parametrize("reachable", [True, False, None])
def test_yes_no_and_unknown_stay_apart(reachable: bool | None) -> None:
    CHANGES.write([change(PathFactory(), "", reachable=reachable)])
    assert StatusChange.objects.get().reachable is reachable


def test_json_arrives_as_json_whether_it_was_made_before_or_not() -> None:
    path = PathFactory()
    targets = [{"address": "192.0.2.1", "alive": None, "detail": 'said "no"'}]
    CURRENT.write([(path.pk, 1.0, "up", "", "", 1, 1, 1.0, 2**40, orjson.Fragment('{"lost": 6}'),
                    targets, orjson.Fragment("[null,25.5]"), " g", 3)])  # fmt: skip
    stored = CurrentHealth.objects.get()
    assert stored.failures_total == {"lost": 6}
    assert stored.targets == targets
    assert stored.spark == [None, 25.5]
    assert stored.probes_total == 2**40


def test_the_same_key_replaces_and_without_a_key_rows_are_added() -> None:
    SAMPLES.write([sample(0, latency_ms=1.0), sample(10, latency_ms=1.0)])
    SAMPLES.write([sample(0, latency_ms=2.0)])
    stored = HealthSample.objects.order_by("timestamp").values_list("latency_ms", flat=True)
    assert list(stored) == [2.0, 1.0]
    path = PathFactory()
    CHANGES.write([change(path, "once")])
    CHANGES.write([change(path, "once")])
    assert StatusChange.objects.count() == 2


def test_only_rows_that_meet_the_condition_are_taken() -> None:
    late = BulkInsert(HealthSample, SAMPLES.columns, 2, condition="given.timestamp > %s")
    late.write([sample(n, sketch=b"%d" % n) for n in range(5)], 2)
    stored = HealthSample.objects.order_by("timestamp").values_list("timestamp", "sketch")
    assert [(at, bytes(sketch)) for at, sketch in stored] == [(3, b"3"), (4, b"4")]


def test_what_the_column_does_not_take_is_an_error_and_not_bent() -> None:
    with pytest.raises(IntegrityError):
        CHANGES.write([(1.5, PathFactory().pk, None, "down", True, "", "")])
