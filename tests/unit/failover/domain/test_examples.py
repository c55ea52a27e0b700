"""The worked example of docs/failover.md, told to ``decide`` second by second."""

from __future__ import annotations

import pytest

from failover.domain.policy import MemberSpec
from failover.domain.situation import Phase
from tests.unit.failover.domain.worlds import (
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    ONE_LOST,
    RECOVERING,
    START,
    World,
    scored,
)

MEMBERS = (MemberSpec(FIBRE, "fibre"), MemberSpec(CABLE, "cable"))


def run_to(world: World, minutes: int, secs: float) -> None:
    """Decide every half second up to that moment of the story."""
    world.run(START + minutes * 60.0 + secs - world.now)


def test_the_story_of_the_documentation() -> None:
    world = World(members=MEMBERS)
    run_to(world, 0, 3.0)
    world.now += 0.5
    decision = world.see(FIBRE, view=DEAD).decide()
    assert decision.reason == "Left fibre for cable: it does not answer (no_answer)."
    assert (decision.state.generation, decision.state.clock(FIBRE).penalty) == (1, 1.0)

    run_to(world, 0, 40.0)
    world.see(FIBRE, view=RECOVERING)
    run_to(world, 0, 49.5)
    assert world.active == CABLE
    world.now += 0.5
    assert world.see(FIBRE, view=scored(80.0)).decide().phase is Phase.FAILBACK_WAIT

    run_to(world, 1, 10.0)
    world.see(FIBRE, view=ONE_LOST._replace(score=76.0)).decide()
    world.see(FIBRE, view=GOOD)
    run_to(world, 1, 49.5)
    assert world.active == CABLE
    run_to(world, 1, 50.0)
    world.now += 0.5
    world.decide()
    assert world.switches[-1].reason == "Returned from cable to fibre: healthy for 60 s."
    assert world.state.generation == 2

    run_to(world, 3, 3.5)
    world.see(FIBRE, view=DEAD).decide()
    assert world.active == CABLE
    assert world.state.clock(FIBRE).penalty == pytest.approx(1.98, abs=0.005)
    run_to(world, 3, 20.0)
    world.see(FIBRE, view=GOOD)
    run_to(world, 7, 13.0)
    assert world.active == CABLE
    run_to(world, 7, 15.0)
    assert world.active == FIBRE


def test_a_weak_backup_is_taken_from_a_dead_primary_but_not_from_a_degraded_one() -> None:
    for view, active in ((DEAD, CABLE), (scored(40.0), FIBRE)):
        world = World(members=MEMBERS)
        world.see(CABLE, view=scored(45.0)).run(20.0)
        world.see(FIBRE, view=view).run(20.0)
        assert world.active == active
