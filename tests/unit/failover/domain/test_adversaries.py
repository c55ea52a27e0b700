"""Named adversaries attack a policy for a long time; the invariants must hold.

More steps for each: ``PATHWARDEN_PROPERTY_STEPS`` (default 6,000).
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable

import pytest

from failover.domain.strategies import STRATEGIES
from failover.domain.views import MemberView
from health.domain.status import PathStatus
from tests.unit.failover.domain.invariants import Watch
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
    scored,
)

STEPS = int(os.environ.get("PATHWARDEN_PROPERTY_STEPS", "6000"))
EVERY_VIEW = (GOOD, GOOD, GOOD, BAD, DEAD, UNKNOWN, RECOVERING, ONE_LOST, scored(60.0))
ALL = (FIBRE, CABLE, LTE)

Adversary = Callable[[World, random.Random, int], float]
"""Changes what is seen before step n and returns how many seconds pass."""


def flapper(world: World, rng: random.Random, step: int) -> float:
    """Kills whatever path is active and heals the others."""
    for key in ALL:
        world.see(key, view=DEAD if key == world.active else GOOD)
    return rng.choice([0.1, 0.5, 1.0, 30.0])


def liar(world: World, rng: random.Random, step: int) -> float:
    """Shows views that contradict themselves."""
    key = rng.choice(ALL)
    world.views[key] = MemberView(
        rng.choice(list(PathStatus)),
        rng.choice([True, False, None]),
        rng.choice([None, 0.0, 49.9, 80.0, 100.0]),
        rng.choice([0, 30, 1000]),
        rng.choice([0, 2, 3, 50]),
        rng.choice([0, 1, 9]),
        rng.choice([True, True, False]),
        None,
    )
    return rng.choice([0.5, 1.0, 20.0])


def clock(world: World, rng: random.Random, step: int) -> float:
    """Lets time stand still, creep and leap."""
    if rng.random() < 0.2:
        world.see(rng.choice(ALL), view=rng.choice(EVERY_VIEW))
    return rng.choice([0.0, 0.0, 1e-6, 0.5, 2.999, 3.0, 9.999, 10.0, 59.0, 4_000.0, 1e6])


def slow_leak(world: World, rng: random.Random, step: int) -> float:
    """Lets the scores sink and rise slowly, each path with its own phase."""
    for index, key in enumerate(ALL):
        phase = (step + 700 * index) % 2_000
        world.see(key, view=scored(100.0 - 0.08 * min(phase, 2_000 - phase)))
    return 1.0


def storm(world: World, rng: random.Random, step: int) -> float:
    """Changes all paths in the same moment, often all alike."""
    if rng.random() < 0.1:
        alike = rng.choice(EVERY_VIEW)
        for key in ALL:
            world.see(key, view=alike if rng.random() < 0.7 else rng.choice(EVERY_VIEW))
    return rng.choice([0.05, 0.5, 2.0])


ADVERSARIES: dict[str, Adversary] = {
    "flapper": flapper,
    "liar": liar,
    "clock": clock,
    "slow leak": slow_leak,
    "storm": storm,
}


@pytest.mark.parametrize("damping", [True, False], ids=["damped", "undamped"])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", ADVERSARIES)
def test_no_adversary_breaks_an_invariant(name: str, strategy: str, damping: bool) -> None:
    rng = random.Random(f"{name} {strategy} {damping}")
    world = World(strategy=strategy, damping=damping)
    world.run(20.0)
    watch = Watch(world.policy)
    watch.step(world.state, dict(world.views), world.decide(), world.now)
    watch.healthy_since.update(dict.fromkeys(ALL, world.now - 20.0))
    for step in range(STEPS):
        world.now += ADVERSARIES[name](world, rng, step)
        blind, before = rng.random() < 0.005, world.state
        decision = world.decide(blind=blind)
        watch.step(before, dict(world.views), decision, world.now, blind=blind)
    assert watch.steps == STEPS + 1
    assert watch.moments, "the adversary never made the policy move: it attacks nothing"


def test_the_primary_that_dies_whenever_it_is_active_gets_the_traffic_ever_more_rarely() -> None:
    world = World()
    world.run(20.0)
    for _ in range(6 * 3_600):
        world.see(FIBRE, view=DEAD if world.active == FIBRE else GOOD)
        world.now += 1.0
        world.decide()
    returns = [
        moment
        for moment, switch in zip(world.moments, world.switches, strict=True)
        if switch.to_key == FIBRE
    ]
    gaps = [later - earlier for earlier, later in itertools.pairwise(returns)]
    assert gaps[0] < gaps[1] < gaps[2]
    assert max(gaps) <= 3_600.0 + 60.0
    assert len(world.switches) <= 24
