"""The simulator's driver comes to the judgements of the real loop, probe by probe."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from bench.detector.network import FAIR, Network, Weather, fair_until
from bench.detector.probed_path import ProbedPath
from bench.detector.profiles import PROFILES, Base, Profile
from health.domain.reading import PathReading, TargetProbes
from health.engine.clock import FakeClock
from health.engine.fakes import ANSWERS, SILENCE, Behaviour, ScriptedProber
from health.engine.loop import ProbeEngine
from health.engine.observers import Round, RoundObserver
from health.engine.timer_wheel import TICK_NS
from health.probers.base import WireTarget

SECOND_NS = 1_000_000_000
START_NS = 1_000 * SECOND_NS
LASTS_SECS = 100
FAULT_NS = START_NS + 40 * SECOND_NS
REPAIR_NS = START_NS + 60 * SECOND_NS


class PatternedNetwork(Network):
    """Answers after the same time always; what is lost depends on the moment alone."""

    def __init__(self, lost_of_ten: int, weather: Weather) -> None:
        super().__init__("patterned", Base(20.0, 0.0), fair_until(FAULT_NS, weather))
        self.lost_of_ten = lost_of_ten

    def rtt_ns(self, now_ns: int) -> int | None:
        if not FAULT_NS <= now_ns < REPAIR_NS:
            return 20_000_000
        # Knuth's multiplicative hash: looks random, and is the same for both.
        if (now_ns // TICK_NS * 2_654_435_761) % 2**32 * 10 // 2**32 < self.lost_of_ten:
            return None
        return super().rtt_ns(now_ns)


class NetworkProber(ScriptedProber):
    """Lets a made-up line answer."""

    def __init__(self, clock: FakeClock, network: Network) -> None:
        super().__init__(clock, kind="stamp")
        self.network, self.clock = network, clock

    def send(self, target: WireTarget, timeout_ns: int) -> int:
        rtt_ns = self.network.rtt_ns(self.clock.monotonic_ns())
        behaviour = SILENCE if rtt_ns is None else Behaviour(after_ms=rtt_ns / 1e6)
        self.script(target.address, behaviour)
        try:
            return super().send(target, timeout_ns)
        finally:
            self.script(target.address, ANSWERS)


Judged = dict[int, tuple[object, ...]]
"""What was judged in each second."""


def essence(reading: PathReading) -> tuple[object, ...]:
    """What a decision may look at."""
    return (
        reading.status,
        reading.reason,
        reading.reachable,
        reading.score,
        reading.settled,
        reading.received,
        reading.latency_ms,
        reading.answers_in_a_row,
        reading.loss_run,
    )


class Listener(RoundObserver):
    """Notes each second's reading, the moments of life and death, and all probes."""

    def __init__(self) -> None:
        self.judged: Judged = {}
        self.turns_of_life: list[int] = []
        self.probes: list[tuple[int, int | None]] = []
        self._reachable: bool | None = None

    def note(self, at_ns: int, reading: PathReading, probes: Collection[TargetProbes]) -> None:
        """Take one judgement in."""
        self.probes += [probe for target in probes for probe in target.settled]
        if at_ns % SECOND_NS == 0:
            self.judged[at_ns] = essence(reading)
        if reading.reachable is not self._reachable:
            self._reachable = reading.reachable
            self.turns_of_life.append(at_ns)

    # --- as an observer of the engine -----------------------------------------------------
    def on_round(self, finished: Round) -> None:
        self.note(finished.at_ns, finished.readings[1], finished.probes.get(1, ()))

    def attends(self) -> Collection[int]:
        return (1,)


def by_the_engine(profile: Profile, network: Network) -> Listener:
    clock, listener = FakeClock(monotonic_ns=START_NS), Listener()
    prober = NetworkProber(clock, network)
    engine = ProbeEngine(
        {"stamp": prober}, observers=(listener,), clock=clock, random_fraction=lambda: 0.5
    )
    try:
        engine.configure([profile.spec()])
        for _ in range(LASTS_SECS * SECOND_NS // TICK_NS):
            clock.advance(TICK_NS / SECOND_NS)
            engine.turn()
    finally:
        engine.close()
        prober.close()
    return listener


def by_the_driver(profile: Profile, network: Network) -> Listener:
    listener = Listener()
    path = ProbedPath(profile.spec(), network, lambda: 0.5, START_NS)
    next_round_ns, end_ns = START_NS + SECOND_NS, START_NS + LASTS_SECS * SECOND_NS
    while next_round_ns <= end_ns:
        at_ns = path.go_on_until(next_round_ns)
        if at_ns is None:
            at_ns, next_round_ns = next_round_ns, next_round_ns + SECOND_NS
        listener.note(at_ns, path.monitor.evaluate(at_ns), path.monitor.take_probes())
    return listener


@pytest.mark.parametrize(
    ("profile", "lost_of_ten", "weather"),
    [
        ("realtime", 10, FAIR),
        ("realtime", 4, FAIR),
        ("balanced", 10, FAIR),
        ("balanced", 3, FAIR),
        ("balanced", 0, Weather(delay_ms=400.0)),
        ("fast", 10, FAIR),
        ("fast", 0, Weather(delay_ms=80.0)),
        ("cellular", 8, FAIR),
    ],
)
def test_the_driver_judges_as_the_loop_does(
    profile: str, lost_of_ten: int, weather: Weather
) -> None:
    loop = by_the_engine(PROFILES[profile], PatternedNetwork(lost_of_ten, weather))
    driver = by_the_driver(PROFILES[profile], PatternedNetwork(lost_of_ten, weather))
    # The engine attends from its first round on; what settled before it is not told.
    untold = len(driver.probes) - len(loop.probes)
    assert 0 <= untold <= SECOND_NS // PROFILES[profile].timing.interval_ns
    assert driver.probes[untold:] == loop.probes
    assert driver.judged == loop.judged
    assert len(driver.turns_of_life) == len(loop.turns_of_life)
    for ours, theirs in zip(driver.turns_of_life, loop.turns_of_life, strict=True):
        assert 0 <= theirs - ours <= TICK_NS
