"""``make bench``: every benchmark in a process of its own, so that none warms another up."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = {
    "decide": "bench.decide",
    "detector": "bench.detector",
    "writer": "bench.writer",
    "recovery": "bench.recovery",
    "cpu": "bench.probing.cpu",
    "rtt_truth": "bench.probing.rtt_truth",
    "loss_truth": "bench.probing.loss_truth",
    "impostors": "bench.probing.impostors",
    "own_faults": "bench.probing.own_faults",
    "own_uplink": "bench.probing.own_uplink",
    "exporters": "bench.probing.exporters",
    "memory": "bench.probing.memory",
    "scale": "bench.probing.scale",
    "failover_switch": "bench.failover.switch",
    "failover_connections": "bench.failover.switch_connections",
    "lab_accuracy": "bench.lab.accuracy",
}
BY_NAME_ONLY = {
    "properties": "bench.properties",
    "mutation": "bench.mutation",
    "profile": "bench.probing.profiled",
    "soak": "bench.probing.soak",
    "lab": "bench.lab.use_cases",
    "outages": "bench.lab.outages",
    "lab_shown": "bench.lab.shown",
}
"""Those that take half an hour or judge nothing: not part of ``make bench``."""


def main() -> int:
    """Run all or the named ones; returns 1 when one of them failed to run."""
    known = BENCHMARKS | BY_NAME_ONLY
    wanted = sys.argv[1:] or list(BENCHMARKS)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    codes = [subprocess.run([sys.executable, "-m", known[name]], check=False) for name in wanted]
    return int(any(done.returncode for done in codes))


if __name__ == "__main__":
    sys.exit(main())
