"""The engine without database and Django: ``python -m bench.probing.bare_engine`` as a child.

Probes the addresses it reads from standard input and prints one JSON object. A
process of its own, so that its CPU time and its faults are its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.engine.loop import ProbeEngine
from health.probers.base import Reply
from health.probers.icmp import IcmpProber


class CountingProber(IcmpProber):
    """The real prober, with a count of how probes ended, independent of the engine's own.

    ``rtts_ns`` collects (sequence on the wire, RTT) while it is a list.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answered = 0
        self.refused = 0
        self.given_up = 0
        self.rtts_ns: list[tuple[int, int]] | None = None

    def receive(self) -> list[Reply]:
        """Replies of the real prober, counted on their way."""
        replies = super().receive()
        for reply in replies:
            if reply.rtt_ns is None:
                self.refused += 1
                continue
            self.answered += 1
            if self.rtts_ns is not None:
                self.rtts_ns.append((reply.probe_id & 0xFFFF, reply.rtt_ns))
        return replies

    def forget(self, probe_id: int) -> None:
        """A probe that the engine gives up is lost."""
        self.given_up += 1
        super().forget(probe_id)


def path_specs(
    addresses: Sequence[str], interval_ms: int, timeout_ms: int = 1000
) -> list[PathSpec]:
    """One path with one target for each address."""
    timing = ProbeTiming(
        interval_ms=interval_ms,
        timeout_ms=timeout_ms,
        burst_ms=50,
        hold_ms=500,
        window_secs=60,
    )
    return [
        PathSpec(n, str(n), address, "icmp", (TargetSpec(n, address),), 1, timing, SlaLimits())
        for n, address in enumerate(addresses, start=1)
    ]


@dataclass(frozen=True, slots=True)
class EngineRun:
    """What one run of the engine came to; CPU is that between warm-up and end."""

    cpu_secs: float
    sent: int
    failures: dict[str, int]
    given_up: int
    answered: int
    overruns: int
    rejected: dict[str, int]
    alive: int
    statuses: dict[str, int]


def run_engine(
    engine: ProbeEngine, prober: CountingProber, *, warm_up_secs: float, secs: float
) -> EngineRun:
    """Let ``engine`` run and sum up."""
    turn_for(engine, warm_up_secs)
    before, sent_before = _own_cpu_secs(), engine.sent_total
    turn_for(engine, secs)
    spent, sent = _own_cpu_secs() - before, engine.sent_total - sent_before
    failures: Counter[str] = Counter()
    for path in engine.paths.values():
        failures.update(path.failures)
    return EngineRun(
        cpu_secs=spent,
        sent=sent,
        failures=dict(failures),
        given_up=prober.given_up,
        answered=prober.answered,
        overruns=engine.overruns,
        rejected={str(reason): count for reason, count in prober.rejected.items()},
        alive=sum(bool(reading.reachable) for reading in engine.readings.values()),
        statuses=dict(Counter(str(reading.status) for reading in engine.readings.values())),
    )


def turn_for(engine: ProbeEngine, secs: float) -> None:
    """Let the engine work for ``secs`` (``run`` would close it at its end)."""
    ends_at = time.monotonic() + secs
    while time.monotonic() < ends_at:
        engine.turn()


def _own_cpu_secs() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Run as the options say; the addresses come on standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--interval-ms", type=int, default=1000)
    parser.add_argument("--timeout-ms", type=int, default=1000)
    parser.add_argument("--warm-up", type=float, default=15.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    addresses = sys.stdin.read().split()
    prober = CountingProber()
    engine = ProbeEngine({"icmp": prober})
    engine.configure(path_specs(addresses, options.interval_ms, options.timeout_ms))
    done = run_engine(engine, prober, warm_up_secs=options.warm_up, secs=options.seconds)
    print(json.dumps(asdict(done)))


if __name__ == "__main__":
    main()
