"""A target that fails everywhere is at fault itself and leaves the quorum; a path keeps one."""

from __future__ import annotations

import pytest

from health.domain.status import PathStatus
from tests.unit.health.engine.worlds import (
    ANSWERS,
    SILENCE,
    Behaviour,
    Outcome,
    World,
    path_spec,
)

SHARED, OTHER = "198.51.100.53", "203.0.113.53"
SLOW = Behaviour(after_ms=300)
"""Scores 45: answers, but worse than failing."""


def own(key: int) -> str:
    return f"192.0.2.{key}"


def paths(count: int = 2, quorum: int = 2) -> World:
    """Paths that share one target and have another of their own; both must answer."""
    specs = [
        path_spec(key, addresses=(SHARED, own(key)), quorum=quorum) for key in range(1, count + 1)
    ]
    return World(*specs)


def blamed(world: World, key: int = 1) -> list[bool]:
    return [target.blamed for target in world.reading(key).targets]


def test_a_target_that_dies_on_every_path_is_blamed_and_the_paths_stay_reachable() -> None:
    with paths() as world:
        world.live(20).script(SILENCE, SHARED).live(5)
        for key in (1, 2):
            assert blamed(world, key) == [True, False]
            reading = world.reading(key)
            assert (reading.status, reading.reachable) == (PathStatus.UP, True)
            assert (reading.score, reading.packet_loss_pct) == (100, 0)


def test_a_target_that_answers_badly_on_every_path_is_blamed_too() -> None:
    with paths() as world:
        world.script(SLOW, SHARED).live(20)
        assert blamed(world, 1) == blamed(world, 2) == [True, False]
        assert world.reading().score == 100


def test_a_target_that_dies_on_one_path_alone_is_that_path_s_trouble() -> None:
    with World(
        path_spec(1, addresses=(SHARED, own(1)), quorum=2, source="192.0.2.201"),
        path_spec(2, addresses=(SHARED, own(2)), quorum=2),
    ) as world:
        world.live(20)
        sick = world.engine.paths[1].targets[0]
        for _ in range(12):
            world.live(0.5)
            sick.link_lost("as if", world.clock.monotonic_ns())
        world.engine.paths[1].evaluate(world.clock.monotonic_ns())
        assert blamed(world, 1) == blamed(world, 2) == [False, False]
        assert world.reading(1).reachable is False


def test_with_one_path_only_there_is_nobody_to_compare_with() -> None:
    with paths(count=1) as world:
        world.live(20).script(SILENCE, SHARED).live(5)
        assert blamed(world) == [False, False]
        assert world.reading().reachable is False


def test_where_one_path_has_nothing_else_that_answers_nobody_is_blamed() -> None:
    with paths() as world:
        world.live(20).script(SILENCE, SHARED).script(SILENCE, own(2)).live(10)
        assert blamed(world, 1) == blamed(world, 2) == [False, False]
        assert world.reading(1).reachable is False


def test_a_target_that_can_not_be_probed_is_not_accused() -> None:
    with paths() as world:
        world.live(20).script(Behaviour(Outcome.DENIED, detail="no permission"), SHARED).live(5)
        assert blamed(world, 1) == blamed(world, 2) == [False, False]


@pytest.mark.parametrize("trouble", [SLOW, SILENCE], ids=["slow", "silent"])
def test_when_all_targets_are_bad_on_all_paths_it_is_the_paths_and_none_is_blamed(
    trouble: Behaviour,
) -> None:
    specs = [path_spec(key, addresses=(SHARED, OTHER), quorum=1) for key in (1, 2)]
    with World(*specs) as world:
        world.live(20).script(trouble, SHARED).script(trouble, OTHER).live(70)
        for key in (1, 2):
            assert blamed(world, key) == [False, False]
            assert world.reading(key).status is PathStatus.DOWN
            # Who answers badly answers: failing, not dead.
            assert world.reading(key).reachable is (trouble is SLOW)


def test_a_target_is_heeded_again_when_it_is_well_again() -> None:
    with paths() as world:
        world.live(20).script(SILENCE, SHARED).live(5)
        world.script(ANSWERS, SHARED).live(4)
        assert blamed(world, 1) == blamed(world, 2) == [False, False]


def test_a_new_path_on_which_nobody_knows_yet_acquits_until_it_knows() -> None:
    with paths(count=3) as world:
        third = world.engine.paths[3].spec
        world.engine.submit([world.engine.paths[key].spec for key in (1, 2)])
        world.live(20).script(SILENCE, SHARED).live(5)
        assert blamed(world) == [True, False]
        world.engine.submit([*(world.engine.paths[key].spec for key in (1, 2)), third])
        world.live(1.05)
        assert blamed(world) == [False, False]
        world.live(10)
        assert blamed(world, 1) == blamed(world, 3) == [True, False]


def test_a_blame_ends_when_only_one_path_is_left_to_speak() -> None:
    with paths() as world:
        world.live(20).script(SILENCE, SHARED).live(5)
        assert blamed(world) == [True, False]
        world.engine.submit([world.engine.paths[1].spec])
        world.script(ANSWERS, SHARED).live(5)
        assert blamed(world) == [False, False]
        world.script(SILENCE, SHARED).live(5)
        assert world.reading().reachable is False


def test_a_quorum_shrinks_to_the_targets_that_are_heeded() -> None:
    addresses = (SHARED, OTHER)
    specs = [path_spec(key, addresses=(*addresses, own(key)), quorum=3) for key in (1, 2)]
    with World(*specs) as world:
        world.live(20).script(SILENCE, SHARED).live(5)
        assert world.reading().reachable is True
        world.script(SILENCE, own(1)).live(5)
        assert world.reading(1).reachable is False  # both that are heeded must answer
        assert world.reading(2).reachable is True
