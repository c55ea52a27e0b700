"""The way there and back, as the loop enters it: every packet of a session, bursts included."""

from __future__ import annotations

import orjson

from health.domain.directions import NO_DIRECTIONS, DirectionStamps
from health.engine import checkpoint
from health.engine.fakes import ScriptedProber
from health.engine.path_monitor import PathMonitor
from health.probers.base import Reply
from tests.unit.health.engine.rigged import MadeLane, RiggedProber
from tests.unit.health.engine.worlds import ANSWERS, SILENCE, RiggedWorld, World, path_spec

HALF_NS = 10_000_000


class Session(RiggedProber):
    """A stateful reflector 10 ms away; what is silent is lost on the way back."""

    sequence = 0
    sequences: dict[int, int]

    def send(self, lane: MadeLane, timeout_ns: int) -> int:  # type: ignore[override] # other lanes
        probe_id = super().send(lane, timeout_ns)
        if not hasattr(self, "sequences"):
            self.sequences = {}
        self.sequences[probe_id] = self.sequence
        self.sequence += 1
        return probe_id

    def receive(self) -> list[Reply]:
        return [
            reply._replace(
                directions=DirectionStamps(
                    self.sequences[reply.probe_id],
                    self.sequences[reply.probe_id],  # it counts all that we have sent
                    HALF_NS,
                    HALF_NS,
                )
            )
            for reply in super().receive()
        ]


class SessionWorld(RiggedWorld):
    """A world with such a reflector."""

    def make_prober(self) -> RiggedProber:
        return Session(self.clock)


def test_a_session_counts_its_burst_probes_so_that_the_direction_of_a_loss_is_right() -> None:
    with SessionWorld(path_spec()) as world:
        world.live(30).script(SILENCE)
        before = len(world.prober.sent)
        while len(world.prober.sent) < before + 4:  # a base probe and three of its burst
            world.live(0.01)
        world.script(ANSWERS).live(20)
        directions = world.reading().directions
        assert directions.forward_loss_pct == 0
        assert directions.backward_loss_pct is not None
        reading = world.reading()
        assert reading.packet_loss_pct is not None
        assert abs(directions.backward_loss_pct - reading.packet_loss_pct) < 0.3
        assert (directions.forward_jitter_ms, directions.backward_jitter_ms) == (0, 0)


def test_the_directions_of_a_slot_are_in_its_sample() -> None:
    with SessionWorld(path_spec()) as world:
        world.live(41)
        assert world.samples[-1].forward_loss_pct == 0
        assert world.samples[-1].backward_loss_pct == 0


def test_a_kind_without_directions_tells_none_and_pays_for_none() -> None:
    with World(path_spec()) as world:
        world.live(30)
        assert type(world.prober) is ScriptedProber
        assert world.reading().directions is NO_DIRECTIONS
        assert world.engine.paths[1].targets[0]._directions is None
        assert world.samples[-1].forward_loss_pct is None


def test_a_successor_takes_over_learned_hold_and_learned_round_trip_time() -> None:
    with World(path_spec()) as world:
        world.live(60).script(SILENCE).live(3).script(ANSWERS).live(30)
        now_ns = world.clock.monotonic_ns()
        left = orjson.loads(
            orjson.dumps(checkpoint.take(world.engine.paths, now_ns=now_ns, boot_id="b"))
        )
        before = world.engine.paths[1]
        after = PathMonitor(before.spec, now_ns)
        checkpoint.restore(left, after)
        old, new = before.targets[0], after.targets[0]
        assert new.liveness.hold_now_ns(now_ns) == 2 * before.spec.timing.hold_ns
        assert (new.rtt.srtt_ns, new.rtt.rttvar_ns) == (old.rtt.srtt_ns, old.rtt.rttvar_ns)
        assert new.rtt.tau_ns == old.rtt.tau_ns
        assert new.liveness.record() == old.liveness.record()
        assert new.window.metrics() == old.window.metrics()
        assert (new.checked_ns, new.answered_ns) == (old.checked_ns, old.answered_ns)
        assert new.recovering == old.recovering
        # And learns the hold off again as the predecessor would have.
        two_hours_ns = 7_200_000_000_000
        assert new.liveness.hold_now_ns(now_ns + two_hours_ns) == before.spec.timing.hold_ns
