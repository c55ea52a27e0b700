"""A path from its first probe over death to full recovery, as the loop sees it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from health.domain.path_spec import ProbeTiming
from health.domain.status import PathStatus, Reason
from health.engine.target_monitor import Probe
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

UP, DEGRADED, DOWN, UNKNOWN = (
    PathStatus.UP,
    PathStatus.DEGRADED,
    PathStatus.DOWN,
    PathStatus.UNKNOWN,
)


def test_values_are_shown_from_the_first_probe_and_judged_from_the_tenth() -> None:
    with World(path_spec()) as world:
        reading = world.live(2).reading()
        assert reading.latency_ms == 20
        assert (reading.status, reading.reason) == (UNKNOWN, Reason.WARMING_UP)
        assert reading.score is None
        assert reading.mos is None
        assert reading.reachable is None
        settled_at_first_score = None
        for _ in range(50):
            reading = world.live(0.1).reading()
            if reading.score is not None:
                settled_at_first_score = reading.settled
                break
        assert settled_at_first_score in {10, 11}
        assert (reading.status, reading.reachable) == (UP, True)
        assert reading.score == 100.0


def test_a_healthy_path_shows_all_its_figures() -> None:
    with World(path_spec()) as world:
        reading = world.live(70).reading()
        assert reading.sent == reading.received == reading.settled == 120
        assert (reading.latency_ms, reading.min_latency_ms, reading.max_latency_ms) == (20, 20, 20)
        assert (reading.jitter_ms, reading.packet_loss_pct) == (0, 0)
        assert reading.mos == pytest.approx(4.4, abs=0.1)
        assert (reading.loss_run, reading.interval_ns) == (0, SECOND // 2)
        assert reading.answers_in_a_row >= 130


def test_a_dead_path_scores_0_loses_everything_and_shows_no_latency() -> None:
    with World(path_spec()) as world:
        world.live(60).script(SILENCE)
        reading = world.live(5).reading()
        assert (reading.status, reading.reachable) == (DOWN, False)
        assert (reading.score, reading.packet_loss_pct) == (0.0, 100.0)
        assert reading.latency_ms is reading.min_latency_ms is reading.max_latency_ms is None
        assert reading.jitter_ms is reading.mos is None
        assert reading.reason is Reason.NO_ANSWER


def test_a_death_is_confirmed_by_a_burst_and_told_at_once() -> None:
    with World(path_spec()) as world:
        world.live(30).script(SILENCE)
        sent_before = len(world.prober.sent)
        while world.reading().reachable:
            world.live(0.01)
        first, *burst = world.prober.sent[sent_before:]
        # Suspect after 100 ms (SRTT is 20 ms), then a probe each 50 ms until hold is over.
        gaps = {later.at_ns - earlier.at_ns for earlier, later in pairwise(burst[:6])}
        assert burst[0].at_ns - first.at_ns in {100 * MS, 110 * MS}
        assert gaps <= {50 * MS, 60 * MS, 40 * MS, 0, 10 * MS}
        last = world.rounds.rounds[-1]
        assert last.changed == {1}
        assert 500 * MS <= last.at_ns - first.at_ns <= 570 * MS


def test_silence_for_less_than_hold_kills_nothing() -> None:
    with World(path_spec()) as world:
        world.live(60.0)
        while len(world.prober.sent) == len(world.live(0.01).prober.sent):
            pass
        world.script(SILENCE).live(0.45).script(ANSWERS)
        for _ in range(40):
            assert world.live(0.1).reading().reachable is True


def test_a_burst_ends_with_the_first_answer() -> None:
    with World(path_spec()) as world:
        world.live(60).script(SILENCE)
        quiet = len(world.prober.sent)
        while len(world.prober.sent) < quiet + 3:  # a base probe and the burst's beginning
            world.live(0.01)
        world.script(ANSWERS).live(0.2)
        before = len(world.prober.sent)
        world.live(10)
        assert len(world.prober.sent) - before in {19, 20, 21}


def test_a_slow_answer_is_an_answer_and_a_detour_never_looks_like_death() -> None:
    with World(path_spec()) as world:
        world.live(60).script(Behaviour(after_ms=450))
        for _ in range(300):
            assert world.live(0.1).reading().reachable is True
        assert world.reading().packet_loss_pct == 0
        # τ has learned: nothing is suspect any more, so nothing is confirmed either.
        before = len(world.prober.sent)
        world.live(10)
        assert len(world.prober.sent) - before in {19, 20, 21}


def test_confirmation_probes_enter_no_statistics() -> None:
    with World(path_spec()) as world:
        world.live(60).script(SILENCE).live(20)
        monitor = world.engine.paths[1]
        assert len(world.prober.sent) > 165
        assert monitor.probes_total == 120 + 40 - 2
        assert sum(sample.sent for sample in world.samples) <= 160


def test_a_false_death_doubles_the_hold_that_the_page_shows() -> None:
    with World(path_spec()) as world:
        world.live(60)
        assert world.reading().targets[0].hold_ms == 500
        world.script(SILENCE).live(3).script(ANSWERS).live(20)
        assert world.reading().targets[0].hold_ms == 1_000


def test_a_path_that_never_answered_is_down_and_was_never_up() -> None:
    with World(path_spec()) as world:
        world.script(SILENCE).live(6)
        assert (world.reading().status, world.reading().score) == (DOWN, 0.0)
        assert world.reading().latency_ms is None


def test_a_returning_path_is_degraded_without_a_score_until_twenty_probes() -> None:
    with World(path_spec()) as world:
        world.live(60).script(SILENCE).live(20).script(ANSWERS)
        while not world.reading().reachable:
            world.live(0.01)
        assert world.reading().answers_in_a_row == 3
        assert world.reading().settled in {3, 4}  # the outage has left the window
        assert world.reading().packet_loss_pct == 0
        seen = []
        while world.reading().score is None:
            seen.append(world.reading())
            world.live(0.5)
        assert {(one.status, one.reason) for one in seen} == {(DEGRADED, Reason.RECOVERING)}
        assert world.reading().settled in {20, 21, 22}
        assert (world.reading().score, world.reading().status) == (100.0, UP)


def test_two_answers_do_not_bring_a_dead_path_back() -> None:
    with World(path_spec()) as world:
        world.script(SILENCE).live(10).script(ANSWERS).live(1.0).script(SILENCE).live(10)
        assert all(round_.readings[1].reachable is not True for round_ in world.rounds.rounds)
        assert world.reading().reachable is False


def test_a_lossless_reroute_to_a_longer_way_is_never_death() -> None:
    with World(path_spec()) as world:
        world.live(60).script(Behaviour(after_ms=150))
        for _ in range(60):
            reading = world.live(1).reading()
            assert (reading.reachable, reading.packet_loss_pct) == (True, 0)
        assert reading.latency_ms == 150
        assert reading.score == pytest.approx(81.9, abs=0.1)


def test_an_answer_after_the_timeout_is_a_loss() -> None:
    with World(path_spec()) as world:
        world.script(Behaviour(after_ms=1_001)).live(10)
        assert world.reading().packet_loss_pct == 100


def test_half_the_packets_lost_fails_a_path_that_still_answers() -> None:
    with World(path_spec()) as world:
        world.live(30)
        for _ in range(60):
            world.script(SILENCE).live(0.5).script(ANSWERS).live(0.5)
        reading = world.reading()
        assert (reading.status, reading.reachable) == (DOWN, True)
        assert reading.score is not None
        assert reading.score < 1
        assert reading.latency_ms == 20


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.DENIED, Reason.PERMISSION),
        (Outcome.MISCONFIGURED, Reason.MISCONFIGURED),
        (Outcome.CONGESTED, Reason.OWN_FAULT),
    ],
)
def test_a_fault_of_this_host_is_unknown_with_its_cure_and_never_loss(
    outcome: Outcome, reason: Reason
) -> None:
    with World(path_spec()) as world:
        world.live(30).script(Behaviour(outcome, detail="do this and that"))
        reading = world.live(5).reading()
        assert (reading.status, reading.reason) == (UNKNOWN, reason)
        assert reading.detail == "do this and that"
        assert reading.score is None
        assert reading.reachable is None
        assert reading.packet_loss_pct == 0
        assert reading.loss_run == 0
        world.script(ANSWERS).live(2)
        assert world.reading().status is UP


def test_a_link_that_is_down_is_dead_at_once_and_says_so() -> None:
    with World(path_spec()) as world:
        world.live(30).script(Behaviour(Outcome.LINK_DOWN, detail="wan0 is down"))
        reading = world.live(0.6).reading()
        assert (reading.status, reading.reachable, reading.score) == (DOWN, False, 0.0)
        assert (reading.reason, reading.detail) == (Reason.LINK_DOWN, "wan0 is down")


def test_a_link_that_came_back_and_stays_silent_is_no_longer_called_down() -> None:
    with World(path_spec()) as world:
        world.live(30).script(Behaviour(Outcome.LINK_DOWN, detail="wan0 is down")).live(2)
        world.script(SILENCE).live(3)
        assert (world.reading().reason, world.reading().detail) == (Reason.NO_ANSWER, "")


def test_a_refusal_is_a_loss_with_its_reason() -> None:
    with World(path_spec()) as world:
        world.live(10).script(Behaviour(Outcome.REFUSED, 5, "prohibited by 192.0.2.254"))
        reading = world.live(5).reading()
        assert (reading.status, reading.detail) == (DOWN, "prohibited by 192.0.2.254")


@pytest.mark.parametrize(("interval_ms", "stale_after_secs"), [(200, 5), (500, 5), (10_000, 30)])
def test_a_path_of_which_nothing_is_heard_becomes_unknown(
    interval_ms: int, stale_after_secs: float
) -> None:
    timing = ProbeTiming(interval_ms, 1_000, 50, 500, 600)
    with World(path_spec(timing=timing)) as world:
        world.live(12 * interval_ms / 1000)
        assert world.reading().status is UP
        monitor = world.engine.paths[1]
        last_ns = monitor.targets[0].checked_ns
        assert last_ns is not None
        limit_ns = last_ns + round(stale_after_secs * SECOND)
        assert monitor.evaluate(limit_ns).status is UP
        stale = monitor.evaluate(limit_ns + 1)
        assert (stale.status, stale.reason) == (UNKNOWN, Reason.STALE)
        assert (stale.score, stale.reachable) == (None, None)


def test_a_status_says_since_when_it_holds() -> None:
    with World(path_spec()) as world:
        world.live(60).script(SILENCE)
        while world.reading().reachable:
            world.live(0.01)
        died_ns = world.reading().at_ns
        world.live(10)
        assert world.reading().since_ns == died_ns


def test_the_totals_count_each_failure_by_its_reason() -> None:
    with World(path_spec()) as world:
        world.live(10).script(SILENCE).live(5)
        world.script(Behaviour(Outcome.DENIED)).live(5)
        monitor = world.engine.paths[1]
        assert monitor.failures["denied"] == 10
        assert monitor.failures["lost"] == 10
        assert monitor.probes_total == 40


def test_a_void_slot_is_neither_a_probe_nor_a_fault() -> None:
    with World(path_spec()) as world:
        before = world.live(30).reading()
        monitor, now_ns = world.engine.paths[1], world.clock.monotonic_ns()
        target = monitor.targets[0]
        target.voided(Probe(target, target.window.open(now_ns), now_ns, probe_id=0))
        after = monitor.evaluate(now_ns)
        assert (after.status, after.sent, after.detail) == (before.status, before.sent, "")
        assert monitor.probes_total == 60
        assert monitor.failures == {}
