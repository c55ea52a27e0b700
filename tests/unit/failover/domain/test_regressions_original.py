"""The defects of the product's ancestor that concern the decision; none may come back.

Numbered as in the list of its 24 known defects. D8 to D13 and D21 are about probes, storage
and reports, where their tests stand.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import replace

import pytest

from failover.domain import decision as decision_module
from failover.domain.gates import in_order
from failover.domain.policy import validate
from failover.domain.record import from_record, to_record
from failover.domain.state import Pin
from tests.unit.failover.domain.worlds import (
    BAD,
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    ONE_LOST,
    UNKNOWN,
    World,
    make_policy,
    on_backup,
    scored,
)


def test_d1_a_dead_path_is_never_a_candidate_whatever_its_score() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, view=DEAD._replace(score=20.0)).see(LTE, view=DEAD._replace(score=100.0))
    world.see(FIBRE, view=BAD).run(60.0)
    assert (world.active, world.said) == (FIBRE, ["no_viable_path"])


def test_d2_a_weak_primary_is_not_left_for_a_dead_backup() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=DEAD).run(10.0)
    decision = world.see(FIBRE, view=scored(49.0)).run(60.0)
    assert world.active == FIBRE
    assert [candidate.gate for candidate in decision.candidates] == ["reachable", "reachable"]


def test_d2_an_unmeasured_backup_is_no_backup() -> None:
    world = World()
    world.see(CABLE, LTE, view=UNKNOWN).see(FIBRE, view=DEAD).run(60.0)
    assert world.active == FIBRE
    assert world.said == ["no_viable_path"]


def test_d3_a_path_that_loses_most_probes_is_left_and_is_no_target() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, view=scored(1.0)).see(FIBRE, view=scored(1.0)).decide()
    assert world.active == LTE


def test_d4_backups_below_every_limit_are_still_told_apart() -> None:
    quick, slow = GOOD._replace(latency_ms=1.0), GOOD._replace(latency_ms=99.0)
    world = World(strategy="lowest_latency").see(CABLE, view=slow).see(LTE, view=quick)
    world.run(20.0)
    world.see(FIBRE, view=DEAD).decide()
    assert world.active == LTE


def test_d4_a_hair_across_a_limit_moves_nothing() -> None:
    world = World()
    world.run(20.0)
    for score in (100.0, 99.9, 80.1, 79.9, 50.1, 50.0):
        world.see(FIBRE, view=scored(score)).run(30.0)
    assert world.switches == []


def test_d5_a_single_lost_probe_is_no_failover() -> None:
    world = World()
    world.run(20.0)
    for _ in range(50):
        world.see(FIBRE, view=ONE_LOST).run(0.5)
        world.see(FIBRE, view=GOOD).run(2.0)
    assert world.switches == []


def test_d6_a_failing_backup_is_left_for_the_third_path() -> None:
    world = on_backup()
    world.see(CABLE, view=DEAD).decide()
    assert world.active == LTE


def test_d7_nothing_fails_over_at_start_before_the_first_measurement() -> None:
    world = World()
    world.views.clear()
    world.run(60.0)
    assert (world.switches, world.said) == ([], [])


def test_d7_a_stopped_monitor_moves_nothing() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, CABLE, LTE, view=UNKNOWN).run(3_600.0, step=5.0)
    assert (world.switches, world.said) == ([], [])


def test_d12_a_death_is_acted_upon_in_the_very_decision_that_sees_it() -> None:
    world = World()
    world.run(20.0)
    assert world.see(FIBRE, view=DEAD).decide().action is not None


def test_d14_a_path_without_latency_is_not_the_quickest() -> None:
    mute = GOOD._replace(latency_ms=None)
    world = World(strategy="lowest_latency").see(CABLE, view=mute)
    assert in_order(world.situation()) == [LTE, CABLE]


def test_d15_a_restart_does_not_believe_to_be_on_the_primary() -> None:
    world = on_backup()
    text = json.dumps(to_record(world.state, now=world.now, wall_offset=0.0))
    state = from_record(json.loads(text), now=world.now, wall_offset=0.0)
    assert (state.active, state.generation) == (CABLE, 1)


def test_d15_an_edit_of_the_policy_does_not_reset_its_state() -> None:
    world = on_backup()
    world.policy = make_policy(failback_threshold=90.0, name="Renamed")
    world.run(30.0)
    assert (world.active, world.switches) == (CABLE, [])


def test_d16_what_a_person_orders_ends_by_itself() -> None:
    world = World()
    world.run(20.0)
    world.state = replace(world.state, pin=Pin(CABLE, "ada", "test", world.now, world.now + 900.0))
    world.run(1_000.0, step=1.0)
    assert (world.active, world.state.pin) == (FIBRE, None)
    assert world.said == ["pin_expiring", "unpinned"]


def test_d17_a_policy_disabled_on_the_backup_returns_once_enabled_again() -> None:
    world = on_backup()
    world.policy = make_policy(enabled=False)
    world.see(FIBRE, view=GOOD).run(90.0)
    assert world.active == CABLE
    world.policy = make_policy()
    world.decide()
    assert world.active == FIBRE


def test_d18_a_switch_names_both_paths_its_direction_and_its_reason() -> None:
    world = on_backup()
    world.see(FIBRE, view=GOOD).run(61.0)
    [switch] = world.switches
    assert (switch.from_key, switch.to_key, switch.direction) == (CABLE, FIBRE, "failback")
    assert switch.reason
    assert switch.generation == 2


def test_d19_a_lasting_condition_is_announced_once() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=DEAD).run(10.0)
    world.see(FIBRE, view=DEAD).run(3_600.0, step=1.0)
    assert world.said == ["no_viable_path"]


def test_d19_a_condition_that_comes_back_is_announced_again() -> None:
    world = World()
    world.run(20.0)
    for _ in range(2):
        world.see(CABLE, LTE, view=DEAD).run(10.0)
        world.see(FIBRE, view=DEAD).run(20.0)
        world.see(FIBRE, CABLE, LTE, view=GOOD).run(600.0, step=1.0)
    assert world.said == ["no_viable_path", "no_viable_path"]


def test_d20_no_step_of_a_clock_returns_traffic_early_or_never() -> None:
    world = on_backup().see(FIBRE, view=GOOD)
    world.run(30.0)
    record = to_record(world.state, now=world.now, wall_offset=0.0)
    for wall_offset, secs in ((-3_600.0, 29.0), (+3_600.0, 29.0)):
        world.state = from_record(record, now=world.now, wall_offset=wall_offset)
        before = world.now
        world.run(secs)
        assert world.active == CABLE
        world.run(3.0)
        assert world.active == FIBRE
        world.now = before


def test_d20_the_decision_takes_its_time_as_an_argument_and_reads_no_clock() -> None:
    assert "now" in inspect.signature(decision_module.decide).parameters
    source = inspect.getsource(decision_module)
    assert "import time" not in source
    assert "datetime" not in source


def test_d22_each_policy_is_judged_by_its_own_thresholds() -> None:
    strict = World(failover_threshold=70.0, failback_threshold=90.0)
    lax = World(failover_threshold=20.0)
    for world in (strict, lax):
        world.run(20.0)
        world.see(FIBRE, view=scored(60.0)).run(10.0)
    assert (strict.active, lax.active) == (CABLE, FIBRE)


def test_d23_there_is_a_minimum_dwell_between_switches() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=BAD).decide()
    world.see(CABLE, view=BAD).run(9.0)
    assert world.active == CABLE


def test_d23_health_counts_from_the_failback_threshold_not_the_failover_threshold() -> None:
    world = on_backup()
    world.see(FIBRE, view=scored(79.0)).run(300.0)
    assert world.state.clock(FIBRE).healthy_since is None


def test_d24_the_one_score_that_is_shown_is_the_one_that_decides() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=scored(49.9)).decide()
    assert "score 49.9" in world.switches[0].reason


def test_the_same_path_as_primary_and_backup_is_refused() -> None:
    policy = make_policy()
    twice = make_policy(members=(*policy.members, policy.members[0]))
    assert validate(twice)


@pytest.mark.parametrize("period", [100, 200, 600])
def test_an_oscillating_primary_does_not_drag_the_traffic_with_it(period: int) -> None:
    world = World()
    world.run(20.0)
    for _ in range(7_200 // period):
        world.see(FIBRE, view=DEAD).run(period * 0.2, step=1.0)
        world.see(FIBRE, view=GOOD).run(period * 0.8, step=1.0)
    assert len(world.switches) <= 14
