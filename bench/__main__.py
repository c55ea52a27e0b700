"""``make bench``: every benchmark in a process of its own, so that none warms another up."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("decide", "writer", "engine", "recovery")


def main() -> int:
    """Run all or the named ones; returns 1 when one of them failed to run."""
    wanted = sys.argv[1:] or list(BENCHMARKS)
    unknown = sorted(set(wanted) - set(BENCHMARKS))
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
        return 2
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False) for name in wanted
    ]
    return int(any(done.returncode for done in codes))


if __name__ == "__main__":
    sys.exit(main())
