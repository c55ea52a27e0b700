"""CPU per probe of the engine: 2,000 loopback targets at 1 Hz, beside fping and icmplib.

CPU time by getrusage, so that the load of the machine changes ratios little.
Peers run where they are installed: fping from Debian, icmplib is a dependency.
"""

from __future__ import annotations

import asyncio
import resource
import shutil
import subprocess
import time

from icmplib import async_multiping

from bench.report import Figure, median_figure, report
from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.engine.loop import ProbeEngine
from health.probers.icmp import IcmpProber

TARGETS = 2_000
SECONDS = 5.0
ROUNDS = 3
ADDRESSES = [f"127.0.{1 + n // 250}.{1 + n % 250}" for n in range(TARGETS)]


def cpu_secs(who: int = resource.RUSAGE_SELF) -> float:
    """User and system time spent so far."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def engine_round() -> tuple[float, int]:
    """(CPU µs per probe, probes lost) of one run of the engine."""
    timing = ProbeTiming(interval_ms=1000, timeout_ms=1000, burst_ms=50, hold_ms=500)
    specs = [
        PathSpec(n, str(n), address, "icmp", (TargetSpec(n, address),), 1, timing, SlaLimits())
        for n, address in enumerate(ADDRESSES)
    ]
    engine = ProbeEngine({"icmp": IcmpProber()})
    engine.configure(specs)
    ends_at = time.monotonic() + SECONDS
    began = cpu_secs()
    engine.run(lambda: time.monotonic() >= ends_at)
    spent = cpu_secs() - began
    lost = sum(sum(path.failures.values()) for path in engine.paths.values())
    engine.probers["icmp"].close()
    return spent / engine.sent_total * 1e6, lost


def fping_round(*options: str) -> float:
    """CPU µs per probe of fping with ``options``."""
    command = ["fping", "-q", *options, "-f", "-"]
    began = cpu_secs(resource.RUSAGE_CHILDREN)
    subprocess.run(command, input="\n".join(ADDRESSES), text=True, capture_output=True, check=False)
    return (cpu_secs(resource.RUSAGE_CHILDREN) - began) / (TARGETS * 5) * 1e6


def icmplib_round() -> float:
    """CPU µs per probe of icmplib with 50 tasks, on a tenth of the targets."""
    began = cpu_secs()
    asyncio.run(
        async_multiping(ADDRESSES[: TARGETS // 10], count=5, interval=0, concurrent_tasks=50)
    )
    return (cpu_secs() - began) / (TARGETS // 10 * 5) * 1e6


def main() -> None:
    """Interleave the rounds of all, so that the load hits them alike."""
    has_fping = shutil.which("fping") is not None
    ours, losses, burst, paced, library = [], [], [], [], []
    for _ in range(ROUNDS):
        microseconds, lost = engine_round()
        ours.append(microseconds)
        losses.append(float(lost))
        library.append(icmplib_round())
        if has_fping:
            burst.append(fping_round("-C5", "-i0", "-p1000"))
            paced.append(fping_round("-C5", "-i0.4", "-p1000"))
    figures: list[Figure] = [
        median_figure("engine, 2,000 targets at 1 Hz", ours, "µs/probe"),
        median_figure("engine, probes lost", losses, "probes", "0"),
        median_figure("icmplib async_multiping, raw, 50 tasks", library, "µs/probe"),
    ]
    if has_fping:
        figures.append(median_figure("fping in a burst", burst, "µs/probe"))
        figures.append(median_figure("fping paced", paced, "µs/probe"))
    report("engine", figures)


if __name__ == "__main__":
    main()
