"""The peers of the engine as commands: fping from Debian, icmplib, which is a dependency.

``python -m bench.probing.peers`` is the icmplib child: a process of its own, whose
CPU time is measured like fping's, from start to end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from icmplib import async_multiping

from bench.probing.cpu_time import run_measured


class PeerRun(NamedTuple):
    """What a peer spent and counted; ``lost`` by its own judgement."""

    cpu_secs: float
    lost: int
    alive: int
    output: str


def need(*programs: str) -> None:
    """End with a sentence when a program is missing."""
    for program in programs:
        if shutil.which(program) is None:
            sys.exit(f"This benchmark needs {program}: apt-get install {program}")


def version_of(program: str, option: str = "--version") -> str:
    """The first line a program says about its version."""
    done = subprocess.run([program, option], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


def fping(addresses: Sequence[str], *options: str) -> PeerRun:
    """Run ``fping -q`` with ``options`` (which must say ``-C``) over all addresses."""
    cpu_secs, _, told = run_measured("fping", "-q", *options, "-f", "-", stdin="\n".join(addresses))
    rows = [line.split(" : ")[1].split() for line in told.splitlines() if " : " in line]
    return PeerRun(
        cpu_secs,
        lost=sum(row.count("-") for row in rows),
        alive=sum(any(value != "-" for value in row) for row in rows),
        output=told,
    )


def fping_rtts_ms(output: str) -> dict[str, list[float | None]]:
    """The RTTs fping -C printed, by address, in the order of the probes; None is lost."""
    found: dict[str, list[float | None]] = {}
    for line in output.splitlines():
        match = re.match(r"(\S+)\s+: (.*)", line)
        if match:
            found[match[1]] = [None if value == "-" else float(value) for value in match[2].split()]
    return found


def icmplib(
    addresses: Sequence[str],
    *,
    count: int = 5,
    interval: float = 0,
    tasks: int = 50,
    privileged: bool = False,
    timeout: float = 1,
) -> PeerRun:
    """Run ``icmplib.async_multiping`` in a child."""
    cpu_secs, told, error = run_measured(
        sys.executable, "-m", "bench.probing.peers", f"--count={count}", f"--interval={interval}",
        f"--tasks={tasks}", f"--timeout={timeout}", *(["--privileged"] if privileged else []),
        stdin="\n".join(addresses),
    )  # fmt: skip
    if not told:
        raise RuntimeError(f"icmplib failed: {error[-2000:]}")
    result = json.loads(told)
    return PeerRun(cpu_secs, result["lost"], result["alive"], told)


def main() -> None:
    """The icmplib child."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int)
    parser.add_argument("--interval", type=float)
    parser.add_argument("--tasks", type=int)
    parser.add_argument("--timeout", type=float)
    parser.add_argument("--privileged", action="store_true")
    options = parser.parse_args()
    hosts = asyncio.run(
        async_multiping(
            sys.stdin.read().split(),
            count=options.count,
            interval=options.interval,
            timeout=options.timeout,
            concurrent_tasks=options.tasks,
            privileged=options.privileged,
        )
    )
    lost = sum(host.packets_sent - host.packets_received for host in hosts)
    print(json.dumps({"lost": lost, "alive": sum(host.is_alive for host in hosts)}))


if __name__ == "__main__":
    main()
