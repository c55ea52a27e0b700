"""What a decision must know besides measurements: own faults, the clock, what lies below."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from failover.domain.calendar import WeeklySchedule, parse_windows
from failover.domain.holds import PLAUSIBLE_FROM, SETTLE_SECS, is_plausible, settle_until
from failover.domain.policy import FailbackMode, MemberSpec, validate
from failover.domain.situation import Phase
from failover.domain.state import Cause, Pin, PolicyState
from tests.unit.failover.domain.worlds import (
    BAD,
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    START,
    TWO_LOST,
    World,
    make_policy,
    on_backup,
)

NIGHT = WeeklySchedule(parse_windows("02:00-04:00"))


def ready(**changes: Any) -> World:
    world = World(**changes)
    world.run(20.0)
    return world


# --- the local reference --------------------------------------------------------------------
def test_a_host_that_does_not_answer_itself_is_blind_and_says_why() -> None:
    world = ready().see(FIBRE, view=DEAD)
    decision = world.run(60.0, reference_ok=False)
    assert (world.active, world.said) == (FIBRE, ["monitor_blind"])
    assert decision.phase is Phase.BLIND
    assert "does not even answer itself" in decision.reason


def test_all_paths_down_is_not_said_by_a_host_that_does_not_answer_itself() -> None:
    world = ready().see(FIBRE, CABLE, LTE, view=TWO_LOST)
    world.decide(reference_ok=False)
    world.see(FIBRE, CABLE, LTE, view=DEAD).run(60.0, reference_ok=False)
    assert "all_paths_down" not in world.said
    world = ready().see(FIBRE, CABLE, LTE, view=TWO_LOST)
    world.decide()
    world.see(FIBRE, CABLE, LTE, view=DEAD).run(60.0)
    assert world.said == ["all_paths_down"]


def test_health_is_proven_anew_after_the_reference_failed() -> None:
    world = on_backup().see(FIBRE, view=GOOD)
    world.run(50.0)
    world.decide(reference_ok=False)
    world.run(59.0)
    assert world.active == CABLE


# --- a clock that was never set ---------------------------------------------------------------
def test_nothing_is_decided_before_the_clock_was_set() -> None:
    world = World().see(FIBRE, view=DEAD)
    decision = world.run(60.0, clock_ok=False)
    assert world.switches == []
    assert decision.phase is Phase.WARMING_UP
    assert decision.reason.startswith("Waiting for the clock of this host to be set")
    world.decide()
    assert world.active == CABLE


def test_a_clock_that_is_lost_later_keeps_nobody_on_a_dead_path() -> None:
    world = ready().see(FIBRE, view=DEAD)
    world.decide(clock_ok=False)
    assert world.active == CABLE


def test_times_before_the_product_existed_are_not_plausible() -> None:
    assert datetime(2026, 1, 1, tzinfo=UTC).timestamp() == PLAUSIBLE_FROM
    assert not is_plausible(0.0)
    assert not is_plausible(PLAUSIBLE_FROM - 1.0)
    assert is_plausible(PLAUSIBLE_FROM)


# --- the failback window ----------------------------------------------------------------------
def test_with_a_window_traffic_returns_only_while_it_is_open() -> None:
    world = on_backup(failback_mode=FailbackMode.WINDOW, failback_window=NIGHT)
    world.see(FIBRE, view=GOOD)
    decision = world.run(600.0, step=1.0, in_failback_window=False)
    assert world.active == CABLE
    assert decision.phase is Phase.FAILBACK_WAIT
    assert decision.reason == "fibre is ready; failback waits for its time window (02:00-04:00)."
    world.decide()
    assert world.active == FIBRE


def test_a_closed_window_keeps_nobody_on_a_dead_or_degraded_path() -> None:
    for view, cause in ((DEAD, Cause.DEAD), (BAD, Cause.DEGRADED)):
        world = ready(failback_mode=FailbackMode.WINDOW, failback_window=NIGHT)
        world.see(FIBRE, view=view).decide(in_failback_window=False)
        assert [switch.cause for switch in world.switches] == [cause]


def test_without_that_mode_a_closed_window_means_nothing() -> None:
    world = on_backup(failback_window=NIGHT).see(FIBRE, view=GOOD)
    world.run(61.0, in_failback_window=False)
    assert world.active == FIBRE


def test_the_mode_window_needs_a_window() -> None:
    [(field, message)] = validate(make_policy(failback_mode=FailbackMode.WINDOW))
    assert field == "failback_window"
    assert "say when traffic may return" in message
    assert not validate(make_policy(failback_mode=FailbackMode.WINDOW, failback_window=NIGHT))


# --- tunnels that settle ----------------------------------------------------------------------
@pytest.mark.parametrize("view", [DEAD, BAD])
def test_a_tunnel_gets_time_to_settle_before_it_is_left(view: Any) -> None:
    world = ready()
    until = world.now + SETTLE_SECS
    decision = world.see(FIBRE, view=view).run(29.5, settle_until=until)
    assert world.switches == []
    assert decision.phase is Phase.SWITCHING
    assert "has just changed: nothing moves for 0 s, so that the tunnel" in decision.reason
    first = ready().see(FIBRE, view=view).decide(settle_until=START + 50.0)
    assert "nothing moves for 30 s" in first.reason
    world.run(1.0, settle_until=until)
    assert world.active == CABLE


def test_nothing_returns_while_a_tunnel_settles() -> None:
    world = on_backup().see(FIBRE, view=GOOD)
    until = world.now + 100.0
    world.run(99.0, settle_until=until)
    assert world.active == CABLE
    world.run(2.0, settle_until=until)
    assert world.active == FIBRE


def test_a_settling_tunnel_that_is_put_out_of_use_is_left_at_once() -> None:
    world = ready().see(FIBRE, view=GOOD._replace(in_maintenance=True))
    world.decide(settle_until=world.now + 30.0)
    assert world.active == CABLE


def test_a_pin_moves_traffic_also_while_a_tunnel_settles() -> None:
    world = ready()
    until = world.now + 30.0
    world.state = replace(world.state, pin=Pin(LTE, "ada", "test", world.now))
    world.decide(settle_until=until)
    assert world.active == LTE
    world.see(LTE, view=DEAD).run(20.0, settle_until=until)
    assert world.active == LTE


def test_only_a_path_that_rides_on_another_settles_after_the_latest_switch_below() -> None:
    members = (MemberSpec(FIBRE, "tunnel", rides_on=7), MemberSpec(CABLE, "mpls"))
    policy = make_policy(members=members)
    below = [
        PolicyState(last_switch_at=START),
        PolicyState(last_switch_at=START + 5.0),
        PolicyState(),
    ]
    assert settle_until(FIBRE, policy, below) == START + 5.0 + SETTLE_SECS
    assert settle_until(FIBRE, policy, [PolicyState()]) == -math.inf
    assert settle_until(CABLE, policy, below) == -math.inf
    assert settle_until(None, policy, below) == -math.inf


# --- the check after a switch -------------------------------------------------------------------
def failed_switch(**changes: Any) -> World:
    """Fibre has just died, the traffic went to cable."""
    world = ready(**changes)
    world.see(FIBRE, view=DEAD).decide()
    assert world.active == CABLE
    return world


def test_a_failed_check_switches_once_more_without_the_dwell() -> None:
    world = failed_switch()
    decision = world.decide(failed_generation=1)
    assert world.active == LTE
    assert world.switches[-1].cause is Cause.CHECK_FAILED
    assert decision.reason == "Left cable for lte: the check after the switch to it failed."
    assert world.state.clock(CABLE).left_because is Cause.CHECK_FAILED


def test_the_second_failed_check_moves_nothing_more() -> None:
    world = failed_switch()
    world.decide(failed_generation=1)
    world.run(50.0, failed_generation=2)
    assert len(world.switches) == 2


@pytest.mark.parametrize("failed", [0, 2])
def test_the_failed_check_of_another_switch_means_nothing(failed: int) -> None:
    world = failed_switch()
    world.run(30.0, failed_generation=failed)
    assert len(world.switches) == 1


def test_a_check_that_fails_late_means_nothing() -> None:
    world = failed_switch()
    world.now += 10.0
    world.decide(failed_generation=1)
    assert len(world.switches) == 1


def test_before_any_switch_there_is_no_check_to_fail() -> None:
    world = ready()
    world.decide(failed_generation=0)
    assert world.switches == []


def test_a_failed_check_does_not_break_a_pin() -> None:
    world = ready()
    world.state = replace(world.state, pin=Pin(CABLE, "ada", "test", world.now))
    world.decide()
    world.run(60.0, failed_generation=1)
    assert (world.active, len(world.switches)) == (CABLE, 1)
