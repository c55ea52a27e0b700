"""Decisions per second of ``decide()``, quiet and on lossy lines, and the read of a reading."""

from __future__ import annotations

import random
import time
import timeit

from bench.report import median_figure, report
from failover.domain.decision import decide
from failover.domain.policy import MemberSpec, PolicySpec
from failover.domain.state import initial_state
from failover.domain.views import MemberView, Views
from health.domain.status import PathStatus

DECISIONS = 50_000
ROUNDS = 7
READS = 1_000_000
KEYS = (1, 2, 3)
HEALTHY = MemberView(PathStatus.UP, True, 100.0, 60, 60, 0, True, 10.0)
LOSS = 0.1
"""Share of the probes that are lost, each for itself."""
LOST = [
    HEALTHY._replace(score=85.0, answers_in_a_row=0, loss_run=run, fresh=False)
    for run in range(1, 6)
]


def quiet() -> list[Views]:
    """Three healthy members, all the time."""
    return [dict.fromkeys(KEYS, HEALTHY)] * DECISIONS


def lossy() -> list[Views]:
    """Each member loses every tenth probe, at times of its own; some in runs."""
    rng = random.Random(7)
    return [{key: _latest(rng) for key in KEYS} for _ in range(DECISIONS)]


def _latest(rng: random.Random) -> MemberView:
    run = 0
    while run < len(LOST) and rng.random() < LOSS:
        run += 1
    return LOST[run - 1] if run else HEALTHY


def decisions_per_sec(seconds: list[Views]) -> float:
    """A policy of three members, judged at 1 Hz; seconds of this process's own time."""
    members = tuple(MemberSpec(key, f"path {key}") for key in KEYS)
    policy = PolicySpec(1, "uid", "bench", members)
    state = initial_state(1, 0.0)
    began = time.process_time()
    for second, views in enumerate(seconds):
        state = decide(policy, state, views, float(second)).state
    return len(seconds) / (time.process_time() - began)


def main() -> None:
    """Run and report; the kinds take turns, so that a busy machine is busy for both."""
    kinds = {"three healthy members": quiet(), "three lossy members (10 %)": lossy()}
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(ROUNDS):
        for name, seconds in kinds.items():
            found[name].append(decisions_per_sec(seconds))
    readings = {n: (n, PathStatus.UP) for n in range(10_000)}
    reads = [
        timeit.timeit("readings[4711]", globals={"readings": readings}, number=READS) / READS * 1e9
        for _ in range(ROUNDS)
    ]
    report(
        "decide",
        [
            *(
                median_figure(f"decide(), {name}", rates, "decisions/s", "≥ 200,000")
                for name, rates in found.items()
            ),
            median_figure("in-process read of a path's reading", reads, "ns", "< 100"),
        ],
    )


if __name__ == "__main__":
    main()
