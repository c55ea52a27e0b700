"""The local reference: what this host says of itself, beside all paths."""

from __future__ import annotations

import pytest

from health.engine.reference import ADDRESS
from tests.unit.health.engine.worlds import (
    ANSWERS,
    SILENCE,
    Behaviour,
    Outcome,
    World,
    path_spec,
)


def world_with_reference() -> World:
    return World(path_spec(), reference_kind="scripted")


def told(world: World) -> bool | None:
    return world.rounds.rounds[-1].reference_answers


def test_it_is_asked_each_second_and_answers() -> None:
    with world_with_reference() as world:
        world.live(10.5)
        assert told(world) is True
        assert len(world.prober.sent_to(ADDRESS)) in {10, 11}


def test_it_is_no_path() -> None:
    with world_with_reference() as world:
        world.live(25)
        assert world.engine.paths.keys() == world.engine.readings.keys() == {1}
        assert {sample.path for sample in world.samples} == {1}
        assert world.engine._reference is not None
        assert len(world.engine._reference.target.slot.rtts) <= 1


def test_its_silence_is_told_at_once_and_so_is_its_return() -> None:
    with world_with_reference() as world:
        world.live(10).script(SILENCE, ADDRESS)
        began_ns, rounds = world.clock.monotonic_ns(), len(world.rounds.rounds)
        while told(world):
            world.live(0.01)
        assert world.clock.monotonic_ns() - began_ns <= 2.0e9
        assert world.clock.monotonic_ns() - world.rounds.rounds[-1].at_ns <= 0.05e9
        assert len(world.rounds.rounds) > rounds
        assert world.reading().reachable is True
        world.script(ANSWERS, ADDRESS).live(5)
        assert told(world) is True


@pytest.mark.parametrize("behaviour", [SILENCE, Behaviour(Outcome.DENIED, detail="EPERM")])
def test_a_host_that_never_answers_itself_has_no_reference(behaviour: Behaviour) -> None:
    with world_with_reference() as world:
        world.script(behaviour, ADDRESS).live(10)
        assert told(world) is None


def test_a_host_that_can_not_send_to_itself_any_more_does_not_answer() -> None:
    with world_with_reference() as world:
        world.live(5).script(Behaviour(Outcome.DENIED, detail="EPERM"), ADDRESS).live(3)
        assert told(world) is False


@pytest.mark.parametrize("kind", ["", "icmp"])
def test_without_its_prober_there_is_none(kind: str) -> None:
    with World(path_spec(), reference_kind=kind) as world:
        world.live(5)
        assert told(world) is None
        assert world.prober.sent_to(ADDRESS) == []


def test_one_lost_echo_is_no_silence() -> None:
    with world_with_reference() as world:
        world.live(10).script(SILENCE, ADDRESS)
        sent = len(world.prober.sent_to(ADDRESS))
        while len(world.prober.sent_to(ADDRESS)) == sent:
            world.live(0.01)
        since = len(world.rounds.rounds)
        world.script(ANSWERS, ADDRESS).live(5)
        assert all(finished.reference_answers for finished in world.rounds.rounds[since:])
