"""P5: answers that are none. Two vantages on one host, and 100,000 forged replies.

Forty addresses are silent (dropped by nftables), forty answer. One prober asks the
silent ones while another asks the living ones, started right after each other;
then a forger answers for the silent ones in every wrong way.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from bench.probing import peers
from bench.probing.forger import Forger
from bench.probing.network import DropRule, enter_private_network
from bench.report import Figure, median_figure, report

HOSTS = 40
SILENT = [f"127.250.0.{n + 1}" for n in range(HOSTS)]
LIVING = [f"127.9.0.{n + 1}" for n in range(HOSTS)]
SILENCE = "ip daddr 127.250.0.0/16 icmp type echo-request"


def main() -> None:
    """Both vantages by engine and by icmplib, in turns; then the forger against the engine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--forged", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    peers.need("nft")
    enter_private_network()
    ours: list[float] = []
    theirs: list[float] = []
    with DropRule(SILENCE):
        for _ in range(options.rounds):
            ours.append(_two_vantages(_engine_command(4)))
            theirs.append(_two_vantages(_icmplib_command()))
        forged, done, stated = _against_forger(options.forged)
    report(
        "impostors",
        [
            median_figure(f"P5 engine: silent hosts of {HOSTS} seen alive", ours, "hosts", "0"),
            median_figure(f"P5 icmplib: silent hosts of {HOSTS} seen alive", theirs, "hosts"),
            *_forger_figures(forged, done, stated),
        ],
    )


def _engine_command(secs: float, interval_ms: int = 200) -> list[str]:
    return [
        sys.executable, "-m", "bench.probing.bare_engine", "--warm-up=0", f"--seconds={secs}",
        f"--interval-ms={interval_ms}", "--timeout-ms=400",
    ]  # fmt: skip


def _icmplib_command() -> list[str]:
    return [
        sys.executable, "-m", "bench.probing.peers", "--count=20", "--interval=0.05",
        f"--tasks={HOSTS}", "--timeout=1", "--privileged",
    ]  # fmt: skip


def _two_vantages(command: list[str]) -> float:
    """How many silent hosts a prober calls alive while its neighbour asks living ones."""
    asks_silent = _start(command, SILENT)
    asks_living = _start(command, LIVING)
    living = _result(asks_living)["alive"]
    if living != HOSTS:
        raise RuntimeError(f"only {living} of {HOSTS} living hosts were seen")
    return float(_result(asks_silent)["alive"])


def _against_forger(wanted: int) -> tuple[Counter[str], dict[str, Any], int]:
    """(forgeries by kind, what the engine says, living hosts it saw meanwhile)."""
    forger = Forger("127.250.0.0")
    forger.start()
    rate = HOSTS * 10 * 11  # forgeries a second: eleven for each request at 10 a second
    asks_silent = _start(_engine_command(wanted / rate + 2, 100), SILENT)
    asks_living = _start(_engine_command(wanted / rate + 2, 100), LIVING)
    living = _result(asks_living)
    silent = _result(asks_silent)
    time.sleep(0.5)
    forger.stop()
    rejected = Counter(silent["rejected"]) + Counter(living["rejected"])
    return forger.sent, {**silent, "rejected": rejected}, living["alive"]


def _forger_figures(forged: Counter[str], done: dict[str, Any], living: int) -> list[Figure]:
    rejected: Counter[str] = done["rejected"]
    figures = [
        median_figure("P5 forged replies and errors", [float(forged.total())], "packets"),
        median_figure("P5 accepted of them", [float(done["answered"])], "packets", "0"),
        median_figure("P5 silent hosts seen alive meanwhile", [float(done["alive"])], "hosts", "0"),
        median_figure("P5 living hosts seen alive meanwhile", [float(living)], "hosts", "40"),
    ]
    for reason, count in sorted(rejected.items()):
        figures.append(median_figure(f"P5 counted as {reason}", [float(count)], "packets"))
    return figures


def _start(command: list[str], addresses: list[str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if process.stdin is not None:
        process.stdin.write("\n".join(addresses))
        process.stdin.close()
        process.stdin = None
    return process


def _result(process: subprocess.Popen[str]) -> dict[str, Any]:
    told, error = process.communicate(timeout=300)
    if not told:
        raise RuntimeError(f"{process.args!r} failed: {error[-2000:]}")
    result: dict[str, Any] = json.loads(told)
    return result


if __name__ == "__main__":
    main()
