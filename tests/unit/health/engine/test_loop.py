"""The loop: stalls, clock steps, slots, observers, and answers that are not answers."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from health.domain.path_spec import ProbeTiming
from health.domain.status import PathStatus, Reason
from health.engine.loop import SEND_CHUNK
from health.engine.observers import Round, RoundObserver
from health.probers.base import WireTarget
from tests.unit.health.engine.worlds import (
    SECOND,
    SILENCE,
    Behaviour,
    Outcome,
    World,
    path_spec,
)


class Defective(RoundObserver):
    """An observer that always fails."""

    def __init__(self) -> None:
        self.called = 0

    def on_round(self, finished: Round) -> None:
        self.called += 1
        raise RuntimeError("a defect")


def sent_per_path(world: World, *, since: int) -> Counter[str]:
    return Counter(probe.target.address for probe in world.prober.sent[since:])


def test_a_probe_carries_the_socket_options_of_its_path() -> None:
    spec = path_spec(source="192.0.2.200", interface="wan0", fwmark=7, dscp=46)
    with World(spec) as world:
        world.live(1)
        assert world.prober.sent[0].target == WireTarget(
            "192.0.2.1", source="192.0.2.200", interface="wan0", fwmark=7, dscp=46
        )


def test_every_second_is_a_round_with_every_path() -> None:
    with World(path_spec(1), path_spec(2)) as world:
        world.live(20)
        rounds = world.rounds.rounds
        assert len(rounds) == 20
        assert all(round_.readings.keys() == {1, 2} for round_ in rounds)
        assert rounds[0].changed == {1, 2}
        assert rounds[-1].at_ns - rounds[0].at_ns == 19 * SECOND
        assert rounds[-1].wall == world.clock.wall()


def test_only_paths_that_changed_are_called_changed() -> None:
    with World(path_spec(1), path_spec(2)) as world:
        world.live(30).script(SILENCE, "192.0.2.2")
        seen = len(world.rounds.rounds)
        world.live(20)
        changed = [round_.changed for round_ in world.rounds.rounds[seen:]]
        assert {key for keys in changed for key in keys} == {2}


def test_after_a_stall_no_burst_catches_up_and_nothing_is_lost() -> None:
    specs = [path_spec(key) for key in range(1, 41)]
    with World(*specs) as world:
        world.live(20)
        before = len(world.prober.sent)
        world.stall(30)
        assert len(world.prober.sent) - before <= len(specs)
        world.live(2)
        assert all(
            sent <= 5
            for sent in Counter(p.target.address for p in world.prober.sent[before:]).values()
        )
        world.live(3)
        for key in range(1, 41):
            assert world.reading(key).packet_loss_pct == 0
            assert world.reading(key).reachable is True


def test_missed_probes_are_overruns_of_the_round_after_the_stall() -> None:
    with World(path_spec()) as world:
        world.live(20)
        assert world.engine.overruns == 0
        rounds = len(world.rounds.rounds)
        world.stall(30)
        finished = world.rounds.rounds[rounds]
        assert finished.overruns == world.engine.overruns
        assert finished.overruns in {59, 60, 61}
        assert finished.lag_ns >= 29 * SECOND
        world.live(5)
        later = world.rounds.rounds[-1]
        assert (later.overruns, later.lag_ns < SECOND) == (0, True)


def test_answers_that_arrived_while_the_loop_stalled_count_with_their_own_time() -> None:
    with World(path_spec()) as world:
        world.live(20)
        while not world.prober._under_way:
            world.live(0.01)
        received = world.engine.paths[1].targets[0].window.received
        world.stall(2)  # beyond the timeout of the probe under way
        window = world.engine.paths[1].targets[0].window
        assert window.metrics().packet_loss_pct == 0
        assert window.received == received + 1
        assert window.metrics().max_latency_ms == 20


def test_the_first_round_after_a_stall_is_not_repeated_for_the_seconds_missed() -> None:
    with World(path_spec()) as world:
        world.live(5).stall(60)
        rounds = len(world.rounds.rounds)
        world.live(2)
        assert len(world.rounds.rounds) - rounds == 2


@pytest.mark.parametrize("step_secs", [-86_400.0, -3.0, 3.0, 86_400.0])
def test_a_step_of_the_wall_clock_changes_no_reading(step_secs: float) -> None:
    with World(path_spec()) as stepped, World(path_spec()) as undisturbed:
        for world in (stepped, undisturbed):
            world.live(30)
        stepped.clock.step_wall(step_secs)
        for world in (stepped, undisturbed):
            world.live(30)
        assert stepped.engine.readings == undisturbed.engine.readings
        assert stepped.prober.sent == undisturbed.prober.sent
        assert stepped.rounds.rounds[-1].wall == stepped.clock.wall()


def test_samples_are_of_ten_seconds_aligned_to_the_wall_clock() -> None:
    with World(path_spec()) as world:
        world.clock.step_wall(4)  # begin in the middle of a slot
        world.live(60)
        times = [sample.timestamp for sample in world.samples]
        assert all(time % 10 == 0 for time in times)
        assert times == sorted(set(times))
        assert len(times) in {5, 6}
        inner = world.samples[1:-1]
        assert {sample.sent for sample in inner} <= {19, 20, 21}
        assert {sample.known_secs for sample in inner[1:]} == {10}


def test_the_samples_of_all_slots_together_hold_every_probe_once() -> None:
    with World(path_spec()) as world:
        world.live(37.3).script(SILENCE).live(20)
        world.engine.close_open_slot()
        monitor = world.engine.paths[1]
        assert sum(sample.sent for sample in world.samples) == monitor.probes_total
        lost = sum(sample.sent - sample.received for sample in world.samples)
        assert lost == monitor.failures["lost"]


def test_a_dead_slot_has_loss_and_no_latency() -> None:
    with World(path_spec()) as world:
        world.live(20).script(SILENCE).live(40)
        last = world.samples[-1]
        assert (last.packet_loss_pct, last.latency_ms, last.health_score) == (100, None, 0)
        assert (last.status, last.reachable_secs, last.known_secs) == (PathStatus.DOWN, 0, 10)
        assert last.bad_secs == 10


def test_unknown_seconds_are_not_known_seconds() -> None:
    with World(path_spec()) as world:
        world.script(Behaviour(Outcome.DENIED)).live(30)
        assert {sample.known_secs for sample in world.samples} == {0}
        assert {sample.sent for sample in world.samples} == {0}


def test_an_observer_that_fails_stops_neither_the_loop_nor_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    defective = Defective()
    with World(path_spec(), observers=(defective,)) as world:
        world.live(10)
        assert defective.called == len(world.rounds.rounds) == 10
        assert world.reading().status is PathStatus.UP
    assert "Defective failed; measuring goes on" in caplog.text


def test_a_kind_that_can_not_be_probed_here_is_unknown_with_the_cure() -> None:
    spec = path_spec(kind="icmp")
    with World(spec, unavailable={"icmp": "grant CAP_NET_RAW"}) as world:
        reading = world.live(3).reading()
        assert (reading.reason, reading.detail) == (Reason.PERMISSION, "grant CAP_NET_RAW")


def test_a_kind_that_nobody_knows_is_unknown_too() -> None:
    with World(path_spec(kind="pigeon")) as world:
        reading = world.live(3).reading()
        assert reading.status is PathStatus.UNKNOWN
        assert "'pigeon'" in reading.detail


def test_large_rounds_are_sent_in_chunks_with_a_look_at_the_answers_between() -> None:
    timing = ProbeTiming(1_000, 1_000, 50, 500)
    specs = [path_spec(key, addresses=(f"198.51.{key}.1",), timing=timing) for key in range(1, 201)]
    with World(*specs) as world:
        looks: list[int] = []
        receive = world.prober.receive

        def counted_receive() -> list[object]:
            looks.append(len(world.prober.sent))
            return receive()  # type: ignore[return-value] # a list of replies is one of objects

        world.prober.receive = counted_receive  # type: ignore[method-assign,assignment] # a spy
        world.live(3)
        assert len(world.prober.sent) >= 400
        between = [later - earlier for earlier, later in pairwise(looks)]
        assert max(between) == SEND_CHUNK


def test_the_loop_ends_when_it_is_told_to() -> None:
    with World(path_spec()) as world:
        turns = iter([False, False, True])

        def should_stop() -> bool:
            world.clock.advance(1)
            return next(turns)

        world.engine.run(should_stop)
        assert len(world.rounds.rounds) == 2
