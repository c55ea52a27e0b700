"""Named adversaries attack a policy for a long time; the invariants must hold.

More steps for each: ``PATHWARDEN_PROPERTY_STEPS`` (default 3,000), or ``python -m bench
properties`` for a million of them.
"""

from __future__ import annotations

import itertools
import os

import pytest

from failover.domain.strategies import STRATEGIES
from tests.unit.failover.domain.adversaries import ADVERSARIES, attack
from tests.unit.failover.domain.worlds import DEAD, FIBRE, GOOD, World

STEPS = int(os.environ.get("PATHWARDEN_PROPERTY_STEPS", "3000"))


@pytest.mark.parametrize("damping", [True, False], ids=["damped", "undamped"])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", ADVERSARIES)
def test_no_adversary_breaks_an_invariant(name: str, strategy: str, damping: bool) -> None:
    watch = attack(name, strategy, damping=damping, steps=STEPS)
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
