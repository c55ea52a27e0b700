"""The simulated profiles are those that every installation has."""

from __future__ import annotations

from importlib import import_module

import pytest

from bench.detector.profiles import PROFILES

BUILT_IN = {
    row[0]: row[2:]
    for row in import_module("health.migrations.0002_built_in_profiles").PROBE_PROFILES
}


@pytest.mark.parametrize("name", PROFILES)
def test_a_simulated_profile_is_the_built_in_one(name: str) -> None:
    timing = PROFILES[name].timing
    assert BUILT_IN[name] == (
        timing.interval_ms,
        timing.burst_ms,
        timing.hold_ms,
        timing.timeout_ms,
        timing.window_secs,
        PROFILES[name].bad_secs_needed,
    )


def test_only_leo_is_left_out_because_it_probes_as_cellular_does() -> None:
    assert BUILT_IN.keys() - PROFILES.keys() == {"leo"}
    assert BUILT_IN["leo"] == BUILT_IN["cellular"]
