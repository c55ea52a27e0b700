"""What users of OPNsense, pfSense and their kin reported: the part that a decision can break.

Each test is named after the issue of ``opnsense/core`` (or the project named) that it must
never repeat. What needs a kernel or a line (#3520, #5956, #7635) is tested again there.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from failover.domain.policy import PolicyMode, validate
from failover.domain.record import from_record, to_record
from failover.domain.situation import Phase
from failover.domain.state import Pin
from failover.domain.views import MemberView
from health.domain.status import Reason
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
    make_policy,
    on_backup,
    scored,
)

WARMING = UNKNOWN._replace(reason=Reason.WARMING_UP, settled=0)
MISROUTED = UNKNOWN._replace(reason=Reason.MISCONFIGURED)


def ready(**changes: Any) -> World:
    world = World(**changes)
    world.run(20.0)
    return world


@pytest.mark.parametrize("fibre", [DEAD, BAD])
def test_9789_without_a_viable_path_nothing_is_switched_and_one_event_tells(
    fibre: MemberView,
) -> None:
    world = ready().see(CABLE, LTE, view=DEAD)
    world.run(30.0)
    world.see(FIBRE, view=fibre).run(3_600.0, step=1.0)
    assert (world.switches, world.said) == ([], ["no_viable_path"])
    assert world.state.generation == 0


def test_9789_a_viable_path_that_comes_later_is_taken() -> None:
    world = ready().see(CABLE, LTE, view=DEAD)
    world.run(30.0)
    world.see(FIBRE, view=DEAD).run(600.0, step=1.0)
    world.see(LTE, view=RECOVERING).decide()
    assert (world.active, len(world.switches)) == (LTE, 1)


def test_3520_a_path_that_cannot_be_probed_over_its_own_uplink_is_neither_online_nor_a_target() -> (
    None
):
    world = ready().see(CABLE, view=MISROUTED).see(FIBRE, view=DEAD)
    decision = world.decide()
    assert world.active == LTE
    cable = next(one for one in decision.candidates if one.path_key == CABLE)
    assert (cable.gate, cable.sentence) == ("known", "no data (misconfigured)")


def test_3688_it_works_the_second_third_and_tenth_time_as_well() -> None:
    world = ready(damping=False)
    for _ in range(10):
        world.see(FIBRE, view=DEAD).run(15.0)
        assert world.active == CABLE
        world.see(FIBRE, view=GOOD).run(75.0)
        assert world.active == FIBRE
    assert world.state.generation == 20


def test_3688_no_switch_is_told_that_did_not_happen() -> None:
    world = ready(mode=PolicyMode.OBSERVE)
    decision = world.see(FIBRE, view=DEAD).run(60.0)
    assert decision.action is None
    assert (world.active, world.state.generation) == (FIBRE, 0)
    assert "it would move to cable" in decision.reason


@pytest.mark.parametrize("away", [DEAD, UNKNOWN, MISROUTED])
def test_5956_a_path_whose_interface_came_back_is_used_again(away: MemberView) -> None:
    world = on_backup()
    world.see(FIBRE, view=away).run(300.0, step=1.0)
    world.see(FIBRE, view=RECOVERING).run(10.0)
    world.see(FIBRE, view=GOOD).run(61.0)
    assert world.active == FIBRE


def test_7635_a_monitor_stuck_on_a_stale_socket_moves_nothing() -> None:
    world = ready().see(FIBRE, view=UNKNOWN)
    decision = world.run(3_600.0, step=5.0)
    assert (world.switches, world.said) == ([], [])
    assert "ignorance moves nothing" in decision.reason


def test_5815_saving_the_configuration_is_no_loss_and_no_failover() -> None:
    world = ready()
    for _ in range(20):
        world.policy = make_policy(failback_delay_secs=world.policy.failback_delay_secs + 1.0)
        world.see(FIBRE, CABLE, LTE, view=WARMING).run(3.0)
        world.see(FIBRE, CABLE, LTE, view=GOOD).run(5.0)
    assert (world.switches, world.said) == ([], [])


def test_5815_a_restart_of_the_monitor_keeps_the_path_and_the_proven_health() -> None:
    world = on_backup().see(FIBRE, view=GOOD)
    world.run(40.0)
    text = json.dumps(to_record(world.state, now=world.now, wall_offset=1e9))
    world.now += 5.0
    world.state = from_record(json.loads(text), now=world.now, wall_offset=1e9)
    world.see(FIBRE, CABLE, LTE, view=WARMING).run(3.0)
    assert world.active == CABLE
    world.see(FIBRE, CABLE, LTE, view=GOOD).run(19.0)
    assert world.active == CABLE
    world.run(2.0)
    assert world.active == FIBRE


@pytest.mark.parametrize("first", [FIBRE, CABLE, LTE])
def test_6862_in_whatever_order_paths_become_known_at_start_nothing_moves(first: int) -> None:
    world = World().see(FIBRE, CABLE, LTE, view=WARMING)
    world.run(5.0)
    for key in (first, *({FIBRE, CABLE, LTE} - {first})):
        world.see(key, view=GOOD).run(5.0)
    assert world.switches == []


def test_5786_a_path_must_be_stable_before_traffic_returns_to_it() -> None:
    world = on_backup()
    for _ in range(30):
        world.see(FIBRE, view=GOOD).run(50.0, step=1.0)
        world.see(FIBRE, view=DEAD).run(5.0, step=1.0)
    assert world.switches == []


@pytest.mark.parametrize("trouble", [DEAD, BAD, UNKNOWN, ONE_LOST, MISROUTED])
def test_5017_trouble_of_a_path_that_carries_nothing_disturbs_nobody(trouble: MemberView) -> None:
    world = ready()
    for key in (CABLE, LTE):
        world.see(key, view=trouble).run(60.0)
        world.see(key, view=GOOD).run(60.0)
    assert (world.switches, world.said) == ([], [])


@pytest.mark.parametrize("low", [80.0, 90.0])
def test_6231_a_low_mark_that_is_not_below_the_high_one_is_refused(low: float) -> None:
    [(field, message)] = validate(make_policy(failover_threshold=low))
    assert field == "failback_threshold"
    assert "must be above the failover threshold" in message


def test_10684_the_switch_is_one_decision_with_one_generation_to_fence_what_follows() -> None:
    world = ready().see(FIBRE, view=DEAD)
    decision = world.decide()
    assert decision.action is not None
    assert decision.action.generation == decision.state.generation == 1
    assert world.decide().action is None


def test_pfsense_3259_monitoring_without_action_really_does_not_act() -> None:
    world = ready(mode=PolicyMode.OBSERVE)
    for view in (DEAD, BAD, GOOD, DEAD):
        world.see(FIBRE, view=view).run(300.0, step=1.0)
    assert (world.switches, world.active) == ([], FIBRE)


def test_asusmerlin_6_the_automatic_does_not_undo_what_a_person_has_set() -> None:
    world = ready()
    pin = Pin(LTE, "ada", "cheaper tonight", world.now, world.now + 3_600.0)
    world.state = replace(world.state, pin=pin)
    world.decide()
    decision = world.see(LTE, view=scored(20.0)).run(3_000.0, step=5.0)
    assert (world.active, decision.phase) == (LTE, Phase.PINNED)


def test_asusmerlin_56_a_flapping_line_is_followed_ever_more_rarely() -> None:
    world = ready()
    for _ in range(2 * 60):
        world.see(FIBRE, view=DEAD).run(10.0, step=1.0)
        world.see(FIBRE, view=GOOD).run(50.0, step=1.0)
    assert len(world.switches) <= 8


def test_openwisp_234_tolerance_holds_in_both_directions() -> None:
    world = ready()
    world.see(FIBRE, view=ONE_LOST).run(2.0)
    assert world.active == FIBRE
    world.see(FIBRE, view=DEAD).run(20.0)
    world.see(FIBRE, view=GOOD).run(30.0)
    assert world.active == CABLE
