"""10,000 paths in one loop, on SQLite and on PostgreSQL.

How long a start takes until every path has been measured; how long an unchanged path
goes without a probe while 10,000 others are added, run, are edited and removed (from a packet
capture, not from what the engine says); how long the writer works on a round. Where the
gap is long beside others that merely run, the machine is too busy to tell of edits.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.probing import peers
from bench.probing.installation import Installation
from bench.probing.network import enter_private_network, loopback_addresses
from bench.probing.pcap import capture, read_echoes
from bench.probing.postgres import postgres_server
from bench.report import Figure, median_figure, report

UNCHANGED = 500
"""Paths that run all the time; the first of all by number."""
RELOAD_SECS = 30.0
"""The configuration is looked at about once a second; this is time for it to be taken over."""
WRITES = 10


def main() -> None:
    """The same on both databases."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    options = parser.parse_args()
    peers.need("tcpdump")
    enter_private_network()
    for name in options.databases.split(","):
        with _database(name) as url, Installation(options.paths, database_url=url) as place:
            report("scale", _start_figures(place, name))
            report("scale", _reload_figures(place, name))


@contextlib.contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "sqlite":
        yield ""
        return
    with postgres_server() as url:
        yield url


def _start_figures(place: Installation, name: str) -> list[Figure]:
    began = time.monotonic()
    place.start()
    place.await_measured(1)
    first = time.monotonic() - began
    place.await_measured()
    every = time.monotonic() - began
    time.sleep(5)
    writes = []
    lags = []
    for _ in range(WRITES):
        time.sleep(2)
        figures = place.loop_figures()
        ring = figures.get("ring", {})
        writes.append(float(ring.get("last_write_secs") or 0))
        lags.append(place.number("SELECT lag_secs FROM sdwan_monitor_leases"))
    place.stop()
    paths = f"{place.paths:,} paths"
    return [
        median_figure(f"{name}: start to first measured path", [first], "s"),
        median_figure(f"{name}: start to {paths} measured and written", [every], "s"),
        median_figure(f"{name}: a write of the running loop, median", writes, "s"),
        median_figure(f"{name}: a write of the running loop, worst", [max(writes)], "s"),
        median_figure(f"{name}: lag of the loop, worst seen", [max(lags)], "s"),
    ]


def _reload_figures(place: Installation, name: str) -> list[Figure]:
    """Others are added, edited and removed, all at once each time."""
    others = f"WHERE id > (SELECT MIN(id) FROM sdwan_paths) + {UNCHANGED - 1}"
    place.execute(f"UPDATE sdwan_paths SET enabled = {_false(place)} {others}")
    place.start()
    place.await_measured(UNCHANGED)
    time.sleep(10)
    gaps = {"nothing": _longest_gap(place, 15.0, "")}
    now = "CURRENT_TIMESTAMP" if place.database_url else "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    for what, change in (
        ("adding", f"enabled = {_true(place)}"),
        ("beside", ""),
        ("editing", "dscp = 10"),
        ("removing", f"enabled = {_false(place)}"),
    ):
        statement = (
            f"UPDATE sdwan_paths SET {change}, updated_at = {now} {others}" if change else ""
        )
        gaps[what] = _longest_gap(place, RELOAD_SECS, statement)
        time.sleep(3)
    overruns = float(place.loop_figures().get("overruns", 0))
    place.stop()
    count = place.paths - UNCHANGED
    return [
        *(
            median_figure(
                f"{name}: longest gap of {UNCHANGED} paths at 1 Hz, {what} {count:,} others",
                [gap],
                "s",
                "≤ 2",
            )
            for what, gap in gaps.items()
        ),
        median_figure(f"{name}: overruns over all of it", [overruns], "probes"),
    ]


def _true(place: Installation) -> str:
    return "true" if place.database_url else "1"


def _false(place: Installation) -> str:
    return "false" if place.database_url else "0"


def _longest_gap(place: Installation, secs: float, statement: str) -> float:
    """The longest time between two probes of one unchanged path while ``statement`` works."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "probes.pcap"
        with capture("lo", file, "icmp[0] == 8"):
            if statement:
                place.execute(statement)
            time.sleep(secs)
        watched = set(loopback_addresses(UNCHANGED))
        sent: dict[str, list[int]] = defaultdict(list)
        for echo in read_echoes(file):
            if echo.host in watched:
                sent[echo.host].append(echo.at_ns)
    if len(sent) != UNCHANGED:
        raise RuntimeError(f"only {len(sent)} of {UNCHANGED} unchanged paths were probed")
    return max(
        (after - before) / 1e9
        for times in sent.values()
        for before, after in itertools.pairwise(times)
    )


if __name__ == "__main__":
    main()
