"""A million decisions under attack: every invariant of ``decide()`` after every one of them.

``python -m bench.properties --steps 1000000``. The adversaries and the watcher are those of
the unit tests; here they get more time.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter

from bench.report import Figure, report
from failover.domain.strategies import STRATEGIES
from tests.unit.failover.domain.adversaries import ADVERSARIES, attack

STEPS = 1_000_000


def main() -> int:
    """Attack in turns until the steps are done; 1 when an invariant broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    attacks = list(itertools.product(ADVERSARIES, STRATEGIES, (True, False)))
    each = -(-options.steps // len(attacks))
    steps = broken = 0
    causes: Counter[str] = Counter()
    began = time.process_time()
    for name, strategy, damping in attacks:
        try:
            watch = attack(name, strategy, damping=damping, steps=each, seed=options.seed)
        except AssertionError as error:
            broken += 1
            kind = "damped" if damping else "undamped"
            print(f"{name}, {strategy}, {kind}, seed {options.seed}: {error}", flush=True)
            continue
        steps += watch.steps
        causes.update(cause.value for cause in watch.causes.elements())
    report(
        "properties",
        [
            Figure("decisions whose every invariant held", steps, "", 1, f"≥ {STEPS:,}"),
            *(Figure(f"switches: {cause}", count, "", 1) for cause, count in causes.most_common()),
            Figure("attacks that broke an invariant", broken, "", len(attacks), "0"),
            Figure("processor time", time.process_time() - began, "s", 1),
        ],
    )
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
