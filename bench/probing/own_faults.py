"""P6: faults of this host are not loss. The monitor is stopped for 3 s, five times; CPU hogs.

All targets answer all the time, after 90 ms, so every loss and every change of status is false.
The same is done to icmplib with a hundred of the targets, each probed 100 ms after
its last answer, so that probes are under way about half of the time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from bench.probing.installation import Installation
from bench.probing.network import enter_private_network
from bench.probing.slow_line import slow_addresses, slow_line
from bench.report import Figure, median_figure, report

STOP_SECS = 3.0
PAUSE_SECS = 4.0
LIBRARY_HOSTS = 100
HOG = "import sys,time\nends=time.monotonic()+float(sys.argv[1])\nwhile time.monotonic()<ends: pass"
_PROBES = "SELECT SUM(probes_total) FROM sdwan_path_current"
SETTLE_SECS = 20.0
"""Warm-up ends (evidence counts from 30 probes), first statuses are recorded."""


class Harm(NamedTuple):
    """What a fault of this host made the monitor say, against all truth."""

    losses: int
    status_changes: int
    overruns: int


def main() -> None:
    """Stops and hogs, to the monitor and to icmplib."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--paths", type=int, default=500)
    parser.add_argument("--stops", type=int, default=5)
    parser.add_argument("--hog-secs", type=float, default=15.0)
    options = parser.parse_args()
    enter_private_network()
    with (
        slow_line(),
        Installation(options.paths, profile="balanced", slow=True) as place,
    ):
        pid = place.start()
        place.await_measured()
        time.sleep(SETTLE_SECS)
        before = _harm(place)
        _stop_and_go(pid, options.stops)
        stopped = _since(place, before)
        before, counted = _harm(place), place.number(_PROBES)
        with hogs(options.hog_secs):
            time.sleep(options.hog_secs)
            sent = place.number(_PROBES) - counted
        time.sleep(PAUSE_SECS)
        hogged = _since(place, before)
        place.stop()
        addresses = slow_addresses(LIBRARY_HOSTS)
        library_stopped = _icmplib(addresses, stops=options.stops)
        with hogs(options.hog_secs):
            library_hogged = _icmplib(addresses, stops=0)
    report(
        "own_faults",
        [
            *_figures(f"SIGSTOP of 3 s × {options.stops}", stopped),
            *_figures(f"{2 * _cores()} CPU hogs for {options.hog_secs:.0f} s", hogged),
            median_figure("P6 hogs: probes settled meanwhile", [sent], "probes"),
            median_figure(
                f"P6 icmplib, SIGSTOP of 3 s × {options.stops}: false losses",
                [float(library_stopped)],
                "probes",
            ),
            median_figure(
                "P6 icmplib, the same hogs: false losses", [float(library_hogged)], "probes"
            ),
        ],
    )


@contextlib.contextmanager
def hogs(secs: float) -> Iterator[None]:
    """Two processes a core that do nothing but compute; they end by themselves after ``secs``."""
    running = [
        subprocess.Popen([sys.executable, "-c", HOG, str(secs)]) for _ in range(2 * _cores())
    ]
    try:
        yield
    finally:
        for hog in running:
            hog.kill()
            hog.wait()


def _cores() -> int:
    return os.cpu_count() or 1


def _stop_and_go(pid: int, times: int) -> None:
    for _ in range(times):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(STOP_SECS)
        os.kill(pid, signal.SIGCONT)
        time.sleep(PAUSE_SECS)


def _harm(place: Installation) -> Harm:
    return Harm(
        sum(place.failures().values()),
        place.status_changes(),
        int(place.loop_figures().get("overruns", 0)),
    )


def _since(place: Installation, before: Harm) -> Harm:
    after = _harm(place)
    return Harm(*(new - old for new, old in zip(after, before, strict=True)))


def _icmplib(addresses: list[str], *, stops: int) -> int:
    """Losses icmplib reports while it is stopped ``stops`` times, or for about 17 s."""
    needs_secs = PAUSE_SECS + stops * (STOP_SECS + PAUSE_SECS) if stops else 17.0
    child = subprocess.Popen(
        [sys.executable, "-m", "bench.probing.peers", f"--count={int(needs_secs * 5)}",
         "--interval=0.1", f"--tasks={len(addresses)}", "--timeout=1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if child.stdin is not None:
        child.stdin.write("\n".join(addresses))
        child.stdin.close()
        child.stdin = None
    time.sleep(PAUSE_SECS)
    _stop_and_go(child.pid, stops)
    told, _ = child.communicate(timeout=300)
    return int(json.loads(told)["lost"])


def _figures(what: str, harm: Harm) -> list[Figure]:
    return [
        median_figure(f"P6 {what}: false losses", [float(harm.losses)], "probes", "0"),
        median_figure(f"P6 {what}: changes of status", [float(harm.status_changes)], "", "0"),
        median_figure(f"P6 {what}: overruns (void)", [float(harm.overruns)], "probes"),
    ]


if __name__ == "__main__":
    main()
