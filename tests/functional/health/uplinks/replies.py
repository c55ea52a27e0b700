"""Sends probes by a prober of the product and waits for what becomes of them."""

from __future__ import annotations

import time

from health.probers.base import Prober, WireTarget


def answers(prober: Prober, target: WireTarget, count: int) -> list[str]:
    """The outcomes of ``count`` probes; fewer when they are not settled in time."""
    lane = prober.prepare(target)
    ids = {prober.send(lane, 1_000_000_000) for _ in range(count)}
    outcomes: list[str] = []
    deadline = time.monotonic() + 3
    while len(outcomes) < count and time.monotonic() < deadline:
        outcomes += [str(one.outcome) for one in prober.receive() if one.probe_id in ids]
        time.sleep(0.005)
    return outcomes
