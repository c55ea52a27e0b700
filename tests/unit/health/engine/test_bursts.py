"""Bursts: a suspicion is confirmed or refuted quickly, by few probes, and only once."""

from __future__ import annotations

from itertools import pairwise

import pytest

from health.domain.path_spec import ProbeTiming
from health.domain.status import PathStatus
from health.engine.target_monitor import MAX_BURST_PROBES
from tests.unit.health.engine.worlds import (
    ANSWERS,
    MS,
    SECOND,
    SILENCE,
    Behaviour,
    Outcome,
    World,
    path_spec,
)

METERED = ProbeTiming(10_000, 2_000, 200, 2_000, 600)
GEO = ProbeTiming(1_000, 3_000, 200, 3_000)
FRUGAL = ProbeTiming(1_000, 1_000, 50, 500)
CELLULAR = ProbeTiming(1_000, 2_000, 100, 2_000)


def sent_since(world: World, number: int) -> list[int]:
    """When the probes from that number on left."""
    return [probe.at_ns for probe in world.prober.sent[number:]]


def until_next_probe(world: World) -> int:
    """Let it live until a base probe leaves; returns its number."""
    number = len(world.prober.sent)
    while len(world.prober.sent) == number:
        world.live(0.01)
    return number


def silenced(timing: ProbeTiming, after_secs: float, rtt_ms: float = 20) -> tuple[World, int]:
    """A path that goes silent just before a base probe, whose number is returned too."""
    world = World(path_spec(timing=timing)).script(Behaviour(after_ms=rtt_ms)).live(after_secs)
    until_next_probe(world)
    world.live(timing.interval_ms / 2000)
    return world, until_next_probe(world.script(SILENCE))


def test_a_burst_is_twelve_probes_at_most_and_base_probes_complete_a_longer_hold() -> None:
    world, first = silenced(METERED, 120)
    with world:
        while world.reading().reachable:
            world.live(0.01)
        began_ns, *rest = sent_since(world, first)
        assert 6 <= len(rest) <= MAX_BURST_PROBES
        assert all(190 * MS <= later - earlier <= 210 * MS for earlier, later in pairwise(rest))
        took_ns = world.clock.monotonic_ns() - began_ns
        assert METERED.hold_ns <= took_ns <= METERED.hold_ns + 200 * MS


def test_a_long_hold_is_completed_by_base_probes_when_the_burst_is_over() -> None:
    world, first = silenced(GEO, 60, rtt_ms=600)
    with world:
        while world.reading().reachable:
            world.live(0.01)
        times = sent_since(world, first)
        assert len(times) <= 1 + MAX_BURST_PROBES + 4
        took_ns = world.clock.monotonic_ns() - times[0]
        assert GEO.hold_ns <= took_ns <= GEO.hold_ns + SECOND


def test_the_spacing_is_a_tenth_of_the_hold_where_that_is_longer() -> None:
    world, first = silenced(ProbeTiming(1_000, 1_000, 10, 2_000), 60)
    with world:
        burst = sent_since(world.live(0.9), first)[1:]
        assert len(burst) >= 3
        assert all(190 * MS <= later - earlier <= 210 * MS for earlier, later in pairwise(burst))


def test_a_doubled_hold_stretches_the_burst() -> None:
    with World(path_spec(timing=CELLULAR)) as world:
        world.live(60).script(SILENCE).live(8).script(ANSWERS).live(30)
        assert world.reading().targets[0].hold_ms == 4_000
        until_next_probe(world)
        world.live(0.5)
        first = until_next_probe(world.script(SILENCE))
        while world.reading().reachable:
            world.live(0.01)
        times = sent_since(world, first)
        burst = [later - earlier for earlier, later in pairwise(times[1:4])]
        assert max(burst) >= 390 * MS
        assert world.clock.monotonic_ns() - times[0] >= 4 * SECOND


def test_a_dead_target_is_sent_base_probes_only() -> None:
    with World(path_spec(timing=FRUGAL)) as world:
        world.live(30).script(SILENCE).live(5)
        assert world.reading().reachable is False
        before = len(world.prober.sent)
        world.live(20)
        assert len(world.prober.sent) - before in {19, 20, 21}


def test_slow_losses_do_not_begin_the_burst_of_their_run_again() -> None:
    """τ is close to the timeout: the first loss settles while its own burst is still alone."""
    timing = ProbeTiming(10_000, 1_000, 50, 500)
    world, first = silenced(timing, 200, rtt_ms=800)
    with world:
        tau_ms = world.engine.paths[1].targets[0].rtt.tau_ns / MS
        assert 800 <= tau_ms < 900
        world.live(5)
        assert len(sent_since(world, first)) == 1 + MAX_BURST_PROBES


def test_a_new_run_within_a_burst_s_pause_keeps_to_one_chain() -> None:
    world, first = silenced(ProbeTiming(10_000, 1_000, 100, 1_000), 120)
    with world:
        target = world.engine.paths[1].targets[0]
        while len(world.prober.sent) < first + 3:
            world.live(0.01)
        # An answer out of nowhere ends the run; the next suspects begin another at once.
        target.liveness.answered(world.clock.monotonic_ns())
        world.live(1)
        gaps = [later - earlier for earlier, later in pairwise(sent_since(world, first + 1))]
        assert all(gap >= 90 * MS for gap in gaps)


def test_after_an_answer_the_burst_sends_no_more() -> None:
    world, first = silenced(METERED, 120)
    with world:
        while len(world.prober.sent) < first + 3:
            world.live(0.01)
        world.script(ANSWERS).live(0.25)
        number = len(world.prober.sent)
        world.live(5)
        assert len(world.prober.sent) == number
        assert world.reading().loss_run == 0
        assert world.reading().reachable is True


def test_an_answer_between_suspicion_and_timeout_ends_the_run_and_is_learned_from() -> None:
    with World(path_spec()) as world:
        world.live(60).script(Behaviour(after_ms=700))
        target = world.engine.paths[1].targets[0]
        tau_ns = target.rtt.tau_ns
        losses = world.engine.paths[1].failures.copy()
        runs = set()
        for _ in range(300):
            world.live(0.01)
            runs.add(target.liveness.run)
        assert max(runs) >= 1  # it was suspect
        assert target.liveness.alive is True
        assert target.rtt.tau_ns > tau_ns
        world.live(2)
        assert target.liveness.run == 0
        assert world.engine.paths[1].failures == losses
        assert world.reading().packet_loss_pct == 0
        assert world.reading().max_latency_ms == 700


def test_a_new_target_that_never_answers_is_confirmed_dead_by_a_burst_as_well() -> None:
    with World(path_spec(timing=METERED)) as world:
        world.script(SILENCE)
        first = until_next_probe(world)
        while world.reading().status is not PathStatus.DOWN:
            world.live(0.01)
        assert len(sent_since(world, first)) <= 1 + MAX_BURST_PROBES
        assert world.clock.monotonic_ns() - sent_since(world, first)[0] <= 3 * SECOND


def test_refusals_are_confirmed_by_a_burst_like_silence() -> None:
    with World(path_spec(timing=METERED)) as world:
        world.live(120).script(Behaviour(Outcome.REFUSED, 5, "unreachable from 192.0.2.254"))
        number = until_next_probe(world)
        world.live(3)
        assert world.reading().reachable is False
        assert world.reading().detail == "unreachable from 192.0.2.254"
        assert len(sent_since(world, number)) <= 1 + MAX_BURST_PROBES


@pytest.mark.parametrize("silent_secs", [0.3, 0.45])
def test_a_short_silence_costs_a_few_probes_and_nothing_else(silent_secs: float) -> None:
    world, first = silenced(FRUGAL, 60)
    with world:
        world.live(silent_secs - 0.01).script(ANSWERS).live(5)
        assert world.reading().reachable is True
        assert world.engine.paths[1].failures == {"lost": 1}
        assert len(sent_since(world, first)) <= 1 + 10 + 6
