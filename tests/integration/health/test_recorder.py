"""Rounds become batches: every change, one judgement a second, totals that only grow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from health.domain.recent_history import PathPast
from health.domain.status import PathStatus
from health.engine.observers import Round
from health.monitoring.recorder import Recorder
from health.monitoring.writer import Batch, Change
from tests.unit.health.engine.worlds import SILENCE, Behaviour, Outcome, World, path_spec

NOON = 1_700_000_000.0


class Recorded:
    """A scripted engine with a recorder on it."""

    def __init__(self, *keys: int, past: dict[int, PathPast] | None = None) -> None:
        self.batches: list[Batch] = []
        self.world = World(*(path_spec(key) for key in keys))
        self.recorder = Recorder(self.world.engine.paths, self.batches.append, past or {})
        for monitor in self.world.engine.paths.values():
            self.recorder.restore(monitor)
        self.world.engine.observers = (self.recorder, self.world.rounds)
        self.world.engine._rounds._on_samples = self.recorder.on_samples

    def __enter__(self) -> Recorded:
        return self

    def __exit__(self, *error: Any) -> None:
        self.world.__exit__(None, None, None)

    @property
    def changes(self) -> list[Change]:
        return [change for batch in self.batches for change in batch.changes]

    @property
    def steps(self) -> list[tuple[str, str]]:
        return [(str(one.old_status), str(one.reading.status)) for one in self.changes]


def past(
    status: PathStatus = PathStatus.UP, *, updated_at: float = NOON, **changes: Any
) -> PathPast:
    values = PathPast(updated_at, status, True, [5.0] * 30, "u" * 30, 1_000, {"lost": 7})
    return values._replace(**changes)


def test_a_batch_is_handed_over_each_second_with_every_path() -> None:
    with Recorded(1, 2) as recorded:
        recorded.world.live(10)
        assert len(recorded.batches) == 10
        assert all(batch.current.keys() == {1, 2} for batch in recorded.batches)


def test_current_health_has_wall_clock_labels() -> None:
    with Recorded(1) as recorded:
        recorded.world.live(30)
        row = recorded.batches[-1].current[1]
        assert row.updated_at == recorded.world.clock.wall()
        assert row.last_checked is not None
        assert 0 <= row.updated_at - row.last_checked <= 0.6
        assert 24 <= row.updated_at - row.status_since <= 26
        assert row.strip[-1] == "u"  # the warm-up leaves no hole
        assert json.loads(row.spark)[-1] == 20


def test_each_change_of_status_is_recorded_once_with_its_moment() -> None:
    with Recorded(1) as recorded:
        recorded.world.live(60).script(SILENCE).live(20)
        assert recorded.steps[0] == ("unknown", "up")
        assert recorded.steps[-1][1] == "down"
        last = recorded.changes[-1]
        assert last.reading.reachable is False
        assert last.timestamp == pytest.approx(NOON + (last.reading.at_ns - 10**12) / 1e9)
        count = len(recorded.changes)
        recorded.world.live(20)
        assert len(recorded.changes) == count


def test_a_hand_over_is_no_change_of_status() -> None:
    with Recorded(1, past={1: past(PathStatus.UP)}) as recorded:
        monitor = recorded.world.engine.paths[1]
        monitor.status = PathStatus.UP
        monitor.targets[0].window.refill([(10**12 - n, 20_000_000) for n in range(60, 0, -1)])
        monitor.targets[0].liveness.alive = True
        recorded.world.live(3)
        assert recorded.changes == []


def test_a_restart_that_knows_nothing_says_that_the_status_became_unknown() -> None:
    with Recorded(1, past={1: past(PathStatus.UP)}) as recorded:
        recorded.world.live(2)
        assert recorded.steps == [("up", "unknown")]


def test_a_status_of_long_ago_is_not_what_a_path_changed_from() -> None:
    with Recorded(1, past={1: past(PathStatus.UP, updated_at=NOON - 3_600)}) as recorded:
        recorded.world.live(10)
        assert recorded.steps == [("unknown", "up")]


def test_totals_go_on_where_the_predecessor_stood() -> None:
    with Recorded(1, past={1: past()}) as recorded:
        recorded.world.script(SILENCE).live(10)
        row = recorded.batches[-1].current[1]
        settled = recorded.world.engine.paths[1].probes_total - 1_000
        assert settled in {18, 19, 20}
        assert row.probes_total == 1_000 + settled
        assert json.loads(row.failures) == {"lost": 7 + settled}


def test_the_last_hour_survives_a_restart_also_before_the_paths_are_known() -> None:
    with Recorded(past={1: past()}) as recorded:
        recorded.world.live(3)  # rounds without any path yet: the database is slow
        recorded.world.engine.submit([path_spec(1)])
        recorded.world.live(2)
        assert json.loads(recorded.batches[-1].current[1].spark)[:29] == [5.0] * 29


def test_a_path_that_is_gone_is_recorded_no_more() -> None:
    with Recorded(1, 2) as recorded:
        recorded.world.live(3)
        recorded.world.engine.submit([path_spec(2)])
        recorded.world.live(2)
        assert recorded.batches[-1].current.keys() == {2}
        assert recorded.recorder._histories.keys() == {2}


def test_what_a_path_was_before_it_was_switched_off_is_forgotten() -> None:
    with Recorded(1, 2) as recorded:
        recorded.world.live(20).script(SILENCE).live(10)
        recorded.world.engine.submit([path_spec(2)])
        recorded.world.live(5)
        known = len(recorded.changes)
        recorded.world.engine.submit([path_spec(1), path_spec(2)])
        recorded.world.live(10)
        assert [str(one.old_status) for one in recorded.changes[known:]] == ["unknown"]


def test_slots_in_which_nothing_was_sent_or_known_are_no_samples() -> None:
    with Recorded(1) as recorded:
        recorded.world.script(Behaviour(Outcome.DENIED)).live(30)
        assert [sample for batch in recorded.batches for sample in batch.samples] == []


def test_closing_hands_over_what_is_left() -> None:
    with Recorded(1) as recorded:
        recorded.world.live(14.5)
        recorded.world.engine.close_open_slot()
        recorded.recorder.close()
        samples = [sample for batch in recorded.batches for sample in batch.samples]
        assert len(samples) == 2
        assert sum(sample.sent for sample in samples) == 29


def test_rounds_within_a_second_keep_their_changes_for_the_next_batch() -> None:
    with Recorded(1) as recorded:
        recorded.world.live(30)
        reading = recorded.world.reading()
        down = reading._replace(status=PathStatus.DOWN, reachable=False)
        now, batches = recorded.world.clock, len(recorded.batches)
        early = Round(
            now.monotonic_ns() + 10**8, now.wall() + 0.1, {1: down}, (1,), frozenset({1}), 0, 0
        )
        recorded.recorder.on_round(early)
        assert len(recorded.batches) == batches
        recorded.recorder.on_round(
            Round(now.monotonic_ns() + 10**9, now.wall() + 1, {1: down}, (1,), frozenset(), 0, 0)
        )
        assert [change.timestamp for change in recorded.batches[-1].changes] == [now.wall() + 0.1]


def test_closing_counts_the_probes_of_the_last_moment_too() -> None:
    with Recorded(1) as recorded:
        recorded.world.live(10.9)
        settled = recorded.world.engine.paths[1].probes_total
        assert recorded.batches[-1].current[1].probes_total < settled
        recorded.recorder.close()
        assert recorded.batches[-1].current[1].probes_total == settled


def test_closing_before_the_first_round_hands_over_nothing() -> None:
    with Recorded(1) as recorded:
        recorded.recorder.close()
        assert not any(recorded.batches)
