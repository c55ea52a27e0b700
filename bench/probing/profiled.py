"""Where the engine's time goes: a sampling profile of the running monitor, or cProfile.

``python -m bench profile`` samples ``manage.py monitor`` from outside with py-spy where
that is installed (nothing in the process changes, so shares are true). Without it the bare
engine runs under cProfile, which makes calls look dearer than they are.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from bench.probing.bare_engine import CountingProber, path_specs, run_engine
from bench.probing.cpu_time import cpu_by_thread
from bench.probing.installation import Installation
from bench.probing.network import echo_counts, enter_private_network, loopback_addresses
from health.engine.loop import ProbeEngine

ROWS = 40
LEAST_SHARE = 0.01


def main() -> None:
    """Profile the way this machine can."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--profile", default="frugal", help="the probe profile of all paths")
    parser.add_argument("--py-spy", default=shutil.which("py-spy"), help="where py-spy is")
    options = parser.parse_args()
    enter_private_network()
    if options.py_spy:
        _sample_monitor(options.py_spy, options.targets, options.profile, options.seconds)
    else:
        _trace_engine(options.targets, options.seconds)


def _sample_monitor(py_spy: str, targets: int, profile: str, secs: int) -> None:
    with Installation(targets, profile=profile) as place, tempfile.TemporaryDirectory() as scratch:
        pid = place.start()
        place.await_measured()
        time.sleep(12)
        file = Path(scratch) / "stacks"
        counted, before = echo_counts(), cpu_by_thread(pid)
        subprocess.run(
            [py_spy, "record", "--pid", str(pid), "--duration", str(secs), "--rate", "250",
             "--threads", "--format", "raw", "--output", str(file)],
            check=True, capture_output=True,
        )  # fmt: skip
        spent = {
            thread: seconds - before.get(thread, 0.0)
            for thread, seconds in cpu_by_thread(pid).items()
        }
        probes = echo_counts().since(counted).requests
        _print_stacks(file.read_text().splitlines(), spent, probes)


def _print_stacks(lines: list[str], spent: dict[str, float], probes: int) -> None:
    """Print what each thread did, in CPU µs per probe.

    ``lines`` are "thread;frame;frame count", outermost first, ``spent`` the CPU
    seconds of each thread by its number in the kernel.
    """
    samples: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        path, _, seen = line.rpartition(" ")
        thread, _, frames = path.partition(";")
        samples[thread][frames] += int(seen)
    for thread, stacks in samples.items():
        micros = spent.get(re.findall(r"\d+", thread)[0], 0.0) / probes * 1e6
        total = stacks.total()
        own: Counter[str] = Counter()
        below: Counter[str] = Counter()
        for stack, count in stacks.items():
            functions = [frame.rpartition(":")[0] for frame in stack.split(";")]
            own[functions[-1]] += count
            below.update(dict.fromkeys(functions, count))
        print(f"\n{thread}: {micros:.1f} µs per probe")
        for title, table in (("alone", own), ("with all it calls", below)):
            for function, count in table.most_common(ROWS):
                share = count / total
                if share >= LEAST_SHARE:
                    print(f"  {micros * share:8.2f} µs {share:6.1%}  {title:<18} {function}")


def _trace_engine(targets: int, secs: int) -> None:
    prober = CountingProber()
    engine = ProbeEngine({"icmp": prober})
    engine.configure(path_specs(loopback_addresses(targets), 1000))
    with cProfile.Profile() as traced:
        run_engine(engine, prober, warm_up_secs=0, secs=secs)
    pstats.Stats(traced).sort_stats("tottime").print_stats(ROWS)


if __name__ == "__main__":
    main()
