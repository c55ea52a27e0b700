"""Rule 4: how traffic returns to a path of better priority."""

from __future__ import annotations

import pytest

from failover.domain.policy import FailbackMode
from failover.domain.situation import Direction, Phase
from failover.domain.state import Cause
from failover.domain.views import MemberView
from tests.unit.failover.domain.worlds import (
    BAD,
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    ONE_LOST,
    RECOVERING,
    UNKNOWN,
    World,
    on_backup,
    scored,
)


def secs_until_return(world: World, limit: float = 5_000.0) -> float:
    began = world.now
    while world.active != FIBRE and world.now - began < limit:
        world.run(0.5)
    return world.now - began


def test_traffic_returns_after_sixty_seconds_of_health() -> None:
    world = on_backup()
    world.see(FIBRE, view=GOOD)
    assert secs_until_return(world) == pytest.approx(60.0, abs=1.0)
    [switch] = world.switches
    assert switch[:4] == (CABLE, FIBRE, Direction.FAILBACK, Cause.RETURN)
    assert switch.reason == "Returned from cable to fibre: healthy for 60 s."


def test_a_score_between_the_thresholds_does_not_start_the_return() -> None:
    world = on_backup()
    world.see(FIBRE, view=scored(79.9)).run(600.0, step=1.0)
    assert world.switches == []


@pytest.mark.parametrize("view", [DEAD, UNKNOWN, RECOVERING, BAD, scored(69.9)])
def test_an_interrupted_run_of_health_starts_again(view: MemberView) -> None:
    world = on_backup()
    world.see(FIBRE, view=GOOD).run(59.0)
    world.see(FIBRE, view=view).run(0.5)
    world.see(FIBRE, view=GOOD)
    assert secs_until_return(world) == pytest.approx(60.0, abs=1.5)


def test_a_lost_probe_and_a_dip_inside_the_hysteresis_do_not_start_it_again() -> None:
    world = on_backup()
    world.see(FIBRE, view=GOOD).run(30.0)
    world.see(FIBRE, view=ONE_LOST).run(0.5)
    world.see(FIBRE, view=scored(70.0)).run(10.0)
    world.see(FIBRE, view=GOOD)
    assert secs_until_return(world) == pytest.approx(19.5, abs=1.5)


def test_the_return_waits_for_a_fresh_answer() -> None:
    world = on_backup()
    world.see(FIBRE, view=GOOD).run(59.0)
    world.see(FIBRE, view=ONE_LOST).run(5.0)
    assert world.switches == []
    world.see(FIBRE, view=GOOD).decide()
    assert world.active == FIBRE


@pytest.mark.parametrize("mode", [FailbackMode.MANUAL, FailbackMode.NEVER])
def test_without_automatic_failback_the_path_is_only_reported_ready(mode: FailbackMode) -> None:
    world = on_backup(failback_mode=mode)
    decision = world.see(FIBRE, view=GOOD).run(7_200.0, step=5.0)
    assert world.switches == []
    assert decision.phase is Phase.SETTLED
    assert decision.reason == f"fibre is ready; failback is {mode.value}."


def test_a_path_proving_itself_is_shown_as_failback_wait_with_its_countdown() -> None:
    world = on_backup()
    decision = world.see(FIBRE, view=GOOD).run(20.0)
    assert decision.phase is Phase.FAILBACK_WAIT
    assert decision.reason.endswith("fibre is proving itself for a return.")
    [countdown] = decision.countdowns
    assert (countdown.kind, countdown.path_key) == ("failback", FIBRE)
    assert countdown.secs_left == pytest.approx(40.0)


def test_on_a_backup_with_a_dead_primary_the_policy_is_settled() -> None:
    decision = on_backup().decide()
    assert decision.phase is Phase.SETTLED
    assert decision.reason == "Stays on cable: score 95, no cause to leave."


def test_a_dwell_holds_back_a_return() -> None:
    world = on_backup(failback_delay_secs=0.0)
    world.see(CABLE, view=DEAD).decide()
    decision = world.see(FIBRE, view=GOOD).decide()
    assert decision.phase is Phase.FAILBACK_WAIT
    assert decision.reason == "Returns to fibre in 10 s, when the dwell has passed."
    world.run(10.0)
    assert world.active == FIBRE


def test_traffic_returns_to_the_best_path_that_is_ready() -> None:
    world = on_backup()
    world.see(CABLE, view=DEAD).run(20.0)
    assert world.active == LTE
    world.see(CABLE, view=GOOD).run(61.0)
    assert world.active == CABLE
    assert world.switches[-1].direction is Direction.FAILBACK


def test_a_primary_left_for_maintenance_returns_after_its_clock() -> None:
    world = World()
    world.run(300.0, step=1.0)
    world.see(FIBRE, view=GOOD._replace(in_maintenance=True)).run(5.0)
    assert world.active == CABLE
    world.run(300.0, step=1.0)
    assert world.active == CABLE
    world.see(FIBRE, view=GOOD).decide()
    assert world.active == FIBRE


def test_an_active_path_without_score_says_that_it_has_just_come_back() -> None:
    world = World()
    decision = world.see(FIBRE, view=RECOVERING).decide()
    assert decision.reason == "Stays on fibre: it has just come back."


def test_a_path_in_use_does_not_return_while_out_of_use_itself() -> None:
    world = on_backup()
    world.see(FIBRE, view=GOOD._replace(enabled=False)).run(600.0, step=1.0)
    assert world.switches == []


def test_lower_priority_never_pulls_traffic_away_from_a_healthy_path() -> None:
    world = World()
    world.see(FIBRE, view=scored(60.0)).see(CABLE, LTE, view=scored(100.0)).run(900.0, step=1.0)
    assert world.switches == []


def test_the_dwell_holds_back_a_return_to_its_last_moment() -> None:
    world = on_backup(failback_delay_secs=0.0)
    world.see(CABLE, view=DEAD).decide()
    world.see(FIBRE, view=GOOD)
    world.now += 9.5
    assert world.decide().phase is Phase.FAILBACK_WAIT
    world.now += 0.5
    world.decide()
    assert world.active == FIBRE


def test_a_score_of_a_path_without_data_is_not_repeated() -> None:
    world = World()
    world.run(5.0)
    decision = world.see(FIBRE, view=UNKNOWN._replace(score=90.0)).decide()
    assert decision.reason.startswith("Stays on fibre although there is no data about it")
