"""``make faults``: every part of the harness in a process of its own; ends with the worst code."""

from __future__ import annotations

import os
import subprocess
import sys

PARTS: tuple[tuple[str, ...], ...] = (
    ("bench.faults.race", "--database", "sqlite"),
    ("bench.faults.race", "--database", "postgres"),
    ("bench.faults.kills", "--database", "sqlite"),
    ("bench.faults.kills", "--database", "postgres"),
    ("bench.faults.product",),
)
AS_ROOT: tuple[tuple[str, ...], ...] = (
    ("bench.faults.kills", "--executor", "linux", "--instants", "100"),
)


def main() -> int:
    """Run all parts; routes of a real kernel only as root."""
    parts = PARTS + (AS_ROOT if os.geteuid() == 0 else ())
    codes = []
    for module, *words in parts:
        print(f"\n{module} {' '.join(words)}", flush=True)
        codes.append(subprocess.run([sys.executable, "-m", module, *words], check=False).returncode)
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
