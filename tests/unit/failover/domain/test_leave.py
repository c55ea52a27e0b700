"""Rule 2 and 3: when the active path is left, and for which other path."""

from __future__ import annotations

from typing import Any

import pytest

from failover.domain.gates import GateName
from failover.domain.situation import Direction, Phase
from failover.domain.state import Cause, PolicyState
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
    on_backup,
    scored,
)


def test_a_dead_primary_is_left_at_once_for_the_first_backup() -> None:
    world = World()
    world.run(20.0)
    decision = world.see(FIBRE, view=DEAD).decide()
    assert decision.action is not None
    assert decision.action[:5] == (FIBRE, CABLE, Direction.FAILOVER, Cause.DEAD, 1)
    assert decision.reason == "Left fibre for cable: it does not answer (no_answer)."
    assert decision.phase is Phase.SWITCHING
    assert (decision.state.active, decision.state.generation) == (CABLE, 1)
    assert decision.state.last_switch_at == decision.state.active_since == world.now
    assert decision.state.last_cause is Cause.DEAD


def test_the_sentence_about_a_death_without_known_reason_is_whole() -> None:
    world = World()
    decision = world.see(FIBRE, view=DEAD._replace(reason=Reason.NONE)).decide()
    assert decision.reason == "Left fibre for cable: it does not answer."


@pytest.mark.parametrize(("score", "left"), [(49.9, True), (50.0, False), (79.0, False)])
def test_a_primary_is_left_below_the_failover_threshold_only(score: float, left: bool) -> None:
    world = World()
    world.run(20.0)
    decision = world.see(FIBRE, view=scored(score)).decide()
    assert (decision.action is not None) is left


def test_a_degraded_primary_is_not_left_on_fewer_than_thirty_probes() -> None:
    world = World()
    world.see(FIBRE, view=BAD._replace(settled=29)).run(20.0)
    assert world.switches == []
    world.see(FIBRE, view=BAD._replace(settled=30)).decide()
    assert world.active == CABLE


@pytest.mark.parametrize("view", [DEAD, BAD, UNKNOWN, RECOVERING, ONE_LOST])
def test_a_degraded_primary_is_kept_when_no_backup_is_truly_better(view: MemberView) -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=BAD).see(CABLE, LTE, view=view).run(60.0)
    assert world.switches == []


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"in_maintenance": True}, Cause.MAINTENANCE),
        ({"enabled": False}, Cause.DISABLED),
        ({"in_schedule": False}, Cause.SCHEDULE),
    ],
)
def test_an_active_path_taken_out_of_use_is_left_for_the_best_candidate(
    change: dict[str, Any], cause: Cause
) -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=GOOD._replace(**change)).see(CABLE, view=DEAD).decide()
    [switch] = world.switches
    assert (switch.to_key, switch.cause) == (LTE, cause)
    assert world.state.clock(FIBRE).left_because is None


def test_maintenance_of_the_active_path_moves_nothing_when_no_candidate_is_good() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=GOOD._replace(in_maintenance=True)).see(CABLE, LTE, view=BAD).run(30.0)
    assert world.switches == []
    assert world.said == ["no_viable_path"]


def test_a_failing_backup_is_left_as_well() -> None:
    world = on_backup()
    world.see(CABLE, view=BAD).decide()
    [switch] = world.switches
    assert (switch.from_key, switch.to_key, switch.cause) == (CABLE, LTE, Cause.DEGRADED)


def test_an_unknown_active_path_is_kept() -> None:
    world = World()
    world.run(20.0)
    decision = world.see(FIBRE, view=UNKNOWN).run(300.0, step=1.0)
    assert world.switches == []
    assert decision.reason.startswith("Stays on fibre although there is no data about it")


def test_a_missing_view_is_unknown_and_moves_nothing() -> None:
    world = World()
    world.run(20.0)
    del world.views[FIBRE]
    world.run(60.0)
    assert world.switches == []


@pytest.mark.parametrize("view", [DEAD, UNKNOWN])
def test_traffic_never_goes_to_a_dead_or_unknown_path(view: MemberView) -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=view).run(10.0)
    world.see(FIBRE, view=DEAD).run(120.0)
    assert world.switches == []
    assert world.said == ["no_viable_path"]
    assert world.decide().phase is Phase.NO_PATH


def test_with_a_dead_active_path_a_damped_one_is_better_than_a_degraded_one() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=DEAD).run(10.0)
    world.see(FIBRE, view=GOOD).see(LTE, view=BAD).run(30.0)
    assert world.decide().candidates[0].gate is GateName.DAMPED
    world.see(CABLE, view=DEAD).decide()
    assert world.active == FIBRE


def test_with_a_dead_active_path_a_degraded_one_is_better_than_nothing() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=BAD).run(5.0)
    world.see(FIBRE, view=DEAD).decide()
    assert world.active == CABLE


def test_with_a_dead_active_path_one_that_just_came_back_is_better_than_nothing() -> None:
    world = World()
    world.run(20.0)
    world.see(CABLE, LTE, view=DEAD).run(5.0)
    world.see(FIBRE, view=DEAD).run(5.0)
    world.see(LTE, view=RECOVERING).decide()
    assert world.active == LTE


def test_a_damped_path_is_no_candidate_while_the_active_one_still_answers() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=DEAD).see(LTE, view=DEAD).run(10.0)
    world.see(FIBRE, view=GOOD).run(12.0)
    decision = world.see(CABLE, view=BAD).decide()
    assert decision.action is None
    assert decision.candidates[0].gate is GateName.DAMPED


def test_a_candidate_that_only_lacks_a_fresh_answer_is_waited_for_without_alarm() -> None:
    world = World()
    world.run(20.0)
    world.see(LTE, view=DEAD).see(CABLE, view=GOOD._replace(fresh=False)).run(5.0)
    decision = world.see(FIBRE, view=DEAD).decide()
    assert (decision.action, decision.phase) == (None, Phase.SWITCHING)
    assert decision.reason.endswith("cable: its last answer is too old: waiting for the next.")
    assert world.said == []
    world.see(CABLE, view=GOOD).decide()
    assert world.active == CABLE


def test_two_ordinary_switches_are_ten_seconds_apart() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=BAD).decide()
    decision = world.see(CABLE, view=BAD).run(9.5)
    assert len(world.switches) == 1
    assert decision.phase is Phase.SWITCHING
    assert decision.reason.startswith("Leaves cable for lte in 0 s, when the dwell has passed")
    world.run(0.5)
    world.run(0.5)
    assert world.active == LTE
    assert world.moments[1] - world.moments[0] == 10.0


def test_a_death_right_after_a_switch_may_switch_once_more_without_dwell() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=DEAD).decide()
    world.now += 0.5
    world.see(CABLE, view=DEAD).decide()
    assert world.active == LTE


def test_the_second_death_in_a_row_waits_three_seconds() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=DEAD).decide()
    world.now += 0.5
    world.see(CABLE, view=DEAD).decide()
    world.see(LTE, view=DEAD)
    world.see(FIBRE, view=GOOD)
    world.run(6.0)
    assert [round(b - a, 1) for a, b in zip(world.moments, world.moments[1:], strict=False)] == [
        0.5,
        3.0,
    ]
    assert world.active == FIBRE


def test_the_waiver_is_granted_again_after_ten_quiet_seconds() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=DEAD).decide()
    world.now += 0.5
    world.see(CABLE, view=DEAD).decide()
    assert world.state.dwell_waived
    world.see(FIBRE, CABLE, view=GOOD)
    world.now += 10.0
    quiet = world.see(LTE, view=DEAD).decide()
    assert (quiet.state.active, quiet.state.dwell_waived) == (FIBRE, False)
    again = world.see(FIBRE, view=DEAD).decide()
    assert (again.state.active, again.state.dwell_waived) == (CABLE, True)


def test_a_policy_without_active_path_takes_its_primary() -> None:
    world = World()
    world.state = PolicyState()
    decision = world.decide()
    assert decision.action is not None
    assert (decision.action.to_key, decision.action.cause) == (FIBRE, Cause.INITIAL)
    assert decision.reason == "Left no path for fibre: no path carries the traffic yet."


def test_an_active_path_removed_from_the_policy_is_left_for_the_best_member() -> None:
    world = World()
    world.run(20.0)
    world.state = PolicyState(active=99, generation=4, warmed=True)
    decision = world.decide()
    assert decision.action is not None
    assert (decision.action.to_key, decision.action.cause) == (FIBRE, Cause.REMOVED)
    assert decision.state.generation == 5


def test_each_failure_of_a_member_adds_to_its_penalty_and_other_leaves_do_not() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=DEAD).decide()
    assert world.state.clock(FIBRE).penalty == 1.0
    assert world.state.clock(FIBRE).left_because is Cause.DEAD
    world.run(20.0)
    world.see(CABLE, view=GOOD._replace(in_maintenance=True)).decide()
    assert world.state.clock(CABLE).penalty == 0.0


def test_nothing_is_announced_while_the_dwell_holds_back_a_possible_switch() -> None:
    world = World()
    world.run(20.0)
    world.see(FIBRE, view=BAD).decide()
    world.see(CABLE, view=BAD).run(5.0)
    assert world.said == []
