"""What waits for the database: told, bounded, and never in the way of what comes after."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from django.db import DataError, IntegrityError, OperationalError

from health.domain.path_spec import PathSpec
from health.domain.sample import Sample
from health.domain.status import PathStatus
from health.models import HealthSample, Path
from health.monitoring import database_thread as module
from health.monitoring.database_thread import REFUSALS, DatabaseThread
from health.monitoring.writer import Batch
from tests.factories import PathTargetFactory

pytestmark = pytest.mark.django_db(transaction=True)
SLOT = 1_700_000_000
NOON = 1_700_001_234.5


@pytest.fixture
def path() -> Path:
    found: Path = PathTargetFactory().path
    return found


def sample(path_id: int, timestamp: int = SLOT) -> Sample:
    return Sample(
        timestamp, path_id, 20, 20, 20.0, 20.0, 20.0, 0.0, 0.0, None, None, None, None, 100.0,
        PathStatus.UP, 10, 10, 0, b"",
    )  # fmt: skip


class Stepped:
    """A database thread that turns when the test says so, in the test's own thread."""

    def __init__(self, path: Path) -> None:
        self.configured: list[list[PathSpec]] = []
        self.thread = DatabaseThread(
            path.uplink.vantage.name,
            1,
            lambda paths, uplinks: self.configured.append(paths),
            lambda: NOON,
        )

    def turn(self) -> dict[str, object]:
        """One turn; returns what is told of the ring afterwards."""
        self.thread._turn(last_turn=False)
        return self.thread.ring()


def failing(error: Exception) -> Callable[..., None]:
    def write(batch: Batch, *, epoch: int, written_until: int | None) -> None:
        raise error

    return write


def test_the_ring_tells_what_waits_what_it_can_hold_and_how_the_last_writing_went(
    path: Path,
) -> None:
    stepped = Stepped(path)
    stepped.thread.submit(Batch(samples=[sample(path.pk), sample(path.pk, SLOT + 10)]))
    assert stepped.thread.ring() == {
        "waiting_samples": 2,
        "max_samples": module.MAX_WAITING_SAMPLES,
        "waiting_changes": 0,
        "dropped_samples": 0,
        "dropped_changes": 0,
        "last_write_secs": None,
        "database_away_since": None,
    }
    told = stepped.turn()
    assert told["waiting_samples"] == 0
    assert isinstance(told["last_write_secs"], float)
    assert told["last_write_secs"] > 0


def test_the_moment_since_when_the_database_is_away_is_told_until_it_is_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped, write = Stepped(path), module.write_batch
    monkeypatch.setattr(module, "write_batch", failing(OperationalError("away")))
    stepped.thread.submit(Batch(samples=[sample(path.pk)]))
    told = stepped.turn()
    assert (told["database_away_since"], told["waiting_samples"]) == (NOON, 1)
    stepped.thread._wall = lambda: NOON + 60
    assert stepped.turn()["database_away_since"] == NOON  # since when, not for the last time
    monkeypatch.setattr(module, "write_batch", write)
    told = stepped.turn()
    assert (told["database_away_since"], told["waiting_samples"]) == (None, 0)
    assert HealthSample.objects.count() == 1


@pytest.mark.parametrize("error", [DataError("too long"), IntegrityError("no such path")])
def test_a_batch_that_is_refused_again_and_again_is_dropped_and_the_next_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    stepped, write = Stepped(path), module.write_batch
    monkeypatch.setattr(module, "write_batch", failing(error))
    stepped.thread.submit(Batch(samples=[sample(path.pk)]))
    for turn in range(1, REFUSALS):
        told = stepped.turn()
        assert (told["waiting_samples"], told["dropped_samples"]) == (1, 0), f"turn {turn}"
    told = stepped.turn()
    assert (told["waiting_samples"], told["dropped_samples"]) == (0, 1)
    assert told["database_away_since"] is None  # it is there, and says no
    monkeypatch.setattr(module, "write_batch", write)
    stepped.thread.submit(Batch(samples=[sample(path.pk, SLOT + 10)]))
    assert stepped.turn()["waiting_samples"] == 0
    assert list(HealthSample.objects.values_list("timestamp", flat=True)) == [SLOT + 10]


def test_refusals_before_a_success_are_not_held_against_the_next_batch(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped, write = Stepped(path), module.write_batch
    for number in range(2):
        monkeypatch.setattr(module, "write_batch", failing(DataError("too long")))
        stepped.thread.submit(Batch(samples=[sample(path.pk, SLOT + 10 * number)]))
        for _ in range(REFUSALS - 1):
            stepped.turn()
        monkeypatch.setattr(module, "write_batch", write)
        stepped.turn()
    assert stepped.thread.dropped_samples == 0
    assert HealthSample.objects.count() == 2


def test_a_batch_that_can_not_be_written_hides_no_edit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped = Stepped(path)
    monkeypatch.setattr(module, "write_batch", failing(OperationalError("away")))
    stepped.thread.submit(Batch(samples=[sample(path.pk)]))
    stepped.turn()
    assert len(stepped.configured) == 1


def test_unchanged_specs_are_the_same_objects_after_an_edit_of_another(path: Path) -> None:
    other: Path = PathTargetFactory(path__uplink=path.uplink).path
    stepped = Stepped(path)
    stepped.turn()
    other.dscp = 46
    other.save()
    stepped.turn()
    before, after = ({spec.key: spec for spec in specs} for specs in stepped.configured)
    assert after[path.pk] is before[path.pk]
    assert after[other.pk] is not before[other.pk]
    assert after[other.pk].dscp == 46


def test_reloading_for_safety_comes_more_seldom_when_it_takes_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    read, takes = module.path_specs, [0.0]

    def slowly(vantage_name: str, rest: Callable[[], None]) -> list[PathSpec]:
        specs = read(vantage_name, rest)
        clock[0] += takes[0]
        return specs

    monkeypatch.setattr(module, "path_specs", slowly)
    stepped = Stepped(path)
    stepped.turn()
    clock[0] += module.RELOAD_ANYWAY_SECS - 1
    stepped.turn()
    assert len(stepped.configured) == 1
    clock[0] += 1
    takes[0] = 2.0  # ten thousand paths on a slow disk
    stepped.turn()
    assert len(stepped.configured) == 2
    clock[0] += 2.0 / module.RELOAD_SHARE - 3
    stepped.turn()
    assert len(stepped.configured) == 2
    clock[0] += 2
    stepped.turn()
    assert len(stepped.configured) == 3
