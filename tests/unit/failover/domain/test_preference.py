"""Moves between two healthy paths, for nothing but the preference of the strategy."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from failover.domain.gates import GateName, Leniency, first_failing_gate, is_preferred
from failover.domain.policy import FailbackMode
from failover.domain.situation import Direction, Phase
from failover.domain.state import Cause, initial_state
from failover.domain.views import MemberView
from tests.unit.failover.domain.worlds import BAD, CABLE, DEAD, FIBRE, GOOD, LTE, World

MOVING = ["best_score", "lowest_latency", "least_loaded"]


def rated(points: float | None, **changes: Any) -> MemberView:
    """A healthy path that scored ``points`` over the last 10 s."""
    return GOOD._replace(recent_score=points, **changes)


HERE = rated(80.0, latency_ms=90.0, utilisation_pct=50.0)
BETTER = rated(90.0, latency_ms=20.0, utilisation_pct=5.0)


def world_of(strategy: str = "best_score", secs: float = 70.0, **changes: Any) -> World:
    """Fibre carries the traffic, cable is ten points better, lte is rated like fibre."""
    world = World(strategy=strategy, **changes)
    world.see(FIBRE, LTE, view=HERE).see(CABLE, view=HERE).run(secs, step=1.0)
    return world.see(CABLE, view=BETTER)


@pytest.mark.parametrize("strategy", MOVING)
def test_traffic_moves_to_a_path_that_is_ten_points_better_and_preferred(strategy: str) -> None:
    world = world_of(strategy)
    decision = world.decide()
    assert world.active == CABLE
    [switch] = world.switches
    assert (switch.cause, switch.direction) == (Cause.PREFERENCE, Direction.FAILOVER)
    assert decision.phase is Phase.SWITCHING
    assert switch.reason.startswith("Moved from fibre to cable: 10 points better over the last 10")


@pytest.mark.parametrize("strategy", ["priority", "lowest_cost"])
def test_a_strategy_that_only_orders_moves_nothing_between_healthy_paths(strategy: str) -> None:
    world = world_of(strategy)
    world.run(600.0, step=5.0)
    assert world.switches == []


@pytest.mark.parametrize(
    ("cable", "sentence"),
    [
        (rated(89.9), "9.9 points better over the last 10 s: 10 needed"),
        (rated(None), "not both scored over the last 10 s"),
        (rated(70.0), "-10.0 points better over the last 10 s: 10 needed"),
    ],
)
def test_less_than_ten_points_move_nothing_and_are_named(cable: MemberView, sentence: str) -> None:
    world = world_of().see(CABLE, view=cable)
    decision = world.run(60.0)
    assert world.switches == []
    [first, _] = [one for one in decision.candidates if one.path_key in (CABLE, LTE)]
    gate = next(one for one in decision.candidates if one.path_key == CABLE)
    assert (gate.gate, gate.sentence) == (GateName.BETTER, sentence)
    assert first.gate is GateName.BETTER


def test_an_active_path_without_a_recent_score_is_not_compared() -> None:
    world = world_of().see(FIBRE, view=rated(None))
    world.run(60.0)
    assert world.switches == []


@pytest.mark.parametrize(
    ("strategy", "cable"),
    [
        ("lowest_latency", rated(95.0, latency_ms=90.0)),
        ("least_loaded", rated(95.0, utilisation_pct=50.0)),
        ("least_loaded", rated(95.0, utilisation_pct=None)),
    ],
)
def test_points_alone_do_not_move_traffic_that_the_strategy_prefers_where_it_is(
    strategy: str, cable: MemberView
) -> None:
    world = world_of(strategy).see(CABLE, view=cable)
    assert world.run(60.0).candidates[-1].gate is GateName.BETTER
    assert world.switches == []
    found = first_failing_gate(world.situation(), CABLE, Leniency.PREFERENCE)
    assert found == (GateName.BETTER, f"the strategy {strategy} does not prefer it")


def test_a_path_is_preferred_only_once_it_has_been_healthy_for_the_return_delay() -> None:
    world = world_of(secs=40.0)
    world.run(19.0, step=1.0)
    assert world.active == FIBRE
    found = first_failing_gate(world.situation(), CABLE, Leniency.PREFERENCE)
    assert found == (GateName.BETTER, "10.0 points better: healthy for 59 s of 60 s")
    world.run(2.0, step=1.0)
    assert world.active == CABLE


def test_a_move_by_preference_waits_for_the_dwell() -> None:
    world = world_of(failback_delay_secs=0.0)
    world.see(FIBRE, view=DEAD).decide()
    assert world.active == CABLE
    world.see(LTE, view=rated(100.0)).see(CABLE, view=HERE).run(9.0, step=1.0)
    assert world.active == CABLE
    world.run(2.0, step=1.0)
    assert world.active == LTE


@pytest.mark.parametrize(
    ("mode", "flags", "moves"),
    [
        (FailbackMode.AUTOMATIC, {}, True),
        (FailbackMode.WINDOW, {"in_failback_window": True}, True),
        (FailbackMode.WINDOW, {"in_failback_window": False}, False),
        (FailbackMode.MANUAL, {}, False),
        (FailbackMode.NEVER, {}, False),
    ],
)
def test_who_decides_about_returns_decides_about_preference(
    mode: FailbackMode, flags: dict[str, bool], moves: bool
) -> None:
    world = world_of(failback_mode=mode)
    world.run(30.0, **flags)
    assert (world.active == CABLE) is moves


def test_a_path_left_for_a_better_one_is_no_worse_a_refuge_for_it() -> None:
    world = world_of()
    world.decide()
    world.see(CABLE, view=BAD).run(11.0, step=1.0)
    assert world.active == FIBRE
    assert world.switches[-1].cause is Cause.DEGRADED


def test_a_return_does_not_go_where_the_strategy_would_leave_again() -> None:
    world = world_of()
    world.run(600.0, step=1.0)
    assert world.active == CABLE
    assert len(world.switches) == 1


def test_equal_paths_let_the_traffic_return_to_the_better_place() -> None:
    world = world_of()
    world.decide()
    world.see(FIBRE, CABLE, view=BETTER).run(59.0, step=1.0)
    assert world.active == CABLE
    world.run(3.0, step=1.0)
    assert (world.active, world.switches[-1].cause) == (FIBRE, Cause.RETURN)


def test_a_preferred_path_of_better_place_is_a_failback() -> None:
    world = World(strategy="best_score", failback_mode=FailbackMode.AUTOMATIC)
    world.run(20.0)
    world.see(FIBRE, view=DEAD).run(5.0)
    world.see(FIBRE, view=rated(100.0)).see(CABLE, view=HERE).see(LTE, view=HERE)
    world.run(62.0, step=1.0)
    assert world.active == FIBRE
    assert world.switches[-1].direction is Direction.FAILBACK


@pytest.mark.parametrize("period", [20, 60, 120])
def test_two_paths_that_take_turns_are_followed_ever_more_rarely(period: int) -> None:
    world = world_of()
    for second in range(4 * 3_600):
        ahead, behind = (FIBRE, CABLE) if second // period % 2 else (CABLE, FIBRE)
        world.see(ahead, view=rated(100.0)).see(behind, view=rated(82.0))
        world.now += 1.0
        world.decide()
    assert world.switches
    hours = [world.moments[0] + 3_600.0 * hour for hour in range(4)]
    for begin, _ in itertools.pairwise(hours):
        within = [moment for moment in world.moments if begin <= moment < begin + 3_600.0]
        assert len(within) <= 8


def test_undamped_preference_keeps_the_plain_delay() -> None:
    world = world_of(damping=False)
    world.decide()
    for _ in range(4):
        here = world.active
        assert here is not None
        world.see(FIBRE, CABLE, view=rated(100.0)).see(here, view=rated(82.0))
        world.run(62.0, step=1.0)
    assert len(world.switches) == 5


def test_a_path_that_was_never_healthy_has_proven_nothing() -> None:
    world = World(strategy="best_score")
    world.see(FIBRE, LTE, view=HERE).see(CABLE, view=rated(90.0, score=79.0)).run(90.0)
    found = first_failing_gate(world.situation(), CABLE, Leniency.PREFERENCE)
    assert found == (GateName.BETTER, "10.0 points better: healthy for 0 s of 60 s")


def test_the_return_delay_is_enough_to_the_very_second() -> None:
    world = world_of(secs=0.0)
    world.now += 60.0
    world.decide()
    assert world.active == CABLE


def test_nothing_is_preferred_to_a_path_that_is_no_member() -> None:
    situation = world_of().situation()
    assert not is_preferred(situation, 77)
    assert not is_preferred(situation._replace(state=initial_state(77, 0.0)), CABLE)


def test_a_preferred_path_does_not_wait_for_another_that_is_proving_itself() -> None:
    world = World(strategy="best_score")
    world.see(FIBRE, CABLE, LTE, view=HERE).run(70.0, step=1.0)
    world.see(FIBRE, view=DEAD).run(20.0, step=1.0)
    assert world.active == CABLE
    world.see(FIBRE, view=HERE).see(LTE, view=BETTER).decide()
    assert (world.active, world.switches[-1].cause) == (LTE, Cause.PREFERENCE)


def test_a_return_that_is_due_comes_before_a_preference() -> None:
    world = World(strategy="best_score")
    world.see(FIBRE, CABLE, LTE, view=HERE).run(70.0, step=1.0)
    world.see(FIBRE, view=DEAD).run(20.0, step=1.0)
    world.see(FIBRE, view=HERE).run(59.0, step=1.0)
    world.now += 1.0
    world.see(LTE, view=BETTER).decide()
    assert (world.active, world.switches[-1].cause) == (FIBRE, Cause.RETURN)


def test_the_dwell_holds_back_a_preference_to_its_last_moment() -> None:
    world = world_of(failback_delay_secs=0.0)
    world.see(FIBRE, view=DEAD).decide()
    world.see(LTE, view=rated(100.0)).see(CABLE, view=HERE).decide()
    world.now += 9.5
    world.decide()
    assert world.active == CABLE
    world.now += 0.5
    world.decide()
    assert world.active == LTE
