"""This process did not run for a while: what it missed is nobody's loss, and is not made up for."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from health.domain.path_spec import ProbeTiming
from health.engine.loop import STALL_NS
from health.probers.base import Reply
from tests.unit.health.engine.worlds import (
    ANSWERS,
    MS,
    SECOND,
    SILENCE,
    Behaviour,
    RiggedWorld,
    World,
    path_spec,
)

SELDOM = ProbeTiming(10_000, 2_000, 200, 2_000, 600)
QUICK = ProbeTiming(200, 1_000, 50, 500)


def under_way(world: World) -> World:
    """Let it live until a probe is under way."""
    sent = len(world.prober.sent)
    while len(world.prober.sent) == sent:
        world.live(0.01)
    return world


@pytest.mark.parametrize("stall_secs", [1.1, 3.0, 20.0, 600.0])
def test_a_stall_longer_than_the_timeout_voids_what_is_unanswered_and_books_nothing(
    stall_secs: float,
) -> None:
    with World(path_spec()) as world:
        world.live(30).script(SILENCE)
        under_way(world)
        monitor = world.engine.paths[1]
        total, settled = monitor.probes_total, monitor.targets[0].window.settled
        world.stall(stall_secs)
        assert (monitor.probes_total, monitor.failures) == (total, {})
        assert monitor.targets[0].window.settled <= settled
        assert monitor.targets[0].liveness.run == 0
        assert monitor.targets[0].slot.rtts.count(None) == 0
        assert world.engine.stalls == 1
        world.script(ANSWERS).live(8)
        assert (world.reading().packet_loss_pct, world.reading().reachable) == (0, True)


@pytest.mark.parametrize("after_ms", [20, 300, 990])
def test_what_was_answered_during_a_stall_counts_with_its_own_round_trip_time(
    after_ms: float,
) -> None:
    with World(path_spec()) as world:
        world.live(30).script(Behaviour(after_ms=after_ms))
        under_way(world)
        target = world.engine.paths[1].targets[0]
        received = target.window.received
        world.script(ANSWERS).stall(1.2)
        assert target.window.received == received + 1
        assert target.window.metrics().max_latency_ms == after_ms
        assert target.window.metrics().packet_loss_pct == 0


def test_lateness_beyond_an_interval_makes_nobody_suspect() -> None:
    with World(path_spec(timing=QUICK)) as world:
        under_way(world.live(30).script(SILENCE))
        world.stall(0.25)
        target = world.engine.paths[1].targets[0]
        assert target.liveness.run == 0
        world.live(0.01)
        assert target.burst_left == 0


def test_lateness_within_an_interval_hides_no_suspicion() -> None:
    with World(path_spec()) as world:
        under_way(world.live(30).script(SILENCE))
        world.stall(0.3)
        assert world.engine.paths[1].targets[0].liveness.run == 1


def test_a_metered_line_s_stall_is_void_though_shorter_than_its_interval() -> None:
    with World(path_spec(timing=SELDOM)) as world:
        under_way(world.live(200).script(SILENCE))
        world.stall(3)
        monitor = world.engine.paths[1]
        assert monitor.failures == {}
        assert world.reading().packet_loss_pct == 0


def test_a_probe_that_a_stall_did_not_touch_is_lost_as_ever() -> None:
    with World(path_spec()) as world:
        world.live(30).stall(5).live(2).script(SILENCE).live(3)
        assert world.reading().reachable is False
        assert world.engine.paths[1].failures["lost"] >= 2


def test_a_path_that_died_during_a_stall_is_dead_within_the_hold_after_it() -> None:
    with World(path_spec()) as world:
        world.live(30).script(SILENCE).stall(10)
        began_ns = world.clock.monotonic_ns()
        while world.reading().reachable is not False:
            world.live(0.01)
            assert world.clock.monotonic_ns() - began_ns < 2 * SECOND


def test_after_a_stall_probes_go_on_at_their_usual_pace_and_the_missed_are_counted() -> None:
    specs = [path_spec(key, timing=QUICK) for key in range(1, 101)]
    with World(*specs, random_fraction=random.Random(1).random) as world:
        world.live(10)
        sent, overruns = len(world.prober.sent), world.engine.overruns
        world.stall(30)
        per_turn = []
        for _ in range(200):
            before = len(world.prober.sent)
            world.live(0.01)
            per_turn.append(len(world.prober.sent) - before)
        assert max(per_turn) <= 60  # a hundred targets, none of them twice at once
        by_target = Counter(one.target.address for one in world.prober.sent[sent:])
        assert set(by_target.values()) <= set(range(8, 13))
        missed = world.engine.overruns - overruns
        assert missed == pytest.approx(100 * 30 / 0.2, rel=0.02)


class BusyWorld(RiggedWorld):
    """A world in which this host may be kept busy, or stopped, in the middle of a turn."""

    def busy_after_reading(self, secs: float) -> None:
        """In the next turn, between reading and checking, so much time passes."""
        receive = self.prober.receive

        def busy() -> list[Reply]:
            self.prober.receive = receive  # type: ignore[method-assign] # only once
            replies = receive()
            self.clock.advance(secs)
            return replies

        self.prober.receive = busy  # type: ignore[method-assign] # a stop at a chosen moment


def test_an_answer_that_arrives_while_a_turn_is_stopped_is_read_before_anything_is_lost() -> None:
    with BusyWorld(path_spec()) as world:
        under_way(world.live(30))
        monitor = world.engine.paths[1]
        world.busy_after_reading(5)
        world.live(0.02)
        assert monitor.failures == {}
        assert monitor.targets[0].liveness.run == 0
        world.live(3)
        assert monitor.failures == {}
        assert world.reading().packet_loss_pct == 0


def test_what_stays_unanswered_over_a_stop_within_a_turn_is_void_as_well() -> None:
    with BusyWorld(path_spec()) as world:
        under_way(world.live(30).script(SILENCE))
        monitor = world.engine.paths[1]
        world.busy_after_reading(5)
        world.live(0.02).script(ANSWERS).live(3)
        assert monitor.failures == {}
        assert (world.reading().packet_loss_pct, world.reading().reachable) == (0, True)
        assert world.engine.stalls == 1


def test_the_bound_of_a_stall_is_half_a_second_between_two_readings() -> None:
    with World(path_spec()) as world:
        world.live(5).stall(STALL_NS / SECOND - 0.2)
        assert world.engine.stalls == 0
        world.live(1).stall(STALL_NS / SECOND + 0.3)
        assert world.engine.stalls == 1
        assert world.rounds.rounds[-1].lag_ns < 900 * MS
