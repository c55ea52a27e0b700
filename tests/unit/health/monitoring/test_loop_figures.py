"""What the loop tells of itself each second."""

from __future__ import annotations

from typing import Any

import pytest

from health.domain.measurement import Rejection
from health.monitoring.loop_figures import FigureKeeper
from tests.unit.health.engine.worlds import RiggedWorld, path_spec

RING = {"waiting_samples": 3}


def watched(world: RiggedWorld, **unavailable: str) -> FigureKeeper:
    keeper = FigureKeeper(world.engine, lambda: dict(RING), unavailable)
    world.engine.observers = (keeper, world.rounds)
    return keeper


def test_the_figures_are_those_of_the_last_second() -> None:
    with RiggedWorld(path_spec(1), path_spec(2)) as world:
        keeper = watched(world)
        assert keeper.figures.paths == 0
        world.live(10)
        assert keeper.figures.paths == 2
        assert keeper.figures.probes_per_sec == pytest.approx(4, abs=0.1)
        assert keeper.figures.overruns_total == 0
        world.live(0.05).stall(5).live(2)
        assert keeper.figures.overruns_total == world.engine.overruns > 0
        assert keeper.figures.more["stalls"] == 1


def test_what_the_rounds_within_a_second_were_late_is_not_forgotten() -> None:
    with RiggedWorld(path_spec()) as world:
        keeper = watched(world)
        world.live(10.05)
        began = world.rounds.rounds[-1]
        world.stall(0.3)
        world.engine._rounds.call(world.engine.paths[1])  # a death, told at once
        world.live(0.01)
        told_within_a_second = world.rounds.rounds[-1]
        assert told_within_a_second.at_ns - began.at_ns < 900_000_000
        assert told_within_a_second.lag_ns > 0
        world.live(1)
        assert keeper.figures.lag_secs >= told_within_a_second.lag_ns / 1e9
        world.live(3)
        assert keeper.figures.lag_secs < told_within_a_second.lag_ns / 1e9


def test_ring_rejections_and_missing_kinds_are_told_as_json_values() -> None:
    with RiggedWorld(path_spec()) as world:
        keeper = watched(world, icmp="grant CAP_NET_RAW")
        world.prober.rejected[Rejection.FOREIGN] += 7
        world.live(2)
        more: dict[str, Any] = keeper.figures.more
        assert more["ring"] == RING
        assert more["rejected"] == {"scripted": {"foreign": 7}}
        assert more["unavailable"] == {"icmp": "grant CAP_NET_RAW"}
        assert more["modes"] == {}
