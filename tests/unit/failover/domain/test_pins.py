"""An operator's pin: what it suspends, when it is escaped, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from failover.domain.situation import Direction, Phase
from failover.domain.state import Cause, Pause, Pin
from failover.domain.views import MemberView
from tests.unit.failover.domain.worlds import (
    BAD,
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    RECOVERING,
    UNKNOWN,
    World,
)

HOUR = 3_600.0


def pinned(key: int = FIBRE, *, secs: float | None = HOUR, unless_dead: bool = True) -> World:
    world = World()
    world.run(20.0)
    expires_at = None if secs is None else world.now + secs
    pin = Pin(key, "ada", "a change tonight", world.now, expires_at, unless_dead)
    world.state = replace(world.state, pin=pin)
    return world


def test_a_pinned_path_is_kept_although_it_is_degraded() -> None:
    world = pinned()
    decision = world.see(FIBRE, view=BAD).run(300.0, step=1.0)
    assert world.switches == []
    assert decision.phase is Phase.PINNED
    assert decision.reason == "Pinned to fibre by ada: a change tonight."


@pytest.mark.parametrize("change", [{"in_maintenance": True}, {"enabled": False}])
def test_a_pin_outranks_maintenance_of_its_path(change: dict[str, Any]) -> None:
    world = pinned()
    world.see(FIBRE, view=GOOD._replace(**change)).run(60.0)
    assert world.switches == []


def test_a_pin_suspends_the_return_to_the_primary() -> None:
    world = pinned(CABLE)
    world.decide()
    assert world.active == CABLE
    world.run(600.0, step=1.0)
    assert world.active == CABLE


def test_a_dead_pinned_path_is_escaped_and_returned_to() -> None:
    world = pinned()
    world.see(FIBRE, view=DEAD).run(20.0)
    assert world.active == CABLE
    world.see(FIBRE, view=RECOVERING).decide()
    assert world.active == FIBRE
    assert world.switches[-1].direction is Direction.OPERATOR
    assert world.switches[-1].cause is Cause.PIN


def test_the_return_to_a_pinned_path_waits_for_the_dwell() -> None:
    world = pinned()
    world.see(FIBRE, view=DEAD).decide()
    world.see(FIBRE, view=RECOVERING).run(9.5)
    assert world.active == CABLE
    world.run(1.0)
    assert world.active == FIBRE


def test_the_return_to_a_pinned_path_from_a_dead_one_waits_three_seconds() -> None:
    world = pinned()
    world.see(FIBRE, view=DEAD).decide()
    world.see(FIBRE, view=RECOVERING).see(CABLE, view=DEAD).run(2.5)
    assert world.active == CABLE
    world.run(1.0)
    assert world.active == FIBRE


@pytest.mark.parametrize("view", [UNKNOWN, RECOVERING._replace(answers_in_a_row=2), DEAD])
def test_a_pinned_path_is_not_returned_to_before_three_answers(view: MemberView) -> None:
    world = pinned()
    world.see(FIBRE, view=DEAD).run(20.0)
    world.see(FIBRE, view=view).run(60.0)
    assert world.active == CABLE


def test_the_refuge_of_a_dead_pinned_path_is_left_when_it_dies_too() -> None:
    world = pinned()
    world.see(FIBRE, view=DEAD).run(20.0)
    world.see(CABLE, view=DEAD).run(20.0)
    assert world.active == LTE


def test_the_refuge_of_a_dead_pinned_path_is_not_left_for_degradation() -> None:
    world = pinned()
    world.see(FIBRE, view=DEAD).run(20.0)
    world.see(CABLE, view=BAD).run(60.0)
    assert world.active == CABLE


def test_a_pin_even_when_dead_stays() -> None:
    world = pinned(unless_dead=False)
    decision = world.see(FIBRE, view=DEAD).run(300.0)
    assert world.switches == []
    assert decision.phase is Phase.PINNED


def test_a_pin_expires_with_a_notice_and_normal_rules_resume() -> None:
    world = pinned(CABLE)
    world.run(HOUR, step=5.0)
    assert world.said == ["pin_expiring", "unpinned"]
    assert world.state.pin is None
    assert [switch.cause for switch in world.switches] == [Cause.PIN, Cause.RETURN]


def test_the_notice_comes_ten_minutes_before_the_end() -> None:
    world = pinned()
    world.run(HOUR - 601.0, step=1.0)
    assert world.said == []
    world.run(2.0)
    assert world.said == ["pin_expiring"]


def test_a_short_pin_is_not_announced_to_expire() -> None:
    world = pinned(secs=300.0)
    world.run(301.0)
    assert world.said == ["unpinned"]


def test_a_pin_without_end_lasts() -> None:
    world = pinned(secs=None)
    world.run(86_400.0, step=60.0)
    assert world.state.pin is not None
    assert world.said == []


def test_a_pin_on_a_path_that_left_the_policy_ends() -> None:
    world = pinned(CABLE)
    world.policy = replace(world.policy, members=(world.policy.members[0],))
    world.decide()
    assert world.said == ["unpinned"]
    assert world.notices[0].sentence.endswith("the path is no longer a member of the policy.")


def test_a_pinned_policy_takes_back_alarms_that_ended() -> None:
    world = pinned()
    world.see(CABLE, LTE, view=DEAD).run(10.0)
    world.see(FIBRE, view=DEAD).run(10.0)
    assert world.said == ["no_viable_path"]
    world.see(FIBRE, view=GOOD).run(10.0)
    assert world.state.raised == frozenset()


def test_a_pause_ends_in_the_very_second() -> None:
    world = World()
    world.run(20.0)
    world.state = replace(world.state, pause=Pause("ada", "lunch", world.now + 60.0))
    world.now += 59.5
    world.decide()
    assert world.state.pause is not None
    world.now += 0.5
    world.decide()
    assert (world.state.pause, world.said) == (None, ["resumed"])


@pytest.mark.parametrize(("secs", "told"), [(600.0, []), (601.0, ["pin_expiring"])])
def test_only_a_pin_of_more_than_ten_minutes_is_announced_and_ten_minutes_before(
    secs: float, told: list[str]
) -> None:
    world = pinned(secs=secs)
    world.now += secs - 600.0
    world.decide()
    assert world.said == told
