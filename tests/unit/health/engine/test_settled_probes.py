"""Single probes for those who attend to a path: base probes only, in order, and once each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise

import orjson
import pytest

from health.domain.path_spec import ProbeTiming, SlaLimits
from health.domain.reading import Settled, TargetProbes
from health.domain.uplink_state import LinkState, UplinkState
from health.engine import checkpoint
from health.engine.observers import RecordingObserver
from tests.unit.health.engine.worlds import (
    ANSWERS,
    MS,
    SECOND,
    SILENCE,
    Behaviour,
    Outcome,
    RiggedWorld,
    World,
    path_spec,
)

SLOW = ProbeTiming(interval_ms=4_000, timeout_ms=1_000, burst_ms=100, hold_ms=500)


class Attentive(RecordingObserver):
    """Attends to the given paths and keeps what it is told of their probes."""

    def __init__(self, *keys: int) -> None:
        super().__init__()
        self.keys: Collection[int] = keys

    def attends(self) -> Collection[int]:
        return self.keys

    def probes(self, key: int = 1, *, target: int = 0, since: int = 0) -> list[TargetProbes]:
        return [one.probes[key][target] for one in self.rounds[since:] if key in one.probes]

    def settled(self, key: int = 1, *, target: int = 0, since: int = 0) -> list[Settled]:
        return [
            probe for told in self.probes(key, target=target, since=since) for probe in told.settled
        ]


def test_every_base_probe_is_told_once_in_order_with_its_round_trip_time() -> None:
    attentive = Attentive(1)
    with World(path_spec(), observers=(attentive,)) as world:
        world.live(1.1)
        sent = len(world.prober.sent)
        world.live(10)
        told = attentive.settled()
        assert told == sorted(told)
        assert {probe.rtt_ns for probe in told} == {20 * MS}
        times = [probe.at_ns for probe in world.prober.sent]
        assert [probe.sent_ns for probe in told] == times[sent : sent + len(told)]
        assert len(told) >= 18


def test_paths_that_nobody_attends_to_keep_no_probes() -> None:
    attentive = Attentive(2)
    with World(path_spec(1), path_spec(2), observers=(attentive,)) as world:
        world.live(5)
        assert {key for one in attentive.rounds for key in one.probes} == {2}
        assert world.engine.paths[1].targets[0].settled is None
        attentive.keys = (1,)
        world.live(2)
        assert attentive.rounds[-1].probes.keys() == {1}
        assert world.engine.paths[2].targets[0].settled is None


def test_a_lost_probe_is_told_without_a_round_trip_time_and_a_late_answer_with_it() -> None:
    attentive = Attentive(1)
    with World(path_spec(timing=SLOW), observers=(attentive,)) as world:
        world.live(20).script(SILENCE)
        sent, since = len(world.prober.sent), len(attentive.rounds)
        while len(world.prober.sent) == sent:
            world.live(0.01)
        world.live(0.3).script(Behaviour(after_ms=400)).live(10)
        assert [probe.rtt_ns for probe in attentive.settled(since=since)][:2] == [None, 400 * MS]


def test_confirmation_probes_are_not_told() -> None:
    attentive = Attentive(1)
    with World(path_spec(timing=SLOW), observers=(attentive,)) as world:
        world.live(20).script(SILENCE).live(4.3).script(ANSWERS).live(10)
        told = [probe.sent_ns for probe in attentive.settled()]
        gaps = [later - earlier for earlier, later in pairwise(told)]
        assert min(gaps) >= 3 * SECOND
        assert len(world.prober.sent) > len(told) + 2


@pytest.mark.parametrize("outcome", [Outcome.DENIED, Outcome.CONGESTED, Outcome.MISCONFIGURED])
def test_a_fault_of_this_host_is_no_probe(outcome: Outcome) -> None:
    attentive = Attentive(1)
    with World(path_spec(), observers=(attentive,)) as world:
        world.live(10)
        since = len(attentive.rounds)
        world.live(1).script(Behaviour(outcome)).live(5)
        assert len(attentive.settled(since=since)) <= 4
        assert None not in [probe.rtt_ns for probe in attentive.settled()]


def test_an_interface_that_is_down_is_a_restart_and_no_loss() -> None:
    attentive = Attentive(1)
    with RiggedWorld(path_spec(uplink=1), observers=(attentive,)) as world:
        world.uplinks(UplinkState(1, LinkState.UP)).live(10)
        since = len(attentive.rounds)
        world.uplinks(UplinkState(1, LinkState.DOWN, detail="wan1 is down")).live(5)
        assert attentive.settled(since=since) == []
        assert [told.restarted for told in attentive.probes(since=since)].count(True) == 1


def test_void_probes_are_not_told() -> None:
    attentive = Attentive(1)
    with World(path_spec(), observers=(attentive,)) as world:
        world.live(10).script(SILENCE)
        world.stall(30).script(ANSWERS).live(5)
        assert None not in [probe.rtt_ns for probe in attentive.settled()]


def test_a_death_and_a_return_are_restarts_and_what_was_before_is_left_out() -> None:
    attentive = Attentive(1)
    with World(path_spec(), observers=(attentive,)) as world:
        world.live(10)
        assert [told.restarted for told in attentive.probes()].count(True) == 1  # the beginning
        since = len(attentive.rounds)
        world.script(SILENCE).live(5)
        assert [told.restarted for told in attentive.probes(since=since)].count(True) == 1
        assert {probe.rtt_ns for probe in attentive.settled(since=since + 1)} == {None}
        since = len(attentive.rounds)
        world.script(ANSWERS).live(5)
        told = attentive.probes(since=since)
        restart = [one.restarted for one in told].index(True)
        after = [probe.rtt_ns for one in told[restart:] for probe in one.settled]
        assert after
        assert None not in after


def test_a_death_is_told_at_once_with_its_restart() -> None:
    attentive = Attentive(1)
    with World(path_spec(), observers=(attentive,)) as world:
        world.live(10).script(SILENCE)
        while world.reading().reachable:
            world.live(0.01)
        assert attentive.rounds[-1].probes[1][0].restarted


def test_an_edit_of_what_is_sent_is_a_restart_and_one_of_the_limits_is_none() -> None:
    attentive = Attentive(1)
    with World(path_spec(), observers=(attentive,)) as world:
        world.live(10)
        since = len(attentive.rounds)
        world.engine.submit([path_spec(limits=SlaLimits(latency_ms=50))])
        world.live(5)
        assert not any(told.restarted for told in attentive.probes(since=since))
        world.engine.submit([path_spec(addresses=("192.0.2.9",))])
        world.live(5)
        assert [told.restarted for told in attentive.probes(since=since)].count(True) == 1
        assert attentive.probes()[-1].settled


def test_each_target_is_told_of_by_itself_and_who_is_blamed_says_so() -> None:
    attentive = Attentive(1, 2)
    shared = "192.0.2.50"
    specs = [path_spec(key, addresses=(f"192.0.2.{key}", shared)) for key in (1, 2)]
    with World(*specs, observers=(attentive,)) as world:
        world.live(10).script(SILENCE, shared).live(10)
        own, common = attentive.rounds[-1].probes[1]
        assert (own.target, own.blamed) == (100, False)
        assert (common.target, common.blamed) == (101, True)
        assert {probe.rtt_ns for probe in common.settled} == {None}
        assert {probe.rtt_ns for probe in own.settled} == {20 * MS}


def test_a_path_judged_twice_in_a_round_is_told_of_once() -> None:
    attentive = Attentive(1)
    with World(path_spec(), observers=(attentive,)) as world:
        world.live(10)
        world.live(0.98)
        world.clock.advance(0.05)
        world.engine._rounds.call(world.engine.paths[1])
        since = len(attentive.rounds)
        world.engine.turn()
        assert len(attentive.rounds) == since + 1
        assert len(attentive.rounds[-1].judged) == 2
        assert len(attentive.settled(since=since)) >= 1


def test_windows_that_were_handed_over_are_no_restart() -> None:
    attentive = Attentive(1)
    with World(path_spec()) as world:
        world.live(30)
        left = orjson.loads(
            orjson.dumps(checkpoint.take(world.engine.paths, now_ns=0, boot_id="this boot"))
        )
    with World(
        path_spec(),
        observers=(attentive,),
        restore=lambda monitor: checkpoint.restore(left, monitor),
    ) as world:
        world.live(5)
        assert not any(told.restarted for told in attentive.probes())


def test_a_path_that_was_away_begins_with_a_restart() -> None:
    attentive = Attentive(1)
    with World(path_spec(), path_spec(2), observers=(attentive,)) as world:
        world.live(10)
        world.engine.submit([replace(path_spec(2))])
        world.live(3)
        since = len(attentive.rounds)
        world.engine.submit([path_spec(), path_spec(2)])
        world.live(3)
        assert attentive.probes(since=since)[0].restarted
