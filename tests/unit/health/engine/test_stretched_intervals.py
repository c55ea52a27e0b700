"""Many paths to one destination probe it less often, and lose nothing when that changes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from health.domain.path_spec import PathSpec, ProbeTiming
from tests.unit.health.engine.worlds import MS, SILENCE, World, path_spec

SHARED = "198.51.100.53"
QUICK = ProbeTiming(interval_ms=200, timeout_ms=1_000, burst_ms=50, hold_ms=500)


def crowd(count: int) -> list[PathSpec]:
    """Paths that ask the same destination five times a second each."""
    return [path_spec(key, addresses=(SHARED,), timing=QUICK) for key in range(1, count + 1)]


def test_a_crowd_asks_no_more_than_ten_times_a_second_and_says_so() -> None:
    with World(*crowd(8)) as world:
        world.live(10)
        before = len(world.prober.sent)
        world.live(30)
        assert (len(world.prober.sent) - before) / 30 == pytest.approx(10, abs=0.5)
        assert world.reading().targets[0].interval_ms == 800


def test_a_change_of_the_stretch_keeps_what_is_known() -> None:
    with World(*crowd(2)) as world:
        before = world.live(70).reading()
        world.engine.submit(crowd(4))
        after = world.live(1.05).reading()
        assert after.targets[0].interval_ms == 400
        assert after.settled >= before.settled - 5  # nothing but what is a minute old
        assert (after.status, after.score) == (before.status, before.score)


def test_probes_under_way_while_the_stretch_changes_settle_in_the_new_window() -> None:
    with World(*crowd(2)) as world:
        world.live(40)
        while not world.prober._under_way:
            world.live(0.01)
        under_way = len(world.engine.paths[1].targets[0].window)
        settled = world.engine.paths[1].targets[0].window.settled
        world.engine.submit(crowd(4))
        world.live(0.03)
        window = world.engine.paths[1].targets[0].window
        assert window.settled - settled <= len(window) - under_way + 1
        assert len(window) == window.settled


def test_a_death_after_a_change_of_the_stretch_tells_of_the_outage_alone() -> None:
    with World(*crowd(2)) as world:
        world.live(200)  # a thousand probes: numbers far beyond the size of a window
        while not world.prober._under_way:
            world.live(0.01)
        world.engine.submit(crowd(3))
        world.live(5).script(SILENCE, SHARED)
        while world.reading().reachable:
            world.live(0.01)
        world.live(3)
        assert world.reading().packet_loss_pct == 100
        # Those that were lost before the death was certain belong to the outage as well.
        path = world.engine.paths[1]
        assert path.evaluate(world.clock.monotonic_ns()).settled == path.failures["lost"]


def test_the_new_spacing_holds_from_the_next_probe_on() -> None:
    with World(*crowd(2)) as world:
        world.live(10)
        world.engine.submit(crowd(4))
        world.live(1)
        since = len(world.prober.sent)
        world.live(20)
        lanes = [probe.at_ns for probe in world.prober.sent[since:]]
        assert len(lanes) / 20 == pytest.approx(10, abs=0.5)
        assert max(later - earlier for earlier, later in pairwise(sorted(lanes))) <= 500 * MS
