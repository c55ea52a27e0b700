"""How long until everything works again after kill -9 of the monitor's worker.

Starts the whole product in a temporary directory. The other processes' deaths
are timed by the tests (tests/functional/processes, with their own deadlines).
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path

from bench.report import median_figure, report
from tests.functional.processes.product import Product, wait_until

ROUNDS = 5


def main() -> None:
    """Kill, wait for fresh measurements of all paths, again."""
    with tempfile.TemporaryDirectory() as directory:
        product = Product(Path(directory))
        began = time.monotonic()
        product.start()
        try:
            wait_until(lambda: product.answers("readyz"), "a start", 180, log=product.log)
            ready_secs = time.monotonic() - began
            wait_until(lambda: product.measured_after(0), "measurements", 60, log=product.log)
            gaps = [_kill_and_wait(product) for _ in range(ROUNDS)]
        finally:
            product.stop()
    report(
        "recovery",
        [
            median_figure("up: start to ready", [ready_secs], "s"),
            median_figure("kill -9 of the monitor to measurements", gaps, "s", "≤ 5"),
            median_figure("the same, worst round", [max(gaps)], "s", "≤ 5"),
        ],
    )


def _kill_and_wait(product: Product) -> float:
    pid, epoch = product.lease()
    killed_at = time.time()
    os.kill(pid, signal.SIGKILL)
    gap = wait_until(
        lambda: product.lease()[1] > epoch and product.measured_after(killed_at),
        "measurements",
        60,
    )
    time.sleep(3)  # let the cluster settle before the next round
    return gap


if __name__ == "__main__":
    main()
