"""D5: what a switch of the default route costs, and how many packets it loses by itself.

A stream of 10,000 packets a second crosses the branch while its route moves to and fro, in
turns by the executor and by ``ip route replace`` in a process of its own, which verifies
nothing. A stretch as long without a switch says what this machine loses anyhow. Then
the cost with 2,000 prefixes, as routes of their own and as rules into one table.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.failover.stream import Received, result
from bench.report import Figure, report
from failover.executors.base import Route, Selectors
from failover.executors.linux import LinuxExecutor
from tests.functional.failover.executors.branch import HQ, Branch, order
from tests.lab.namespaces import Namespace

RATE = 10_000
PAUSE_SECS = 0.05
NEAR_SECS = 0.02


class Stopwatch:
    """The executor's clock: keeps every reading of one switch."""

    def __init__(self) -> None:
        self.readings: list[float] = []

    def __call__(self) -> float:
        self.readings.append(time.perf_counter())
        return self.readings[-1]

    def take(self) -> tuple[float, float]:
        """Milliseconds of apply and verify with all reading, and of the fence, apart."""
        began, read, fenced, *_, ended = self.readings
        self.readings = []
        fence = fenced - read
        return (ended - began - fence) * 1000.0, fence * 1000.0


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--switches", type=int, default=400, help="half of them by `ip`")
    parser.add_argument("--prefixes", type=int, default=2000)
    options = parser.parse_args()
    branch = Branch(with_hq=True)
    try:
        with TemporaryDirectory() as folder, branch.router.inside():
            figures = measure_stream(branch, Path(folder), options.switches)
            figures += measure_prefixes(Path(folder), options.prefixes)
    finally:
        branch.close()
    report("failover_switch", figures)
    return 0


def measure_stream(branch: Branch, folder: Path, switches: int) -> list[Figure]:
    """The switches under the stream, and the same time without."""
    lan = branch.add_lan(translate=False)
    watch = Stopwatch()
    executor = LinuxExecutor(folder, clock=watch)
    executor.apply(executor.plan(order(1, 1)))
    watch.take()
    secs = switches * (PAUSE_SECS + 0.01) + 1.0
    quiet = with_stream(branch, lan, folder, secs, lambda: time.sleep(secs))
    ours: list[tuple[float, float]] = []
    moments: list[float] = []
    by_ip: list[float] = []
    by_ip_at: list[float] = []

    def switch() -> None:
        time.sleep(0.5)
        for number in range(switches):
            to = 2 - number % 2
            if number // 2 % 2 == 0:
                moments.append(time.monotonic())
                executor.apply(executor.plan(order(to, 2 + number)))
                ours.append(watch.take())
            else:
                by_ip_at.append(time.monotonic())
                began = time.perf_counter()
                words = f"route replace default via 10.{to}.0.1 dev wan{to} metric 50 proto 173"
                subprocess.run(["ip", *words.split()], check=True)
                by_ip.append((time.perf_counter() - began) * 1000.0)
            time.sleep(PAUSE_SECS)

    busy = with_stream(branch, lan, folder, secs, switch)
    near, near_ip = busy.near(moments, NEAR_SECS), busy.near(by_ip_at, NEAR_SECS)
    return [
        *_times("apply and verify", [one for one, _ in ours], "≤ 5 (p95)"),
        *_times("fence, fsynced (commit)", [fence for _, fence in ours]),
        *_times("`ip route replace`, not verified", by_ip),
        Figure("switches by the executor", len(ours), "", 1),
        Figure("packets sent while switching", busy.sent, "", 1),
        Figure("packets lost near a switch by the executor", near, "", len(ours), "0"),
        Figure("packets lost near a switch by `ip`", near_ip, "", len(by_ip)),
        Figure("packets lost in all while switching", len(busy.missing_at), "", 1),
        Figure("packets lost in the same time without switches", len(quiet.missing_at), "", 1),
    ]  # fmt: skip


def with_stream(
    branch: Branch, lan: Namespace, folder: Path, secs: float, work: Callable[[], None]
) -> Received:
    """Do ``work`` while the stream runs; what the receiver missed."""
    assert branch.hq is not None
    stored = folder / "received.json"
    words = [sys.executable, "-m", "bench.failover.stream"]
    with branch.hq.inside():
        receiver = subprocess.Popen(
            [*words, "receive", HQ, str(stored)], stdout=subprocess.PIPE, text=True
        )
    try:
        assert receiver.stdout is not None
        receiver.stdout.readline()
        with lan.inside():
            sender = subprocess.Popen([*words, "send", HQ, str(RATE), str(secs)])
        try:
            work()
        finally:
            sender.wait(secs * 3 + 10)
        receiver.wait(30)
    finally:
        receiver.kill()
        receiver.wait()
    return result(stored)


def measure_prefixes(folder: Path, count: int) -> list[Figure]:
    """A policy of many prefixes: routes of their own, or rules into one table."""
    networks = [f"100.{64 + n // 256}.{n % 256}.0/24" for n in range(count)]
    figures: list[Figure] = []
    for name, routes in (
        ("as routes", tuple(Route(4, network) for network in networks)),
        (
            "by rules into one table",
            tuple(Route(4, table=100, selectors=Selectors(destination=one)) for one in networks),
        ),
    ):
        watch = Stopwatch()
        executor = LinuxExecutor(folder / name, clock=watch)
        times = []
        for generation in range(1, 12):
            executor.apply(executor.plan(order(1 + generation % 2, generation, *routes)))
            times.append(watch.take()[0])
        executor.remove(order(1).policy_uid)
        figures += _times(f"{count} prefixes {name}, apply and verify", times[1:])
    return figures


def _times(name: str, values: list[float], must: str = "") -> list[Figure]:
    ordered = sorted(values)
    p95 = ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
    return [
        Figure(f"{name}, p50", statistics.median(ordered), "ms", len(ordered)),
        Figure(f"{name}, p95", p95, "ms", len(ordered), must),
        Figure(f"{name}, worst", ordered[-1], "ms", len(ordered)),
    ]


if __name__ == "__main__":
    sys.exit(main())
