"""Leaving out the rounds in which nothing happened changes nothing but the time it takes."""

from __future__ import annotations

import pytest

from bench.detector.network import Network, Weather, fair_until, oscillation
from bench.detector.policy_run import PolicyRun
from bench.detector.profiles import PROFILES

SECOND_NS = 1_000_000_000


@pytest.mark.parametrize("profile", ["realtime", "balanced", "cellular"])
@pytest.mark.parametrize(
    "weather",
    [
        Weather(0.05),
        Weather(0.3),
        Weather(1.0),
        Weather(delay_ms=400.0),
        Weather(jitter_ms=180.0),
    ],
)
def test_a_fault_is_left_at_the_same_moment(profile: str, weather: Weather) -> None:
    runs = []
    for thorough in (False, True):
        line = fair_until(100 * SECOND_NS, weather, before=Weather(0.02))
        network = Network("same", PROFILES[profile].base, line)
        run = PolicyRun(PROFILES[profile], network, "same", thorough=thorough)
        run.run_until(400.0)
        runs.append((run.moves, run.path.deaths))
    assert runs[0] == runs[1]


def test_an_oscillation_is_sat_out_alike() -> None:
    runs = []
    for thorough in (False, True):
        network = Network("same", PROFILES["balanced"].base, oscillation(SECOND_NS, 180.0, 20.0))
        run = PolicyRun(PROFILES["balanced"], network, "same", thorough=thorough)
        run.run_until(2400.0)
        runs.append(run.moves)
    assert runs[0] == runs[1]
    assert len(runs[0]) > 2
