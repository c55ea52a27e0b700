"""Thousands of paths: judged in turns and in slices, yet nothing urgent waits for the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from health.domain.path_spec import ProbeTiming
from health.domain.status import PathStatus
from health.domain.uplink_state import LinkState, UplinkState
from health.engine import rounds as module
from health.engine.clock import FakeClock
from health.engine.observers import RecordingObserver, Round
from health.engine.rounds import ALL_EACH_ROUND, CALM_ROUNDS, TURN_BUDGET_NS
from tests.unit.health.engine.worlds import MS, SECOND, RiggedWorld, path_spec

SELDOM = ProbeTiming(interval_ms=4_000, timeout_ms=1_000, burst_ms=100, hold_ms=1_000)


class Attentive(RecordingObserver):
    """Wants some paths judged in every round."""

    def __init__(self, *keys: int) -> None:
        super().__init__()
        self.keys = keys

    def attends(self) -> Collection[int]:
        return self.keys


def address(key: int) -> str:
    return f"198.18.{key // 250}.{key % 250 + 1}"


def crowd(count: int, *observers: RecordingObserver, **changes: object) -> RiggedWorld:
    specs = [
        path_spec(key, addresses=(address(key),), timing=SELDOM, uplink=1, **changes)
        for key in range(count)
    ]
    return RiggedWorld(*specs, observers=observers)


class Working(FakeClock):
    """A clock on which judging one path takes ``path_ns``."""

    path_ns = 0

    def work(self) -> None:
        self._monotonic_ns += self.path_ns
        self._wall += self.path_ns / 1e9


@pytest.fixture
def slow_judging(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Working]]:
    """A world's clock goes on by ``Working.path_ns`` for each path that is judged."""
    monkeypatch.setattr("tests.unit.health.engine.worlds.FakeClock", Working)
    judge = module.Rounds._judge

    def judge_slowly(rounds: module.Rounds, key: int, now_ns: int) -> None:
        rounds._clock.work()  # type: ignore[attr-defined] # a working clock
        judge(rounds, key, now_ns)

    monkeypatch.setattr(module.Rounds, "_judge", judge_slowly)
    yield Working
    Working.path_ns = 0


def coarse(world: RiggedWorld, secs: float) -> None:
    """Let it live with twenty turns a second: thousands of paths cost real time."""
    for _ in range(round(secs * 20)):
        world.clock.advance(0.05)
        world.engine.turn()


def test_every_path_of_thousands_is_judged_within_so_many_rounds() -> None:
    with crowd(3_000) as world:
        coarse(world, 45)  # ten probes each: all are settled and calm
        seen: set[int] = set()
        since = len(world.rounds.rounds)
        coarse(world, CALM_ROUNDS + 0.5)
        for finished in world.rounds.rounds[since:]:
            assert len(finished.judged) < ALL_EACH_ROUND
            seen.update(finished.judged)
        assert seen == set(range(3_000))


def test_of_thousands_those_are_judged_each_round_of_which_somebody_must_know() -> None:
    attentive = Attentive(17, 2_999)
    with crowd(3_000, attentive) as world:
        coarse(world, 45)
        since = len(world.rounds.rounds)
        coarse(world, 5)
        regular = [one for one in world.rounds.rounds[since:] if len(one.judged) > 10]
        assert len(regular) == 5
        for finished in regular:
            assert {17, 2_999} <= set(finished.judged)


def test_of_thousands_a_path_that_stirs_is_judged_in_the_next_round() -> None:
    with crowd(3_000) as world:
        coarse(world, 45)
        for key in range(20, 28):  # whichever turn it is
            world.engine.paths[key].stirred = True
        coarse(world, 1.05)
        assert set(range(20, 28)) <= {
            key for finished in world.rounds.rounds[-3:] for key in finished.judged
        }


def test_an_observer_that_can_not_say_whom_it_attends_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Confused(RecordingObserver):
        def attends(self) -> Collection[int]:
            raise RuntimeError("a defect")

    with crowd(ALL_EACH_ROUND + 1, Confused()) as world:
        coarse(world, 2.1)
        assert len(world.rounds.rounds) >= 2
    assert "Confused" in caplog.text


def test_judging_never_keeps_a_turn_longer_than_its_budget(slow_judging: type[Working]) -> None:
    with crowd(1_000) as world:
        slow_judging.path_ns = MS // 10
        longest_ns, slice_ns = 0, module.SLICE * slow_judging.path_ns
        for _ in range(300):
            world.clock.advance(0.01)
            began_ns = world.clock.monotonic_ns()
            world.engine.turn()
            longest_ns = max(longest_ns, world.clock.monotonic_ns() - began_ns)
        assert longest_ns <= TURN_BUDGET_NS + slice_ns
        # And yet each second has its round, of all paths.
        told = [one for one in world.rounds.rounds if len(one.judged) >= 1_000]
        gaps = [later.at_ns - earlier.at_ns for earlier, later in pairwise(told)]
        assert len(told) >= 2
        assert all(gap <= 1.2 * SECOND for gap in gaps)


def test_a_target_that_dies_while_a_round_is_under_way_is_told_in_that_turn(
    slow_judging: type[Working],
) -> None:
    """Its path may have been judged in an earlier turn of the same round."""
    with crowd(1_000).uplinks(UplinkState(1, LinkState.UP)) as world:
        coarse(world, 45)
        slow_judging.path_ns = MS // 10
        for turns_into_the_round in (1, 4):
            while not world.engine._rounds._left:
                world.clock.advance(0.01)
                world.engine.turn()
            for _ in range(turns_into_the_round - 1):
                world.engine.turn()
            world.uplinks(UplinkState(1, LinkState.DOWN, detail="wan1 is down"))
            world.engine.turn()
            assert all(world.reading(key).reachable is False for key in (0, 500, 999)), (
                f"in turn {turns_into_the_round} of a round"
            )
            slow_judging.path_ns = 0
            world.uplinks(UplinkState(1, LinkState.UP))
            coarse(world, 14)
            slow_judging.path_ns = MS // 10
            assert world.reading(0).reachable is True


def test_a_path_that_goes_while_its_round_is_under_way_spoils_it_for_nobody(
    slow_judging: type[Working], caplog: pytest.LogCaptureFixture
) -> None:
    class Reads(RecordingObserver):
        def on_round(self, finished: Round) -> None:
            for key in (*finished.judged, *finished.changed):
                assert finished.readings[key].key == key
            super().on_round(finished)

    reads = Reads()
    with crowd(1_000, reads) as world:
        slow_judging.path_ns = MS // 10
        while not world.engine._rounds._left:
            world.clock.advance(0.01)
            world.engine.turn()
        world.engine.submit([path.spec for path in list(world.engine.paths.values())[300:]])
        for _ in range(20):
            world.engine.turn()
        assert len(reads.rounds) == 1
        assert set(reads.rounds[0].judged) == set(range(300, 1_000))
    assert caplog.text == ""


def test_slots_of_thousands_close_within_a_second_and_hold_every_path_once() -> None:
    with crowd(3_000) as world:
        coarse(world, 9.9)
        world.samples.clear()
        coarse(world, 1)
        assert sorted(sample.path for sample in world.samples) == list(range(3_000))
        assert len({sample.timestamp for sample in world.samples}) == 1


def test_an_edit_of_thousands_keeps_the_others_windows_and_their_pace() -> None:
    quick = ProbeTiming(interval_ms=500, timeout_ms=1_000, burst_ms=50, hold_ms=500)
    steady = [path_spec(key, addresses=(address(key),), timing=quick) for key in range(20)]
    many = [path_spec(key, addresses=(address(key),), timing=SELDOM) for key in range(20, 5_020)]
    with RiggedWorld(*steady, *many[:2_500]) as world:
        world.live(3)
        windows = {key: world.engine.paths[key].targets[0].window for key in range(2_520)}
        since = len(world.prober.sent)
        edited = [replace(spec, dscp=46) for spec in many[:1_000]]
        world.engine.submit([*steady, *edited, *many[1_000:]])
        world.live(3)
        assert len(world.engine.paths) == 5_020
        for key in (*range(20), *range(1_020, 2_520)):
            assert world.engine.paths[key].targets[0].window is windows[key]
        assert all(
            world.engine.paths[key].targets[0].window is not windows[key]
            for key in range(20, 1_020)
        )
        for key in range(20):
            sent = [
                one.at_ns for one in world.prober.sent[since:] if one.target.address == address(key)
            ]
            gaps = [later - earlier for earlier, later in pairwise(sent)]
            assert len(sent) >= 5
            assert max(gaps) <= 1.2 * quick.interval_ns
            assert world.reading(key).status is not PathStatus.DOWN
