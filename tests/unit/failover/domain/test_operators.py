"""What people may order, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from failover.domain import operators
from failover.domain.operators import Refused
from failover.domain.policy import PolicyMode, PolicySpec
from failover.domain.situation import Direction, Phase
from failover.domain.state import Cause, NoticeKind, Pause, Pin, PolicyState
from failover.domain.views import Views
from tests.unit.failover.domain.worlds import (
    BAD,
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    UNKNOWN,
    World,
    on_backup,
)

WHO: dict[str, Any] = {"actor": "ada", "reason": "maintenance of the modem"}


def ready(**changes: Any) -> World:
    world = World(**changes)
    world.run(20.0)
    return world


def situation(world: World) -> tuple[PolicySpec, PolicyState, Views, float]:
    return world.policy, world.state, world.views, world.now


def pin(world: World, key: int, **changes: Any) -> Pin:
    order = Pin(key, "ada", "a change tonight", world.now, world.now + 3_600.0)
    return replace(order, **changes)


def test_failover_moves_to_the_best_candidate_and_names_the_person() -> None:
    world = ready()
    decision = operators.failover(*situation(world), **WHO)
    assert decision.action is not None
    assert decision.action.to_key == CABLE
    assert decision.action.direction is Direction.OPERATOR
    assert decision.action.cause is Cause.OPERATOR
    assert decision.action.actor == "ada"
    assert decision.reason == "ada ordered: maintenance of the modem"
    assert (decision.state.active, decision.state.generation) == (CABLE, 1)


def test_failover_can_name_its_target_even_a_degraded_one() -> None:
    world = ready().see(LTE, view=BAD)
    assert operators.failover(*situation(world), **WHO, to_key=LTE).state.active == LTE


def test_after_an_ordered_failover_normal_rules_return_the_traffic() -> None:
    world = ready()
    world.state = operators.failover(*situation(world), **WHO).state
    world.run(55.0)
    assert world.active == CABLE
    world.run(7.0)
    assert world.active == FIBRE
    assert world.state.clock(FIBRE).penalty == 0.0


def test_an_order_leaves_the_clocks_of_the_other_paths_alone() -> None:
    world = ready()
    before = world.state.clock(LTE)
    assert before.healthy_since is not None
    assert operators.failover(*situation(world), **WHO).state.clock(LTE) == before


@pytest.mark.parametrize("view", [DEAD, UNKNOWN])
def test_nobody_can_order_traffic_onto_a_dead_or_unknown_path(view: Any) -> None:
    world = ready().see(CABLE, view=view)
    with pytest.raises(Refused, match="cable cannot take over"):
        operators.failover(*situation(world), **WHO, to_key=CABLE)


def test_failover_without_any_candidate_is_refused() -> None:
    world = ready().see(CABLE, LTE, view=DEAD)
    with pytest.raises(Refused, match="nothing to fail over to"):
        operators.failover(*situation(world), **WHO)


def test_failover_to_the_active_path_or_a_stranger_is_refused() -> None:
    world = ready()
    with pytest.raises(Refused, match="fibre carries the traffic already"):
        operators.failover(*situation(world), **WHO, to_key=FIBRE)
    with pytest.raises(Refused, match="path 99 is not a member of Internet"):
        operators.failover(*situation(world), **WHO, to_key=99)


def test_failback_returns_without_waiting_for_the_clock() -> None:
    world = on_backup().see(FIBRE, view=GOOD)
    assert operators.failback(*situation(world), **WHO).state.active == FIBRE


def test_failback_to_a_dead_primary_is_refused() -> None:
    with pytest.raises(Refused, match="does not answer"):
        operators.failback(*situation(on_backup()), **WHO)


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"enabled": False}, "is disabled"), ({"mode": PolicyMode.OBSERVE}, "only observes")],
)
def test_a_policy_that_may_not_act_takes_no_orders(changes: dict[str, Any], match: str) -> None:
    world = ready(**changes)
    with pytest.raises(Refused, match=match):
        operators.failover(*situation(world), **WHO)


@pytest.mark.parametrize("reason", ["", "  "])
def test_an_order_without_reason_is_refused(reason: str) -> None:
    world = ready()
    with pytest.raises(Refused, match="reason is empty"):
        operators.failback(*situation(world), actor="ada", reason=reason)
    with pytest.raises(Refused, match="reason is empty"):
        operators.pause(world.state, Pause("ada", reason))


def test_a_pin_moves_the_traffic_at_once_and_is_announced() -> None:
    world = ready()
    decision = operators.pin(*situation(world), pin(world, LTE))
    assert decision.action is not None
    assert (decision.action.to_key, decision.action.cause) == (LTE, Cause.PIN)
    assert [notice.kind for notice in decision.notices] == [NoticeKind.PINNED]
    assert decision.notices[0].actor == "ada"
    assert decision.phase is Phase.PINNED
    assert decision.state.pin is not None


def test_a_pin_on_the_active_path_moves_nothing() -> None:
    world = ready()
    decision = operators.pin(*situation(world), pin(world, FIBRE))
    assert (decision.action, decision.state.generation) == (None, 0)


@pytest.mark.parametrize(
    ("key", "changes", "match"),
    [
        (99, {}, "path 99 is not a member"),
        (CABLE, {}, "cable does not answer"),
        (LTE, {"expires_at": 0.0}, "expired already"),
    ],
)
def test_a_pin_that_cannot_hold_is_refused(key: int, changes: dict[str, Any], match: str) -> None:
    world = ready().see(CABLE, view=DEAD)
    with pytest.raises(Refused, match=match):
        operators.pin(*situation(world), pin(world, key, **changes))


def test_a_pin_without_end_is_accepted() -> None:
    world = ready()
    assert operators.pin(*situation(world), pin(world, LTE, expires_at=None)).action is not None


def test_a_pinned_policy_refuses_failover_and_failback() -> None:
    world = ready()
    world.state = operators.pin(*situation(world), pin(world, FIBRE)).state
    for order in (operators.failover, operators.failback):
        with pytest.raises(Refused, match="Pinned to fibre by ada: release the pin first"):
            order(*situation(world), **WHO)


def test_a_released_pin_is_announced_and_gone() -> None:
    world = ready()
    state = operators.pin(*situation(world), pin(world, FIBRE)).state
    state, notice = operators.unpin(world.policy, state, **WHO)
    assert state.pin is None
    assert (notice.kind, notice.path_key, notice.actor) == (NoticeKind.UNPINNED, FIBRE, "ada")
    with pytest.raises(Refused, match="Internet is not pinned"):
        operators.unpin(world.policy, state, **WHO)


def test_pause_and_resume_are_announced() -> None:
    world = ready()
    state, notice = operators.pause(world.state, Pause("ada", "works", world.now + 60.0))
    assert (notice.kind, notice.sentence) == (NoticeKind.PAUSED, "Paused: works")
    state, notice = operators.resume(world.policy, state, **WHO)
    assert notice.kind is NoticeKind.RESUMED
    assert state.pause is None
    with pytest.raises(Refused, match="Internet is not paused"):
        operators.resume(world.policy, state, **WHO)
