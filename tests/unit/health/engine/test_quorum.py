"""Several targets: the q-th best decides, and a target that can't be probed decides nothing."""

from __future__ import annotations

import pytest

from health.domain.status import PathStatus, Reason
from tests.unit.health.engine.worlds import (
    ANSWERS,
    SILENCE,
    Behaviour,
    Outcome,
    World,
    path_spec,
)

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
THREE = (A, B, C)
DENIED = Behaviour(Outcome.DENIED, detail="no permission")


@pytest.mark.parametrize(("quorum", "latency_ms"), [(1, 10), (2, 120), (3, 200)])
def test_the_value_of_a_path_is_its_qth_best_target(quorum: int, latency_ms: float) -> None:
    with World(path_spec(addresses=THREE, quorum=quorum)) as world:
        world.script(Behaviour(after_ms=200), A).script(Behaviour(after_ms=10), B)
        reading = world.script(Behaviour(after_ms=120), C).live(10).reading()
        assert reading.latency_ms == latency_ms
        assert [target.latency_ms for target in reading.targets] == [200, 10, 120]


@pytest.mark.parametrize(("quorum", "dead", "reachable"), [
    (1, 2, True), (1, 3, False), (2, 1, True), (2, 2, False), (3, 1, False),
])  # fmt: skip
def test_a_path_is_reachable_while_its_quorum_answers(
    quorum: int, dead: int, reachable: bool
) -> None:
    with World(path_spec(addresses=THREE, quorum=quorum)) as world:
        world.live(20)
        for address in THREE[:dead]:
            world.script(SILENCE, address)
        reading = world.live(10).reading()
        assert reading.reachable is reachable
        assert (reading.status is PathStatus.UP) is reachable
        assert (reading.score == 0) is not reachable


def test_dead_targets_do_not_spoil_the_figures_of_a_path_whose_quorum_is_well() -> None:
    with World(path_spec(addresses=THREE, quorum=2)) as world:
        reading = world.script(SILENCE, A).live(20).reading()
        assert (reading.packet_loss_pct, reading.score) == (0, 100)
        assert [target.alive for target in reading.targets] == [False, True, True]


def test_a_target_that_can_not_be_probed_does_not_hide_one_that_answers() -> None:
    with World(path_spec(addresses=(A, B), quorum=1)) as world:
        world.script(Behaviour(after_ms=40), B).live(30).script(DENIED, A)
        reading = world.live(3).reading()
        assert (reading.status, reading.latency_ms) == (PathStatus.UP, 40)


def test_a_target_that_can_not_be_probed_is_not_counted_as_alive() -> None:
    with World(path_spec(addresses=(A, B), quorum=1)) as world:
        world.live(30).script(DENIED, A).script(SILENCE, B)
        reading = world.live(10).reading()
        assert (reading.status, reading.reason) == (PathStatus.UNKNOWN, Reason.PERMISSION)
        assert reading.detail == "no permission"


def test_a_dead_target_breaks_a_full_quorum_even_beside_one_that_can_not_be_probed() -> None:
    with World(path_spec(addresses=(A, B), quorum=2)) as world:
        world.live(30).script(DENIED, A).script(SILENCE, B)
        reading = world.live(10).reading()
        assert (reading.status, reading.score) == (PathStatus.DOWN, 0)


def test_a_path_of_which_one_target_returns_recovers_with_it() -> None:
    with World(path_spec(addresses=(A, B), quorum=1)) as world:
        world.script(SILENCE, A).script(SILENCE, B).live(20).script(ANSWERS, B)
        assert world.live(3).reading().reason is Reason.RECOVERING
        assert world.live(12).reading().status is PathStatus.UP
