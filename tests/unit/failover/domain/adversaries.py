"""Adversaries that attack a policy for a long time, for the tests and for the benchmark.

Each has a name and one bad intention. ``attack`` lets one of them loose on a policy, amid
own faults, settling tunnels, pins, pauses and restarts, and every decision is watched.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from failover.domain.evidence import NONE, Evidence
from failover.domain.record import from_record, to_record
from failover.domain.state import Pause, Pin
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
    TWO_LOST,
    UNKNOWN,
    World,
    scored,
)

EVERY_VIEW = (GOOD, GOOD, GOOD, BAD, DEAD, UNKNOWN, RECOVERING, ONE_LOST, TWO_LOST, scored(60.0))
ALL = (FIBRE, CABLE, LTE)
PROOF = Evidence(True, "evidence 12.5 of 12 that loss exceeds 5.5 %")

Adversary = Callable[[World, random.Random, int], float]
"""Changes what is seen before step n and returns how many seconds pass."""


def flapper(world: World, rng: random.Random, step: int) -> float:
    """Kills whatever path is active and heals the others."""
    for key in ALL:
        view = DEAD if key == world.active else GOOD._replace(recent_score=95.0)
        world.see(key, view=view)
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
        evidence=rng.choice([None, NONE, PROOF]),
        recent_score=rng.choice([None, 0.0, 90.0, 100.0]),
        utilisation_pct=rng.choice([None, 0.0, 99.0]),
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
        score = 100.0 - 0.08 * min(phase, 2_000 - phase)
        latency, load = 200.0 - score, 100.0 - score
        leaking = scored(score)._replace(
            recent_score=score, latency_ms=latency, utilisation_pct=load
        )
        world.see(key, view=leaking)
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


def attack(name: str, strategy: str, *, damping: bool, steps: int, seed: int = 0) -> Watch:
    """Let the adversary make ``steps`` steps; raises ``AssertionError`` on a broken invariant."""
    rng = random.Random(f"{name} {strategy} {damping} {seed}")
    world = World(strategy=strategy, damping=damping)
    world.run(20.0)
    watch = Watch(world.policy)
    watch.step(world.state, world.seen(), world.decide(), world.now)
    watch.healthy_since.update(dict.fromkeys(ALL, world.now - 20.0))
    until: float | None = None
    for step in range(steps):
        world.now += ADVERSARIES[name](world, rng, step)
        if rng.random() < 0.004:
            _interfere(world, watch, rng)
        if rng.random() < 0.002:
            until = world.now + 30.0
        flags = _surroundings(world, rng, until)
        before = world.state
        decision = world.decide(**flags)
        watch.step(before, world.seen(), decision, world.now, **flags)
    return watch


def _surroundings(world: World, rng: random.Random, until: float | None) -> dict[str, Any]:
    """Mostly nothing out of the ordinary; now and then an own fault."""
    flags: dict[str, Any] = {"blind": rng.random() < 0.003}
    if until is not None and world.now < until:
        flags["settle_until"] = until
    fault = rng.random()
    if fault < 0.002:
        flags["reference_ok"] = False
    elif fault < 0.004:
        flags["standby"] = True
    elif fault < 0.006:
        flags["clock_ok"] = False
    elif fault < 0.010:
        flags["failed_generation"] = world.state.generation - rng.choice([0, 0, 1])
    return flags


def _interfere(world: World, watch: Watch, rng: random.Random) -> None:
    """A person pins or pauses for a while, or the monitor restarts."""
    what = rng.choice(["pin", "pin", "pause", "release", "restart"])
    if what == "pin":
        until = world.now + rng.choice([5.0, 60.0, 700.0])
        pin = Pin(rng.choice(ALL), "ada", "why not", world.now, until, rng.random() < 0.7)
        world.state = replace(world.state, pin=pin)
    elif what == "pause":
        world.state = replace(world.state, pause=Pause("ada", "lunch", world.now + 5.0))
    elif what == "release":
        world.state = replace(world.state, pin=None, pause=None)
    else:
        record = to_record(world.state, now=world.now, wall_offset=1e9)
        world.state = from_record(record, now=world.now, wall_offset=1e9)
        watch.restart()
