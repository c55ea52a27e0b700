"""The thread between loop and database: nothing waits for it, nothing is lost in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import OperationalError

from health.domain.path_spec import PathSpec
from health.domain.reading import PathReading
from health.domain.sample import Sample
from health.domain.status import PathStatus, Reason
from health.models import HealthSample, Path, StatusChange
from health.monitoring import database_thread as module
from health.monitoring.database_thread import DatabaseThread
from health.monitoring.writer import Batch, Change
from tests.factories import PathTargetFactory

pytestmark = pytest.mark.django_db(transaction=True)
SLOT = 1_700_000_000


def sample(path_id: int, timestamp: int = SLOT) -> Sample:
    return Sample(
        timestamp, path_id, 20, 20, 20.0, 20.0, 20.0, 0.0, 0.0, None, None, None, None, 100.0,
        PathStatus.UP, 10, 10, 0, b"",
    )  # fmt: skip


def change(path_id: int, timestamp: float) -> Change:
    reading = PathReading(
        path_id, 0, PathStatus.DOWN, Reason.NO_ANSWER, "", False, 0.0, None, None, None, 100.0,
        None, None, 0, 0, 0, 0, 6, 1, None, None, 0,
    )  # fmt: skip
    return Change(timestamp, PathStatus.UP, reading)


def until(condition: Callable[[], object], patience_secs: float = 30.0) -> None:
    deadline = time.monotonic() + patience_secs
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def path() -> Path:
    target = PathTargetFactory()
    found: Path = target.path
    return found


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECS", 0.02)


class Running:
    """A started thread and the configurations it has reported."""

    def __init__(self, vantage_name: str) -> None:
        self.configured: list[list[PathSpec]] = []
        self.thread = DatabaseThread(
            vantage_name, 1, lambda paths, uplinks: self.configured.append(paths), time.time
        )
        self.thread.start()


@pytest.fixture
def running(path: Path, quick: None) -> Iterator[Running]:
    started = Running(path.uplink.vantage.name)
    yield started
    started.thread.stop(5)


def test_the_paths_of_the_vantage_are_reported_at_once(running: Running, path: Path) -> None:
    until(lambda: running.configured)
    assert [spec.key for spec in running.configured[0]] == [path.pk]


def test_an_edit_is_reported_and_no_edit_is_not(running: Running, path: Path) -> None:
    until(lambda: running.configured)
    time.sleep(0.2)  # ten looks at an unchanged configuration
    assert len(running.configured) == 1
    path.dscp = 46
    path.save()
    until(lambda: len(running.configured) == 2)
    assert running.configured[1][0].dscp == 46
    path.enabled = False
    path.save()
    until(lambda: running.configured[-1] == [])


def test_a_batch_is_written_without_waiting_for_the_next_look(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECS", 60.0)
    started = Running(path.uplink.vantage.name)
    until(lambda: started.configured)
    started.thread.submit(Batch(samples=[sample(path.pk)]))
    until(HealthSample.objects.exists)
    started.thread.stop(5)


def test_stopping_writes_what_is_waiting(running: Running, path: Path) -> None:
    running.thread.submit(Batch(samples=[sample(path.pk)]))
    running.thread.stop(5)
    assert HealthSample.objects.count() == 1


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a defect")])
def test_a_batch_that_could_not_be_written_is_kept_and_written_once(
    running: Running, path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    write, failures = module.write_batch, []

    def away(batch: Batch, *, epoch: int, written_until: int | None) -> None:
        failures.append(batch)
        raise error

    monkeypatch.setattr(module, "write_batch", away)
    running.thread.submit(Batch(samples=[sample(path.pk)]))
    until(lambda: len(failures) >= 2)
    running.thread.submit(Batch(samples=[sample(path.pk, SLOT + 10)]))
    monkeypatch.setattr(module, "write_batch", write)
    until(lambda: HealthSample.objects.count() == 2)
    assert set(HealthSample.objects.values_list("sent", flat=True)) == {20}
    assert running.thread.dropped_samples == 0


def test_a_backlog_is_bounded_drops_the_oldest_and_counts_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_SAMPLES", 3)
    monkeypatch.setattr(module, "MAX_WAITING_CHANGES", 2)
    thread = DatabaseThread(path.uplink.vantage.name, 1, lambda paths, uplinks: None, time.time)
    for number in range(5):
        thread.submit(
            Batch(
                samples=[sample(path.pk, SLOT + 10 * number)],
                changes=[change(path.pk, SLOT + number)],
            )
        )
    assert (thread.dropped_samples, thread.dropped_changes) == (2, 3)
    thread.start()
    thread.stop(5)
    times = HealthSample.objects.order_by("timestamp").values_list("timestamp", flat=True)
    assert list(times) == [SLOT + 20, SLOT + 30, SLOT + 40]
    assert StatusChange.objects.count() == 2
