"""An edit touches what it edits: every other path keeps its very window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.domain.status import PathStatus, Reason
from health.engine.path_monitor import PathMonitor
from health.engine.resolver import NameResolver
from tests.unit.health.engine.worlds import SILENCE, World, path_spec

FIRST, SECOND_PATH, THIRD = path_spec(1), path_spec(2), path_spec(3)


def windows(world: World) -> dict[int, int]:
    """The identity of the window of each path's first target."""
    return {key: id(monitor.targets[0].window) for key, monitor in world.engine.paths.items()}


WIRE_EDITS = [
    replace(SECOND_PATH, targets=(TargetSpec(200, "192.0.2.99"),)),
    replace(SECOND_PATH, dscp=46),
    replace(SECOND_PATH, source="192.0.2.200"),
    replace(SECOND_PATH, timing=ProbeTiming(200, 1_000, 50, 500)),
]
JUDGING_EDITS = [
    replace(SECOND_PATH, name="other name"),
    replace(SECOND_PATH, limits=SlaLimits(latency_ms=10)),
]


@pytest.mark.parametrize("edited", WIRE_EDITS + JUDGING_EDITS)
def test_windows_of_unedited_paths_stay_the_same_objects(edited: PathSpec) -> None:
    with World(FIRST, SECOND_PATH, THIRD) as world:
        world.live(10)
        before = windows(world)
        world.engine.submit([FIRST, edited, THIRD])
        world.live(1)
        after = windows(world)
        assert (after[1], after[3]) == (before[1], before[3])
        assert world.reading(1).settled >= 20


@pytest.mark.parametrize("edited", WIRE_EDITS)
def test_other_packets_restart_the_window_of_that_path(edited: PathSpec) -> None:
    with World(FIRST, SECOND_PATH) as world:
        world.live(30)
        before = windows(world)
        world.engine.submit([FIRST, edited])
        reading = world.live(1.2).reading(2)
        assert windows(world)[2] != before[2]
        assert (reading.status, reading.reason) == (PathStatus.UNKNOWN, Reason.WARMING_UP)
        assert reading.settled <= 6
        assert world.reading(1).status is PathStatus.UP
        assert world.live(10).reading(2).status is PathStatus.UP


def test_new_limits_judge_the_old_window_anew() -> None:
    with World(SECOND_PATH) as world:
        world.live(30)
        before = windows(world)
        world.engine.submit([replace(SECOND_PATH, limits=SlaLimits(latency_ms=10))])
        reading = world.live(1.1).reading(2)
        assert windows(world) == before
        assert reading.settled >= 58
        assert reading.score == pytest.approx(67.0, abs=0.1)
        assert reading.status is PathStatus.DEGRADED


def test_an_edited_target_is_probed_and_the_old_one_is_not() -> None:
    with World(FIRST) as world:
        world.live(10)
        world.engine.submit([replace(FIRST, targets=(TargetSpec(9, "192.0.2.99"),))])
        world.live(0.1)
        before = len(world.prober.sent_to("192.0.2.1"))
        world.live(10)
        assert len(world.prober.sent_to("192.0.2.1")) == before
        assert len(world.prober.sent_to("192.0.2.99")) in {19, 20, 21}


def test_probes_under_way_to_the_old_target_do_not_enter_the_new_window() -> None:
    with World(FIRST) as world:
        world.script(SILENCE).live(30)
        world.engine.submit([replace(FIRST, targets=(TargetSpec(9, "192.0.2.99"),))])
        reading = world.live(6).reading()
        assert (reading.packet_loss_pct, reading.status) == (0, PathStatus.UP)
        assert reading.loss_run == 0


def test_a_removed_path_is_forgotten_and_no_longer_probed() -> None:
    with World(FIRST, SECOND_PATH) as world:
        world.live(10)
        world.engine.submit([SECOND_PATH])
        world.live(0.1)
        before = len(world.prober.sent_to("192.0.2.1"))
        world.live(10)
        assert len(world.prober.sent_to("192.0.2.1")) == before
        assert world.engine.paths.keys() == world.engine.readings.keys() == {2}
        assert world.rounds.rounds[-1].readings.keys() == {2}


def test_a_path_that_dies_while_it_is_removed_harms_nothing() -> None:
    with World(FIRST, SECOND_PATH) as world:
        world.live(10).script(SILENCE).live(3.3)
        world.engine.submit([SECOND_PATH])
        world.live(5)
        assert world.engine.readings.keys() == {2}


def test_an_added_path_is_probed_at_once() -> None:
    with World(FIRST) as world:
        world.live(10)
        world.engine.submit([FIRST, THIRD])
        world.live(0.6)
        assert len(world.prober.sent_to("192.0.2.3")) == 1


def test_a_new_path_may_go_on_where_a_predecessor_stood() -> None:
    restored: list[PathMonitor] = []
    with World(FIRST, restore=restored.append) as world:
        assert restored == [world.engine.paths[1]]
        world.engine.submit([replace(FIRST, name="renamed"), SECOND_PATH])
        world.live(0.1)
        assert restored == [world.engine.paths[1], world.engine.paths[2]]


class Names(NameResolver):
    """A resolver whose answers the test gives; it starts no thread."""

    def __init__(self) -> None:
        super().__init__(lambda name: name)
        self.known: dict[str, str] = {}
        self.wanted: list[tuple[str, int]] = []

    def want(self, addresses: object) -> None:
        self.wanted = sorted(addresses)  # type: ignore[call-overload] # an iterable of pairs

    def address_of(self, address: str, uplink_key: int = 0) -> str | None:
        return self.known.get(address) if uplink_key == 5 else None

    def error_of(self, name: str, uplink_key: int = 0) -> str:
        return "" if name == "new.example" else "no such name"


@pytest.mark.parametrize(
    ("name", "words"), [("new.example", "not been resolved yet"), ("bad.example", "no such name")]
)
def test_a_name_without_an_address_is_misconfigured_and_not_lost(name: str, words: str) -> None:
    names = Names()
    with World(path_spec(addresses=(name,), uplink=5), resolver=names) as world:
        reading = world.live(5).reading()
        assert names.wanted == [(name, 5)]
        assert reading.reason is Reason.MISCONFIGURED
        assert words in reading.detail
        assert reading.sent == 0
        names.known[name] = "192.0.2.77"
        assert world.live(7).reading().status is PathStatus.UP
        assert world.prober.sent_to("192.0.2.77")
