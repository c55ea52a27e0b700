"""P3: the RTT that is reported against the RTT on the wire, for the engine and for fping.

1,000 targets at 1 Hz behind a veth; tcpdump on the device tells the truth with
nanoseconds. The error of a probe is |reported - wire|.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from bench.probing import peers
from bench.probing.bare_engine import CountingProber, path_specs, turn_for
from bench.probing.network import enter_private_network, far_addresses, far_side
from bench.probing.pcap import Echo, capture, read_echoes
from bench.report import Figure, median_figure, report
from health.engine.loop import ProbeEngine

Errors = list[float]
"""|reported - wire| of each matched probe in microseconds."""


def main() -> None:
    """Engine and fping in turns over the same veth."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    peers.need("fping", "tcpdump")
    enter_private_network()
    addresses = far_addresses(options.targets)
    ours: list[Errors] = []
    theirs: list[Errors] = []
    burst: list[Errors] = []
    with far_side(), tempfile.TemporaryDirectory() as scratch:
        for turn in range(options.rounds):
            file = Path(scratch) / f"{turn}.pcap"
            ours.append(_engine_errors(addresses, options.seconds, file))
            count = f"-C{int(options.seconds)}"
            theirs.append(_fping_errors(addresses, file, count, "-i1", "-p1000"))
            burst.append(_fping_errors(addresses, file, count, "-i0", "-p1000"))
    report(
        "rtt_truth",
        [
            *_figures("engine, 1 Hz", ours, "≤ 5", "≤ 50"),
            *_figures("fping paced -i1 -p1000", theirs),
            *_figures("fping burst -i0 -p1000", burst),
            _ratio("P3 engine / paced fping, p50", ours, theirs, 0.5, "≤ 2"),
            _ratio("P3 engine / paced fping, p99", ours, theirs, 0.99, "≤ 2"),
        ],
    )


def _engine_errors(addresses: list[str], secs: float, file: Path) -> Errors:
    prober = CountingProber()
    engine = ProbeEngine({"icmp": prober})
    engine.configure(path_specs(addresses, 1000))
    turn_for(engine, 2)
    prober.rtts_ns = []
    with capture("near", file, "icmp"):
        turn_for(engine, secs)
        reported = prober.rtts_ns
        prober.rtts_ns = None
    prober.close()
    # All sequences of one run are different: fewer than 65,536 probes leave.
    wire = _wire_rtts_by_sequence(read_echoes(file))
    return [abs(rtt - wire[number]) / 1e3 for number, rtt in reported if number in wire]


def _wire_rtts_by_sequence(echoes: Iterable[Echo]) -> dict[int, int]:
    sent: dict[int, int] = {}
    wire: dict[int, int] = {}
    for echo in echoes:
        if echo.request:
            sent[echo.sequence] = echo.at_ns
        elif echo.sequence in sent:
            wire[echo.sequence] = echo.at_ns - sent[echo.sequence]
    return wire


def _fping_errors(addresses: list[str], file: Path, *options: str) -> Errors:
    with capture("near", file, "icmp"):
        done = peers.fping(addresses, *options)
    requests: dict[tuple[str, int], int] = {}
    wire: dict[str, list[int | None]] = defaultdict(list)
    places: dict[tuple[str, int], int] = {}
    for echo in read_echoes(file):
        key = (echo.host, echo.sequence)
        if echo.request:
            requests[key] = echo.at_ns
            places[key] = len(wire[echo.host])
            wire[echo.host].append(None)
        elif key in requests:
            wire[echo.host][places[key]] = echo.at_ns - requests[key]
    errors: Errors = []
    for host, reported in peers.fping_rtts_ms(done.output).items():
        if len(reported) != len(wire[host]):
            continue  # the capture has missed a request: places would be wrong
        for rtt_ms, wire_ns in zip(reported, wire[host], strict=True):
            if rtt_ms is not None and wire_ns is not None:
                errors.append(abs(rtt_ms * 1e3 - wire_ns / 1e3))
    return errors


def _percentile(errors: Errors, fraction: float) -> float:
    return sorted(errors)[min(len(errors) - 1, int(fraction * len(errors)))]


def _figures(name: str, rounds: list[Errors], p50: str = "", p99: str = "") -> list[Figure]:
    return [
        median_figure(f"P3 {name}: error p50", _of(rounds, 0.5), "µs", p50),
        median_figure(f"P3 {name}: error p99", _of(rounds, 0.99), "µs", p99),
        median_figure(f"P3 {name}: error max", [max(errors) for errors in rounds], "µs"),
        median_figure(f"P3 {name}: matched", [float(len(e)) for e in rounds], "probes"),
    ]


def _of(rounds: list[Errors], fraction: float) -> list[float]:
    return [_percentile(errors, fraction) for errors in rounds]


def _ratio(
    name: str, ours: list[Errors], theirs: list[Errors], fraction: float, must: str
) -> Figure:
    pairs = zip(_of(ours, fraction), _of(theirs, fraction), strict=True)
    return median_figure(name, [mine / yours for mine, yours in pairs], "×", must)


if __name__ == "__main__":
    main()
