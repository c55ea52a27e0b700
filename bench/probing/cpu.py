"""P1 and P2: CPU per probe of the whole monitor, beside fping and icmplib.

10,000 ICMP targets on loopback at 1 Hz (P1) and at 2 Hz (P2). The monitor is
``manage.py monitor`` with its database thread writing to SQLite; "bare" is the same
engine without Django, "system calls" the packets alone, without an engine. Probes are
counted by the kernel, for all alike.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable

from bench.probing import peers
from bench.probing.cpu_time import cpu_of, run_measured
from bench.probing.installation import Installation
from bench.probing.network import echo_counts, enter_private_network, loopback_addresses
from bench.report import Figure, median_figure, report

SETTLE_SECS = 15.0
"""Start-up and the first writes of all rows are not what running costs."""
Columns = defaultdict[str, list[float]]


def main() -> None:
    """Interleave the rounds of all, so that the load of the machine hits them alike."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    peers.need("fping")
    enter_private_network()
    addresses = loopback_addresses(options.targets)
    seen: Columns = defaultdict(list)
    with (
        Installation(options.targets) as slow,
        Installation(options.targets, profile="balanced") as fast,
    ):
        for _ in range(options.rounds):
            _monitor_round(slow, options.seconds, seen, "monitor at 1 Hz")
            _peers_round(addresses, seen)
            _bare_round(addresses, options.seconds / 2, seen)
            _floor_round(addresses, options.seconds / 2, seen)
            _monitor_round(fast, options.seconds, seen, "monitor at 2 Hz")
    report("cpu", _figures(seen, options.targets))


def _monitor_round(place: Installation, secs: float, seen: Columns, name: str) -> None:
    """One life of the monitor; CPU of its steady state."""
    pid = place.start()
    place.await_measured()
    time.sleep(SETTLE_SECS)
    failed = sum(place.failures().values())
    counted, spent, began = echo_counts(), cpu_of(pid), time.monotonic()
    time.sleep(secs)
    probes = echo_counts().since(counted).requests
    took, used = time.monotonic() - began, cpu_of(pid).since(spent)
    seen[f"{name}: all threads"].append(used.all_threads / probes * 1e6)
    seen[f"{name}: loop thread"].append(used.first_thread / probes * 1e6)
    seen[f"{name}: loop, share of a core"].append(used.first_thread / took * 100)
    seen[f"{name}: all, share of a core"].append(used.all_threads / took * 100)
    seen[f"{name}: probes/s"].append(probes / took)
    seen[f"{name}: false losses"].append(sum(place.failures().values()) - failed)
    place.stop()


def _bare_round(addresses: list[str], secs: float, seen: Columns) -> None:
    for interval_ms, name in ((1000, "bare engine at 1 Hz"), (500, "bare engine at 2 Hz")):
        _, told, error = run_measured(
            sys.executable, "-m", "bench.probing.bare_engine", f"--interval-ms={interval_ms}",
            f"--seconds={secs}", stdin="\n".join(addresses),
        )  # fmt: skip
        if not told:
            raise RuntimeError(f"the engine failed: {error[-2000:]}")
        done = json.loads(told)
        seen[name].append(done["cpu_secs"] / done["sent"] * 1e6)
        seen[f"{name}: false losses"].append(float(sum(done["failures"].values())))


def _floor_round(addresses: list[str], secs: float, seen: Columns) -> None:
    for interval_ms, name in ((1000, "system calls at 1 Hz"), (500, "system calls at 2 Hz")):
        _, told, error = run_measured(
            sys.executable, "-m", "bench.probing.system_calls", f"--interval-ms={interval_ms}",
            f"--seconds={secs}", stdin="\n".join(addresses),
        )  # fmt: skip
        if not told:
            raise RuntimeError(f"the floor could not be measured: {error[-2000:]}")
        done = json.loads(told)
        seen[name].append(done["cpu_secs"] / done["sent"] * 1e6)


def _peers_round(addresses: list[str], seen: Columns) -> None:
    calls: dict[str, Callable[[], peers.PeerRun]] = {
        "fping burst": lambda: peers.fping(addresses, "-C5", "-i0", "-p1000"),
        "fping paced": lambda: peers.fping(addresses, "-C5", "-i0.1", "-p1000"),
        "icmplib": lambda: peers.icmplib(addresses),
    }
    for name, call in calls.items():
        counted = echo_counts()
        spent_secs = call().cpu_secs
        seen[name].append(spent_secs / echo_counts().since(counted).requests * 1e6)


def _figures(seen: Columns, targets: int) -> list[Figure]:
    def per_round(first: str, second: str) -> list[float]:
        return [a / b for a, b in zip(seen[first], seen[second], strict=True)]

    slow, fast = "monitor at 1 Hz", "monitor at 2 Hz"
    ours = f"{slow}: all threads"
    whole = f"P1 {targets:,} targets 1 Hz, monitor with database"
    return [
        median_figure(whole, seen[ours], "µs/probe"),
        median_figure("P1 its loop thread alone", seen[f"{slow}: loop thread"], "µs/probe"),
        median_figure("P1 bare engine, no database", seen["bare engine at 1 Hz"], "µs/probe"),
        median_figure("P1 system calls alone", seen["system calls at 1 Hz"], "µs/probe"),
        median_figure("P1 fping -C5 -i0 -p1000 (burst)", seen["fping burst"], "µs/probe"),
        median_figure("P1 fping -C5 -i0.1 -p1000 (paced)", seen["fping paced"], "µs/probe"),
        median_figure("P1 icmplib async_multiping, 50 tasks", seen["icmplib"], "µs/probe"),
        median_figure("P1 monitor / fping burst", per_round(ours, "fping burst"), "×", "≤ 2"),
        median_figure("P1 monitor / fping paced", per_round(ours, "fping paced"), "×", "< 1"),
        median_figure("P1 monitor / icmplib", per_round(ours, "icmplib"), "×", "≤ 0.2"),
        median_figure(
            "P1 bare engine / fping burst", per_round("bare engine at 1 Hz", "fping burst"), "×"
        ),
        median_figure("P1 false losses", seen[f"{slow}: false losses"], "probes", "0"),
        median_figure("P2 sustained", seen[f"{fast}: probes/s"], "probes/s", "≥ 20,000"),
        median_figure(
            "P2 loop thread", seen[f"{fast}: loop, share of a core"], "% of a core", "≤ 25"
        ),
        median_figure("P2 all threads", seen[f"{fast}: all, share of a core"], "% of a core"),
        median_figure("P2 bare engine at 2 Hz", seen["bare engine at 2 Hz"], "µs/probe"),
        median_figure(
            "P2 system calls alone, share of a core at 20,000/s",
            [micros * 20_000 / 1e6 * 100 for micros in seen["system calls at 2 Hz"]],
            "% of a core",
        ),
        median_figure("P2 false losses", seen[f"{fast}: false losses"], "probes", "0"),
    ]


if __name__ == "__main__":
    main()
