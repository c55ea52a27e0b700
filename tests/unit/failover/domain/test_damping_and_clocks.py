"""Penalties, return delays, and the clocks on which a return depends."""

from __future__ import annotations

import math

import pytest

from failover.domain.clocks import advance, has_proven_itself
from failover.domain.damping import (
    CAP_SECS,
    HALF_LIFE_SECS,
    MAX_PENALTY,
    after_failure,
    decayed,
    return_delay_secs,
)
from failover.domain.state import Cause, MemberClock, PolicyState
from failover.domain.views import MemberView
from health.domain.status import Reason
from tests.unit.failover.domain.worlds import (
    BAD,
    DEAD,
    FIBRE,
    GOOD,
    ONE_LOST,
    RECOVERING,
    START,
    TWO_LOST,
    UNKNOWN,
    World,
    make_policy,
    scored,
)

WARMING = UNKNOWN._replace(reason=Reason.WARMING_UP, settled=0)


def test_a_penalty_halves_in_two_hours() -> None:
    assert decayed(2.0, START, START + HALF_LIFE_SECS) == pytest.approx(1.0)
    assert decayed(2.0, START, START) == 2.0


def test_a_penalty_does_not_grow_when_time_seems_to_run_backwards() -> None:
    assert decayed(2.0, START, START - 500.0) == 2.0


@pytest.mark.parametrize(
    ("penalty", "delay"),
    [(0.0, 60.0), (1.0, 60.0), (1.5, 120.0), (2.0, 240.0), (3.0, 960.0), (9.0, CAP_SECS)],
)
def test_the_delay_quadruples_with_each_penalty_up_to_an_hour(penalty: float, delay: float) -> None:
    assert return_delay_secs(make_policy(), MemberClock(penalty=penalty)) == pytest.approx(delay)


def test_a_storm_of_failures_is_forgotten_within_hours() -> None:
    penalty = 0.0
    for _ in range(5_000):
        penalty = after_failure(penalty)
    assert penalty == MAX_PENALTY
    assert return_delay_secs(make_policy(), MemberClock(penalty=penalty)) == CAP_SECS
    assert decayed(penalty, 0.0, 3.0 * HALF_LIFE_SECS) == pytest.approx(1.0)


def test_without_damping_the_delay_stays_as_configured() -> None:
    policy = make_policy(damping=False)
    assert return_delay_secs(policy, MemberClock(penalty=9.0)) == 60.0


def test_a_configured_delay_above_the_cap_is_not_shortened_by_it() -> None:
    policy = make_policy(failback_delay_secs=7_200.0)
    assert return_delay_secs(policy, MemberClock(penalty=3.0)) == 7_200.0


def advanced(
    clock: MemberClock, view: MemberView, *, blind: bool = False, now: float = START
) -> MemberClock:
    state = PolicyState(active=2, warmed=True, clocks={FIBRE: clock})
    return advance(make_policy(), state, {FIBRE: view}, now, blind=blind).clock(FIBRE)


RUNNING = MemberClock(healthy_since=START - 30.0)


@pytest.mark.parametrize(("score", "since"), [(79.9, None), (80.0, START), (100.0, START)])
def test_the_clock_starts_at_the_failback_threshold(score: float, since: float | None) -> None:
    assert advanced(MemberClock(), scored(score)).healthy_since == since


@pytest.mark.parametrize(("score", "kept"), [(79.9, True), (70.0, True), (69.9, False)])
def test_the_clock_is_reset_ten_points_below_the_failback_threshold(
    score: float, kept: bool
) -> None:
    assert (advanced(RUNNING, scored(score)).healthy_since is not None) is kept


@pytest.mark.parametrize("view", [DEAD, UNKNOWN, BAD, RECOVERING, WARMING])
def test_death_ignorance_and_a_missing_score_reset_the_clock(view: MemberView) -> None:
    assert advanced(RUNNING, view).healthy_since is None


def test_one_lost_probe_does_not_reset_the_clock() -> None:
    assert advanced(RUNNING, ONE_LOST).healthy_since == START - 30.0


def test_a_blind_monitor_cannot_vouch_for_health() -> None:
    assert advanced(RUNNING, GOOD, blind=True).healthy_since is None


def test_health_proven_before_a_restart_waits_for_the_first_measurement() -> None:
    carried = MemberClock(carried_secs=40.0)
    assert advanced(carried, WARMING) is carried
    assert advanced(carried, scored(75.0)).healthy_since == START - 40.0
    assert advanced(carried, scored(75.0)).carried_secs == 0.0


@pytest.mark.parametrize("view", [DEAD, UNKNOWN, BAD, RECOVERING])
def test_any_other_finding_after_a_restart_forgets_the_proven_health(view: MemberView) -> None:
    after = advanced(MemberClock(carried_secs=40.0), view)
    assert (after.carried_secs, after.healthy_since) == (0.0, None)


@pytest.mark.parametrize("view", [DEAD, UNKNOWN, BAD, WARMING])
def test_a_clock_that_does_not_run_is_left_alone(view: MemberView) -> None:
    assert advanced(MemberClock(), view).healthy_since is None


def test_one_lost_probe_is_no_run_of_losses() -> None:
    world = World()
    world.decide()
    before = world.state
    world.see(FIBRE, view=ONE_LOST).decide()
    assert world.state.clock(FIBRE).failing_since is None
    assert world.state.clocks is before.clocks


def test_a_run_of_losses_is_dated_from_its_beginning_and_ends_with_an_answer() -> None:
    world = World()
    world.see(FIBRE, view=TWO_LOST).decide()
    assert world.state.clock(FIBRE).failing_since == START
    world.see(FIBRE, view=ONE_LOST._replace(loss_run=5)).run(2.0)
    assert world.state.clock(FIBRE).failing_since == START
    world.see(FIBRE, view=GOOD).decide()
    assert world.state.clock(FIBRE).failing_since is None


def test_the_damping_mark_is_taken_away_when_the_clock_has_run_out() -> None:
    clock = MemberClock(
        healthy_since=START - 60.0, left_at=START - 90.0, left_because=Cause.DEAD, penalty=1.0
    )
    assert advanced(clock, GOOD, now=START - 0.5).left_because is Cause.DEAD
    after = advanced(clock, GOOD)
    assert (after.left_because, after.left_at) == (None, None)


def test_health_is_proven_only_by_a_running_clock() -> None:
    policy = make_policy()
    assert not has_proven_itself(policy, MemberClock(), START)
    assert not has_proven_itself(policy, RUNNING, START)
    assert has_proven_itself(policy, RUNNING, START + 30.0)


def test_nothing_moved_means_the_same_state_object() -> None:
    world = World()
    world.run(5.0)
    state = world.state
    assert advance(world.policy, state, world.views, START + 9.0, blind=False) is state


def test_repeated_failures_wait_longer_and_longer() -> None:
    world = World()
    world.run(20.0)
    delays = []
    for _ in range(4):
        world.see(FIBRE, view=DEAD).run(5.0)
        world.see(FIBRE, view=GOOD)
        left = world.now
        while world.active != FIBRE:
            world.run(1.0, step=1.0)
        delays.append(world.now - left)
        world.run(20.0)
    assert delays[0] == pytest.approx(60.0, abs=2.0)
    assert delays[1] == pytest.approx(240.0, rel=0.05)
    assert delays[2] == pytest.approx(960.0, rel=0.2)
    assert delays[3] > delays[2]
    assert math.isfinite(delays[3])
