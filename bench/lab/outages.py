"""D1 and D2 in the lab: what a user's stream misses when a line dies or browns out.

``python -m bench.lab.outages --profile realtime --rounds 10``. Each round has a network and
an installation of its own, warm for longer than the window; a datagram a millisecond goes
from the LAN to head office and the interface of arrival tells the provider.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.report import Figure, report
from tests.lab.product import Product, Wanted, seeded
from tests.lab.stream import Stream
from tests.lab.two_providers import TwoProviders

WARM_SECS = 65.0
"""Longer than the window of every profile used here."""
GIVE_UP_SECS = 150.0
AFTER_SECS = 1.0


class Round(NamedTuple):
    """Seconds from the fault to the first datagram over wan2, and what goes with it."""

    secs: float
    resolution_secs: float
    switches: int


def main() -> int:
    """Measure the rounds of one kind of fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="realtime")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--loss", type=float, default=100.0, help="percent; 100: a blackhole")
    parser.add_argument("--warm", type=float, default=WARM_SECS, help="seconds before the fault")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("The lab makes network namespaces: run it as root.", file=sys.stderr)
        return 1
    rounds: list[Round] = []
    for number in range(options.rounds):
        rounds.append(measure(options.profile, options.loss, options.warm))
        print(f"  round {number + 1}: {rounds[-1]}", flush=True)
    report("outages", _figures(f"{options.profile}, {options.loss:g} % lost", rounds))
    return 0


def measure(profile: str, loss_pct: float, warm_secs: float) -> Round:
    """One network, one fault on wan1."""
    policy = {"executor": "linux", "failback_delay_secs": 3600}
    with (
        tempfile.TemporaryDirectory(prefix="pathwarden-bench-") as folder,
        TwoProviders() as net,
        Product(net, seeded(Path(folder), Wanted(profile=profile, policy=policy))) as product,
    ):
        product.start()
        product.wait_ready()
        time.sleep(warm_secs)
        with Stream(net) as stream:
            time.sleep(0.5)
            if loss_pct >= 100:
                began_ns = net.impair(1, blackhole=True)
            else:
                began_ns = net.impair(1, "up", loss_pct=loss_pct)
            _wait_moved(product)
            time.sleep(AFTER_SECS)
            recording = stream.stop()
        moves = recording.moves()
        secs = (moves[0][0] - began_ns) / 1e9 if moves else float("inf")
        return Round(secs, recording.resolution_ns / 1e9, len(product.switches()))


def _wait_moved(product: Product) -> None:
    """Until the kernel sends the user's packets over wan2, or too long."""
    give_up_at = time.monotonic() + GIVE_UP_SECS
    while product.net.carrying() != 2 and time.monotonic() < give_up_at:
        time.sleep(0.05)


def _figures(name: str, rounds: list[Round]) -> list[Figure]:
    secs = sorted(one.secs for one in rounds)
    count = len(rounds)
    return [
        Figure(f"{name}: until traffic flows on the backup, median", secs[count // 2], "s", count),
        Figure("  95 %", secs[min(count - 1, int(0.95 * count))], "s", count),
        Figure("  worst", secs[-1], "s", count),
        Figure("  switches in a round, most", max(one.switches for one in rounds), "", count, "1"),
        Figure(
            "  resolution of the stream, worst",
            max(one.resolution_secs for one in rounds), "s", count,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
