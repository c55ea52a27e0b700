"""Memory and descriptors of the monitor over half an hour: 1,000 paths, one line a minute.

``python -m bench.probing.soak --minutes 5`` for less.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import NamedTuple

import psutil

from bench.probing.installation import Installation
from bench.probing.network import enter_private_network
from bench.report import median_figure, report


class Look(NamedTuple):
    """One look at the monitor."""

    resident_mb: float
    descriptors: int
    threads: int
    failures: int
    overruns: int


def main() -> None:
    """Look each minute; the growth counts from the eighth (or after a quarter of the time)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--paths", type=int, default=1_000)
    options = parser.parse_args()
    enter_private_network()
    with Installation(options.paths, profile="balanced") as place:
        process = psutil.Process(place.start())
        place.await_measured()
        looks = []
        for minute in range(1, options.minutes + 1):
            time.sleep(60)
            looks.append(_look(place, process))
            print(f"  minute {minute:3}: {looks[-1]} load {os.getloadavg()[0]:.1f}", flush=True)
    settled = looks[min(8, max(1, options.minutes // 4)) - 1]
    last = looks[-1]
    growth = last.resident_mb - settled.resident_mb
    report(
        "soak",
        [
            median_figure(f"RSS after {options.minutes} minutes", [last.resident_mb], "MB"),
            median_figure("growth of RSS since it settled", [growth], "MB", "≤ 2"),
            median_figure(
                "growth of open descriptors",
                [float(last.descriptors - settled.descriptors)],
                "",
                "0",
            ),
            median_figure("false losses", [float(last.failures)], "probes", "0"),
            median_figure("overruns", [float(last.overruns)], "probes"),
        ],
    )


def _look(place: Installation, process: psutil.Process) -> Look:
    return Look(
        round(process.memory_info().rss / 1e6, 2),
        process.num_fds(),
        process.num_threads(),
        sum(place.failures().values()),
        int(place.loop_figures().get("overruns", 0)),
    )


if __name__ == "__main__":
    main()
