"""What a screen may show as running out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from failover.domain.countdowns import Countdown, countdowns
from failover.domain.policy import FailbackMode
from failover.domain.state import Pause, Pin, PolicyState
from tests.unit.failover.domain.worlds import CABLE, DEAD, FIBRE, GOOD, LTE, World, on_backup


def kinds(world: World) -> list[tuple[str, int | None]]:
    return [(item.kind, item.path_key) for item in countdowns(world.situation())]


def test_a_settled_policy_counts_nothing_down() -> None:
    world = World()
    world.run(30.0)
    assert kinds(world) == []


def test_after_a_switch_the_dwell_counts_down() -> None:
    world = World()
    world.run(30.0)
    world.see(FIBRE, view=DEAD).decide()
    assert countdowns(world.situation()) == [Countdown("dwell", 10.0)]


def test_a_better_path_counts_down_to_its_return() -> None:
    world = on_backup()
    world.see(FIBRE, view=GOOD).run(15.0)
    assert kinds(world) == [("failback", FIBRE)]


def test_a_path_of_lower_priority_counts_down_to_the_end_of_its_damping() -> None:
    world = on_backup()
    world.see(CABLE, view=DEAD).run(20.0)
    world.see(FIBRE, view=GOOD).run(70.0)
    assert world.active == FIBRE
    world.see(CABLE, view=GOOD).run(10.0)
    assert kinds(world) == [("undamp", CABLE)]


def test_with_manual_failback_a_better_path_counts_down_only_its_damping() -> None:
    world = on_backup(failback_mode=FailbackMode.MANUAL)
    world.see(FIBRE, view=GOOD).run(15.0)
    assert kinds(world) == [("undamp", FIBRE)]


def test_pins_and_pauses_count_down_and_never_below_zero() -> None:
    world = World()
    pin = Pin(LTE, "ada", "x", world.now, world.now + 30.0)
    world.state = PolicyState(active=FIBRE, pin=pin, pause=Pause("ada", "x", world.now - 5.0))
    left = {item.kind: item.secs_left for item in countdowns(world.situation())}
    assert left == {"pin": pytest.approx(30.0), "pause": 0.0}
    world.state = replace(world.state, pin=replace(pin, expires_at=None), pause=Pause("ada", "x"))
    assert kinds(world) == []


def test_without_an_active_path_nothing_counts_down_to_a_return() -> None:
    world = World()
    world.run(5.0)
    world.state = replace(world.state, active=None)
    assert kinds(world) == []


def test_a_return_that_only_waits_for_the_dwell_counts_zero() -> None:
    world = on_backup(failback_delay_secs=0.0)
    world.see(CABLE, view=DEAD).decide()
    world.see(FIBRE, view=GOOD).decide()
    assert countdowns(world.situation())[0] == Countdown("failback", 0.0, FIBRE)


def test_the_dwell_counts_down_to_its_very_end() -> None:
    world = World()
    world.run(30.0)
    world.see(FIBRE, view=DEAD).decide()
    world.run(9.5)
    assert countdowns(world.situation()) == [Countdown("dwell", 0.5)]
    world.run(0.5)
    world.now += 0.5
    assert kinds(world) == []
