"""R1 for the whole product: kill -9 of monitor, workers, clusters and web while the demo switches.

``python -m bench.faults.product``. Everything has to come back by itself; the audit trail is
judged in the end. The product runs with its demo in a temporary directory.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from bench.faults.store import Store
from bench.faults.verdict import of_events
from bench.report import Figure, median_figure, report
from tests.functional.processes.product import Product, wait_until

BACK_WITHIN_SECS = 90.0
BETWEEN_KILLS_SECS = 4.0


def main() -> int:
    """Kill, wait until everything works, again; then judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    back: dict[str, list[float]] = {victim: [] for victim in VICTIMS}
    with tempfile.TemporaryDirectory(prefix="pw-product-") as directory:
        product = Product(Path(directory))
        product.start()
        try:
            wait_until(lambda: product.measured_after(0), "measurements", 180, log=product.log)
            for number in range(options.kills):
                victim = list(VICTIMS)[number % len(VICTIMS)]
                time.sleep(chance.uniform(0.5, BETWEEN_KILLS_SECS))
                back[victim].append(_kill(product, victim))
                print(f"{number + 1}: {victim} was back after {back[victim][-1]:.1f} s")
            wrong = _judged(product)
        finally:
            product.stop()
    for one in wrong[:20]:
        print(f"  {one}")
    report(
        "faults_product",
        [
            Figure("kills", options.kills, "kills", 1),
            Figure("events lost or doubled", len(wrong), "problems", 1, "0"),
            *(
                median_figure(f"kill -9 of {victim} to everything working", secs, "s")
                for victim, secs in back.items()
                if secs
            ),
        ],
    )
    return int(bool(wrong))


def _kill(product: Product, victim: str) -> float:
    """Kill -9; returns the seconds until pages answer and every path is measured again."""
    process = VICTIMS[victim](product)
    killed_at = time.time()
    process.kill()
    return wait_until(
        lambda: product.answers() and product.measured_after(killed_at),
        f"recovery from the death of {victim}",
        BACK_WITHIN_SECS,
        log=product.log,
    )


def _judged(product: Product) -> list[str]:
    """What is wrong with the audit trail once no switch is under way."""
    store = Store(product.directory, "")
    wait_until(lambda: store.undone() == 0, "all switches ended", 60, log=product.log)
    events = store.events()
    return [
        f"{uid}: {said}"
        for uid, wish in store.wishes().items()
        for said in of_events(events.get(uid, []), wish.generation)
    ]


def _monitor(product: Product) -> psutil.Process:
    wait_until(lambda: product.lease()[0], "a monitor", 60, log=product.log)
    return psutil.Process(product.lease()[0])


def _vantage_cluster(product: Product) -> psutil.Process:
    return product.child("cluster", "--name")


def _idle_worker(product: Product) -> psutil.Process:
    """A member of the vantage's cluster that does not carry the monitor."""
    monitor = product.lease()[0]
    (sentinel, *_) = _vantage_cluster(product).children()
    return next(one for one in sentinel.children() if one.pid != monitor)


VICTIMS: dict[str, Callable[[Product], psutil.Process]] = {
    "the monitor": _monitor,
    "an idle worker": _idle_worker,
    "the vantage cluster": _vantage_cluster,
    "the web's worker": lambda product: product.child("gunicorn").children()[0],
    "the web": lambda product: product.child("gunicorn"),
}


if __name__ == "__main__":
    sys.exit(main())
