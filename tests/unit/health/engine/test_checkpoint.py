"""What one loop hands to the next: windows, lives and statuses, or nothing at all."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from health.domain.path_spec import TargetSpec
from health.domain.status import PathStatus, Reason
from health.engine import checkpoint
from health.engine.path_monitor import PathMonitor
from health.engine.target_monitor import Probe
from tests.unit.health.engine.worlds import (
    ANSWERS,
    SECOND,
    SILENCE,
    Behaviour,
    World,
    path_spec,
)


def left_by(world: World) -> checkpoint.Checkpoint:
    """The checkpoint as a successor reads it from a file."""
    taken = checkpoint.take(
        world.engine.paths, now_ns=world.clock.monotonic_ns(), boot_id="this boot"
    )
    read: checkpoint.Checkpoint = orjson.loads(orjson.dumps(taken))
    return read


def successor(world: World, **changes: object) -> PathMonitor:
    monitor = PathMonitor(replace(world.engine.paths[1].spec, **changes), 0)  # type: ignore[arg-type] # any field
    checkpoint.restore(left_by(world), monitor)
    return monitor


def test_a_successor_says_what_its_predecessor_said() -> None:
    with World(path_spec(addresses=("192.0.2.1", "192.0.2.2"), quorum=2)) as world:
        world.script(Behaviour(after_ms=130)).live(33)
        monitor = successor(world)
        now_ns = world.clock.monotonic_ns()
        assert monitor.evaluate(now_ns) == world.engine.paths[1].evaluate(now_ns)


def test_a_successor_of_a_dead_path_knows_that_it_is_dead() -> None:
    with World(path_spec()) as world:
        world.live(30).script(SILENCE).live(10)
        reading = successor(world).evaluate(world.clock.monotonic_ns())
        assert (reading.status, reading.reachable, reading.score) == (PathStatus.DOWN, False, 0)
        assert reading.since_ns == world.reading().since_ns


def test_a_recovering_path_goes_on_recovering_where_it_was() -> None:
    with World(path_spec()) as world:
        world.script(SILENCE).live(10).script(ANSWERS).live(5)
        monitor = successor(world)
        reading = monitor.evaluate(world.clock.monotonic_ns())
        assert reading.reason is Reason.RECOVERING
        assert reading.settled == world.engine.paths[1].targets[0].window.settled


def test_a_death_after_the_hand_over_forgets_the_predecessors_answers_too() -> None:
    with World(path_spec()) as world:
        world.live(30)
        monitor, target = successor(world), successor(world).targets[0]
        monitor.targets[0] = target
        at_ns = world.clock.monotonic_ns()
        for _ in range(6):
            at_ns += SECOND // 2
            probe = Probe(target, target.window.open(at_ns), at_ns, probe_id=0)
            target.lost(probe, SILENCE.outcome, "", at_ns + SECOND)
        assert target.window.metrics().packet_loss_pct == 100


@pytest.mark.parametrize(
    "changes", [{"dscp": 46}, {"targets": (TargetSpec(100, "192.0.2.99"),)}], ids=["dscp", "target"]
)
def test_other_packets_take_nothing_over(changes: dict[str, object]) -> None:
    with World(path_spec()) as world:
        world.live(30)
        monitor = successor(world, **changes)
        assert monitor.status is PathStatus.UNKNOWN
        assert len(monitor.targets[0].window) == 0


def test_a_path_that_the_predecessor_did_not_know_begins_anew() -> None:
    with World(path_spec()) as world:
        world.live(30)
        monitor = successor(world, uid="another")
        assert len(monitor.targets[0].window) == 0


@pytest.mark.parametrize(
    ("age_ns", "boot_id", "changes", "valid"),
    [
        (0, "this boot", {}, True),
        (checkpoint.VALID_NS, "this boot", {}, True),
        (checkpoint.VALID_NS + 1, "this boot", {}, False),
        (-1, "this boot", {}, False),
        (0, "another boot", {}, False),
        (0, "this boot", {"version": 99}, False),
        (0, "this boot", {"at_ns": "yesterday"}, False),
        (0, "this boot", {"at_ns": None}, False),
        (0, "this boot", {"paths": []}, False),
        (0, "this boot", {"observers": []}, False),
    ],
)
def test_a_checkpoint_is_good_for_five_seconds_of_this_boot(
    age_ns: int, boot_id: str, changes: dict[str, object], valid: bool
) -> None:
    with World(path_spec()) as world:
        left = left_by(world.live(1)) | changes
        now_ns = world.clock.monotonic_ns() + age_ns
        assert checkpoint.is_valid(left, now_ns=now_ns, boot_id=boot_id) is valid


@pytest.mark.parametrize("content", [[], None, "text", 7])
def test_what_is_no_checkpoint_is_not_valid(content: object) -> None:
    assert not checkpoint.is_valid(content, now_ns=0, boot_id="this boot")
