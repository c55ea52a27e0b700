"""Decisions per second of ``decide()`` on a quiet policy, and the read of a reading."""

from __future__ import annotations

import time
import timeit

from bench.report import median_figure, report
from failover.domain.decision import decide
from failover.domain.policy import MemberSpec, PolicySpec
from failover.domain.state import initial_state
from failover.domain.views import MemberView
from health.domain.status import PathStatus

DECISIONS = 50_000
ROUNDS = 5
READS = 1_000_000


def decisions_per_sec() -> float:
    """A healthy policy of three members, judged at 1 Hz."""
    members = tuple(MemberSpec(key, f"path {key}") for key in (1, 2, 3))
    policy = PolicySpec(1, "uid", "bench", members)
    healthy = MemberView(PathStatus.UP, True, 100.0, 60, 60, 0, True, 10.0)
    views = dict.fromkeys((1, 2, 3), healthy)
    state = initial_state(1, 0.0)
    began = time.perf_counter()
    for second in range(DECISIONS):
        state = decide(policy, state, views, float(second)).state
    return DECISIONS / (time.perf_counter() - began)


def main() -> None:
    """Run and report."""
    readings = {n: (n, PathStatus.UP) for n in range(10_000)}
    reads = [
        timeit.timeit("readings[4711]", globals={"readings": readings}, number=READS) / READS * 1e9
        for _ in range(ROUNDS)
    ]
    report(
        "decide",
        [
            median_figure(
                "decide(), three healthy members",
                [decisions_per_sec() for _ in range(ROUNDS)],
                "decisions/s",
                "≥ 200,000",
            ),
            median_figure("in-process read of a path's reading", reads, "ns", "< 100"),
        ],
    )


if __name__ == "__main__":
    main()
