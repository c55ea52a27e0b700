"""When nothing may move, and that a lasting condition is announced once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from failover.domain.policy import PolicyMode
from failover.domain.situation import Phase
from failover.domain.state import Pause, Pin
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
    TWO_LOST,
    UNKNOWN,
    World,
    scored,
)

ALL = (FIBRE, CABLE, LTE)
WARMING = UNKNOWN._replace(reason=Reason.WARMING_UP, settled=9)


def test_a_blind_monitor_moves_nothing_and_says_so_once() -> None:
    world = World()
    world.run(20.0)
    decision = world.see(FIBRE, view=DEAD).run(60.0, blind=True)
    assert (world.switches, world.said) == ([], ["monitor_blind"])
    assert decision.phase is Phase.BLIND
    world.decide()
    assert world.active == CABLE


def test_a_monitor_that_goes_blind_again_is_announced_again() -> None:
    world = World()
    world.run(20.0)
    world.run(5.0, blind=True)
    world.run(5.0)
    world.run(5.0, blind=True)
    assert world.said == ["monitor_blind", "monitor_blind"]


def test_nothing_is_decided_before_every_member_is_known() -> None:
    world = World()
    world.see(FIBRE, view=DEAD).see(CABLE, view=WARMING)
    decision = world.run(30.0)
    assert decision.phase is Phase.WARMING_UP
    assert decision.reason == "Waiting for the first measurements of cable."
    world.see(CABLE, view=GOOD._replace(settled=10)).decide()
    assert world.active == CABLE


@pytest.mark.parametrize(
    "view",
    [
        DEAD._replace(settled=6),
        RECOVERING,
        UNKNOWN._replace(settled=0, reason=Reason.MISCONFIGURED),
        UNKNOWN._replace(settled=0, reason=Reason.PERMISSION),
        WARMING._replace(enabled=False),
    ],
)
def test_a_member_about_which_waiting_tells_no_more_does_not_hold_up_the_policy(
    view: MemberView,
) -> None:
    world = World()
    world.see(CABLE, view=view).see(FIBRE, view=DEAD).decide()
    assert world.active == LTE


def test_a_member_that_warms_up_again_later_does_not_stop_the_policy() -> None:
    world = World()
    world.run(5.0)
    world.see(CABLE, view=WARMING).see(FIBRE, view=DEAD).decide()
    assert world.active == LTE


def test_when_all_paths_begin_to_fail_together_nothing_moves_and_it_is_said_once() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=ONE_LOST).run(0.5)
    world.see(*ALL, view=ONE_LOST).run(1.0)
    decision = world.see(FIBRE, view=DEAD).run(1.0)
    assert decision.phase is Phase.SWITCHING
    assert world.said == []
    decision = world.see(*ALL, view=DEAD).run(120.0)
    assert (world.switches, world.said) == ([], ["all_paths_down"])
    assert decision.phase is Phase.NO_PATH


def test_the_first_path_that_answers_again_gets_the_traffic() -> None:
    world = World()
    world.run(20.0)
    world.see(*ALL, view=DEAD).run(60.0)
    world.see(LTE, view=RECOVERING).decide()
    assert world.active == LTE
    assert world.said == ["all_paths_down"]


def test_all_down_stays_announced_while_the_paths_are_unknown() -> None:
    world = World()
    world.run(20.0)
    world.see(*ALL, view=DEAD).run(10.0)
    world.see(*ALL, view=UNKNOWN).run(10.0)
    world.see(*ALL, view=DEAD).run(10.0)
    assert world.said == ["all_paths_down"]


def test_paths_that_fail_one_after_the_other_are_escaped_one_after_the_other() -> None:
    world = World()
    world.run(20.0)
    for key in ALL:
        world.see(key, view=DEAD).run(5.0)
    assert [switch.to_key for switch in world.switches] == [CABLE, LTE]
    assert world.said == ["no_viable_path"]


def test_a_backup_that_died_long_before_is_not_a_common_fault() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=DEAD).run(30.0)
    world.see(FIBRE, view=DEAD).run(30.0)
    assert world.said == ["no_viable_path"]


def test_one_enabled_path_alone_is_not_all_paths() -> None:
    world = World()
    world.see(CABLE, LTE, view=GOOD._replace(enabled=False)).run(20.0)
    world.see(FIBRE, view=DEAD).run(30.0)
    assert world.said == ["no_viable_path"]


def test_no_viable_path_is_announced_again_only_after_the_path_was_clearly_well() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=UNKNOWN)
    for score in (49.0, 51.0, 48.0, 54.9, 49.0):
        world.see(FIBRE, view=scored(score)).run(5.0)
    assert world.said == ["no_viable_path"]
    world.see(FIBRE, view=scored(55.0)).run(5.0)
    world.see(FIBRE, view=scored(49.0)).run(5.0)
    assert world.said == ["no_viable_path", "no_viable_path"]


def test_no_viable_path_lasts_while_the_path_that_came_back_has_no_score() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=UNKNOWN)
    for view in (DEAD, RECOVERING, DEAD):
        world.see(FIBRE, view=view).run(5.0)
    assert world.said == ["no_viable_path"]


def test_no_viable_path_outlasts_a_pin_on_a_dead_path_whatever_its_score() -> None:
    world = World()
    world.see(CABLE, LTE, view=UNKNOWN)
    world.see(FIBRE, view=scored(69.9)._replace(reachable=False)).decide()
    world.see(CABLE, LTE, view=DEAD).decide()
    world.state = replace(world.state, pin=Pin(FIBRE, "ada", "why not", world.now, None, False))
    world.run(10.0)
    assert world.said == ["no_viable_path"]


@pytest.mark.parametrize(
    ("changes", "flags", "phase", "beginning"),
    [
        ({"enabled": False}, {}, Phase.DISABLED, "The policy is disabled; it would move to cable"),
        ({"mode": PolicyMode.OBSERVE}, {}, Phase.SWITCHING, "The policy only observes; it would"),
        ({}, {"standby": True}, Phase.SWITCHING, "This host is on standby; it would move"),
    ],
)
def test_a_policy_that_may_not_act_says_what_it_would_do(
    changes: dict[str, Any], flags: dict[str, bool], phase: Phase, beginning: str
) -> None:
    world = World(**changes)
    world.run(20.0, **flags)
    decision = world.see(FIBRE, view=DEAD).run(60.0, **flags)
    assert (decision.action, world.active, world.state.generation) == (None, FIBRE, 0)
    assert decision.proposed is not None
    assert decision.proposed.to_key == CABLE
    assert decision.phase is phase
    assert decision.reason.startswith(beginning)


def test_a_policy_that_may_not_act_and_would_not_says_why() -> None:
    decision = World(enabled=False).decide()
    assert decision.reason == "The policy is disabled. Stays on fibre: score 95, no cause to leave."


def test_a_disabled_policy_announces_nothing() -> None:
    world = World(enabled=False)
    world.see(FIBRE, CABLE, LTE, view=DEAD).run(30.0)
    assert world.said == []


def test_an_observing_policy_still_announces_conditions() -> None:
    world = World(mode=PolicyMode.OBSERVE)
    world.run(20.0)
    world.see(*ALL, view=DEAD).run(30.0)
    assert world.said == ["all_paths_down"]


def test_clocks_keep_running_while_a_policy_is_disabled() -> None:
    world = World(enabled=False)
    world.run(90.0)
    assert world.state.clock(CABLE).healthy_since is not None


def test_a_pause_holds_and_ends_by_itself() -> None:
    world = World()
    world.run(20.0)
    world.state = world.state.__class__(
        **{name: getattr(world.state, name) for name in ("active", "clocks", "warmed")},
        pause=Pause("ada", "works on the router", until=world.now + 60.0),
    )
    decision = world.see(FIBRE, view=DEAD).run(59.5)
    assert decision.phase is Phase.PAUSED
    assert decision.reason.startswith("Paused by ada: works on the router; it would move to")
    assert world.switches == []
    world.run(1.0)
    assert world.said == ["resumed"]
    assert world.active == CABLE


def test_a_pause_without_end_holds_for_good() -> None:
    world = World()
    world.run(20.0)
    world.state = world.state.__class__(
        active=FIBRE, warmed=True, pause=Pause("ada", "works on the router")
    )
    world.see(FIBRE, view=BAD).run(7_200.0, step=10.0)
    assert (world.switches, world.said) == ([], [])


def test_two_paths_that_fail_together_are_all_paths() -> None:
    world = World()
    world.see(LTE, view=GOOD._replace(enabled=False)).run(20.0)
    world.see(FIBRE, CABLE, view=DEAD).run(30.0)
    assert (world.switches, world.said) == ([], ["all_paths_down"])


@pytest.mark.parametrize(("apart", "together"), [(2.0, True), (2.1, False)])
def test_two_seconds_apart_is_together_and_more_is_not(apart: float, together: bool) -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=TWO_LOST).decide()
    world.now += apart
    world.see(CABLE, LTE, view=TWO_LOST).decide()
    world.see(*ALL, view=DEAD).decide()
    assert ("all_paths_down" in world.said) is together


def test_while_some_path_is_not_known_to_be_dead_nobody_is_told_that_all_are() -> None:
    world = World()
    world.run(20.0)
    world.see(*ALL, view=TWO_LOST).decide()
    decision = world.see(FIBRE, CABLE, view=DEAD).decide()
    assert world.said == []
    assert decision.reason.startswith("All paths began to fail together: waiting until each")
