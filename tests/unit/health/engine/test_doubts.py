"""A doubt is settled at once: three probes out of turn, all answered, whatever the interval."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import pytest

from health.domain.path_spec import ProbeTiming
from health.engine.observers import RecordingObserver, Round
from tests.unit.health.engine.worlds import (
    MS,
    SECOND,
    SILENCE,
    Behaviour,
    Outcome,
    World,
    path_spec,
)

METERED = ProbeTiming(10_000, 2_000, 200, 2_000, 600)


class Doubtful(RecordingObserver):
    """Doubts the given paths, and keeps when each round called them in doubt."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: Collection[int] = ()
        self.in_doubt: list[tuple[int, bool]] = []

    def on_round(self, finished: Round) -> None:
        super().on_round(finished)
        self.in_doubt.append((finished.at_ns, finished.readings[1].in_doubt))

    def doubts(self) -> Collection[int]:
        return self.keys


def idle_world(*doubtful: Doubtful, addresses: tuple[str, ...] = ("192.0.2.1",)) -> World:
    """A metered path that has just been probed: for 10 s no base probe is due."""
    world = World(
        path_spec(timing=METERED, addresses=addresses), path_spec(2), observers=doubtful
    ).live(120)
    sent = len(world.prober.sent_to(addresses[-1]))
    while len(world.prober.sent_to(addresses[-1])) == sent:
        world.live(0.01)
    return world.live(1)


def sent_since(world: World, count: int, address: str = "192.0.2.1") -> list[int]:
    return [probe.at_ns for probe in world.prober.sent_to(address)[count:]]


def test_three_probes_leave_at_once_at_the_spacing_of_a_burst() -> None:
    doubtful = Doubtful()
    with idle_world(doubtful) as world:
        before, others = len(world.prober.sent_to("192.0.2.1")), len(world.prober.sent)
        asked_ns = world.clock.monotonic_ns()
        doubtful.keys = (1,)
        world.live(3)
        sent = sent_since(world, before)
        assert len(sent) == 3
        assert sent[0] - asked_ns <= 1.1 * SECOND  # after the round in which the doubt arose
        assert all(190 * MS <= later - earlier <= 220 * MS for earlier, later in pairwise(sent))
        assert len(world.prober.sent) - others <= 3 + 7  # path 2 goes on as before


def test_the_path_is_in_doubt_until_all_three_have_been_answered_and_told_in_that_turn() -> None:
    doubtful = Doubtful()
    with idle_world(doubtful) as world:
        before = len(world.prober.sent_to("192.0.2.1"))
        doubtful.keys = (1,)
        world.live(3)
        last_ns = sent_since(world, before)[-1]
        answered = [
            at_ns for at_ns, doubted in doubtful.in_doubt if at_ns > last_ns and not doubted
        ]
        assert 20 * MS <= answered[0] - last_ns <= 50 * MS
        assert world.reading().answered_ns is not None
        assert world.reading().answered_ns > last_ns


def test_a_round_in_the_midst_calls_the_path_in_doubt() -> None:
    doubtful = Doubtful()
    with idle_world(doubtful) as world:
        doubtful.keys = (1,)
        before = len(world.prober.sent_to("192.0.2.1"))
        while len(world.prober.sent_to("192.0.2.1")) < before + 2:
            world.live(0.01)
        world.engine._rounds.call(world.engine.paths[1])
        world.live(0.05)
        assert world.reading().in_doubt


def test_a_doubt_is_asked_once_while_it_lasts_and_again_when_it_comes_back() -> None:
    doubtful = Doubtful()
    with idle_world(doubtful) as world:
        before = len(world.prober.sent_to("192.0.2.1"))
        doubtful.keys = (1,)
        world.live(4)
        assert len(sent_since(world, before)) == 3
        doubtful.keys = ()
        world.live(1.1)
        doubtful.keys = (1,)
        world.live(2)
        assert len(sent_since(world, before)) == 6


def test_the_probes_enter_no_statistics() -> None:
    doubtful = Doubtful()
    with idle_world(doubtful) as world:
        totals, settled = world.engine.paths[1].probes_total, world.reading().settled
        doubtful.keys = (1,)
        world.live(3)
        assert world.engine.paths[1].probes_total == totals
        assert world.reading().settled == settled


def test_silence_is_confirmed_by_a_burst_and_the_doubt_has_no_answer() -> None:
    doubtful = Doubtful()
    with idle_world(doubtful) as world:
        before = len(world.prober.sent_to("192.0.2.1"))
        doubtful.keys = (1,)
        world.script(SILENCE).live(6)
        assert world.reading().reachable is False
        assert not world.reading().in_doubt
        assert len(sent_since(world, before)) <= 3 + 12


@pytest.mark.parametrize("outcome", [Outcome.DENIED, Outcome.REFUSED])
def test_a_probe_that_does_not_leave_or_is_refused_leaves_no_open_question(
    outcome: Outcome,
) -> None:
    doubtful = Doubtful()
    with idle_world(doubtful) as world:
        doubtful.keys = (1,)
        world.script(Behaviour(outcome, 5, "no")).live(6)
        assert not world.engine.paths[1].is_asked


def test_a_question_that_this_host_slept_through_is_given_up() -> None:
    doubtful = Doubtful()
    with idle_world(doubtful) as world:
        doubtful.keys = (1,)
        before = len(world.prober.sent_to("192.0.2.1"))
        world.script(SILENCE)
        while len(world.prober.sent_to("192.0.2.1")) == before:
            world.live(0.01)
        world.stall(30).live(1)
        assert not world.engine.paths[1].is_asked


def test_every_target_that_is_not_dead_is_asked() -> None:
    doubtful = Doubtful()
    with idle_world(doubtful, addresses=("192.0.2.1", "192.0.2.51", "192.0.2.52")) as world:
        world.script(SILENCE, "192.0.2.1").live(25)
        before = {name: len(world.prober.sent_to(name)) for name in ("192.0.2.1", "192.0.2.51")}
        doubtful.keys = (1,)
        world.live(1.5)
        assert len(sent_since(world, before["192.0.2.51"], "192.0.2.51")) >= 3
        assert len(sent_since(world, before["192.0.2.1"])) <= 1
        world.live(2)
        assert not world.reading().in_doubt


def test_a_path_that_goes_or_is_not_known_while_in_doubt_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    doubtful = RecordingObserver()
    doubtful.doubts = lambda: (1, 99)  # type: ignore[method-assign] # as an observer might
    with World(path_spec(timing=METERED), path_spec(2), observers=(doubtful,)) as world:
        world.live(1.05)
        world.engine.submit([path_spec(2)])
        world.live(5)
        assert world.reading(2).reachable is True
    assert caplog.text == ""


def test_an_observer_that_fails_to_doubt_is_logged_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Confused(RecordingObserver):
        def doubts(self) -> Collection[int]:
            raise RuntimeError("a defect")

    with World(path_spec(), observers=(Confused(),)) as world:
        world.live(5)
        assert world.reading().reachable is True
    assert "Confused doubts nothing now" in caplog.text
