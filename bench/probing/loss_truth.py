"""P4: losses counted against the kernel's own counter of random drops.

nftables drops a share of the echo replies at random and counts them; engine,
fping and icmplib say how many probes they lost. Right is: exactly as many. The
engine's probes include those of bursts, which are in the books of no path.
"""

from __future__ import annotations

import argparse

from bench.probing import peers
from bench.probing.bare_engine import CountingProber, path_specs, turn_for
from bench.probing.network import DropRule, enter_private_network, loopback_addresses
from bench.report import Figure, median_figure, report
from health.engine.loop import ProbeEngine

Counts = list[tuple[int, int]]
"""(lost as told, dropped by the kernel) of each round."""


def main() -> None:
    """Engine, fping and icmplib in turns under the same rule."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--drop-pct", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    peers.need("fping", "nft")
    enter_private_network()
    addresses = loopback_addresses(options.targets)
    rule = f"icmp type echo-reply numgen random mod 100 < {options.drop_pct}"
    ours: Counts = []
    books: list[float] = []
    burst: Counts = []
    few: Counts = []
    many: Counts = []
    for _ in range(options.rounds):
        given_up, booked, dropped = _engine_round(addresses, options.seconds, rule)
        ours.append((given_up, dropped))
        books.append(float(booked))
        with DropRule(rule) as drop:
            burst.append((peers.fping(addresses, "-C10", "-i0", "-p1000").lost, drop.dropped))
        for tasks, counts in ((50, few), (200, many)):
            with DropRule(rule) as drop:
                done = peers.icmplib(addresses[:500], tasks=tasks, privileged=True)
                counts.append((done.lost, drop.dropped))
    report(
        "loss_truth",
        [
            *_figures("engine, bursts included", ours, "0"),
            median_figure("P4 engine: of these base probes, in the books", books, "probes"),
            *_figures("fping burst", burst),
            *_figures("icmplib raw, 500 targets, 50 tasks", few),
            *_figures("icmplib raw, 500 targets, 200 tasks", many),
        ],
    )


def _engine_round(addresses: list[str], secs: float, rule: str) -> tuple[int, int, int]:
    """(probes given up, losses booked for paths, dropped by the kernel)."""
    prober = CountingProber()
    engine = ProbeEngine({"icmp": prober})
    engine.configure(path_specs(addresses, 500))
    with DropRule(rule) as drop:
        turn_for(engine, secs)
        drop.stop()
        turn_for(engine, 2.5)  # until every probe that was dropped has timed out
        dropped = drop.dropped
    booked = sum(sum(path.failures.values()) for path in engine.paths.values())
    prober.close()
    return prober.given_up, booked, dropped


def _figures(name: str, counts: Counts, must: str = "") -> list[Figure]:
    wrong = [float(abs(told - dropped)) for told, dropped in counts]
    return [
        median_figure(f"P4 {name}: lost", [float(told) for told, _ in counts], "probes"),
        median_figure(
            f"P4 {name}: dropped by the kernel", [float(true) for _, true in counts], "probes"
        ),
        median_figure(f"P4 {name}: worst difference", [max(wrong)], "probes", must),
    ]


if __name__ == "__main__":
    main()
