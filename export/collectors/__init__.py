"""Where the samples of ``METRICS`` come from: one file per family, a fixed number of queries.

Everything is read from the database, so that each web process gives the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from export.collectors.build import build_families
from export.collectors.family import Family
from export.collectors.monitors import monitor_families
from export.collectors.paths import path_families
from export.collectors.policies import policy_families
from export.collectors.uplinks import uplink_families

COLLECTORS: tuple[Callable[[float], Iterator[Family]], ...] = (
    path_families,
    uplink_families,
    policy_families,
    monitor_families,
    build_families,
)


def all_families(now: float) -> Iterator[Family]:
    """Every family of ``METRICS`` as of ``now`` (seconds since 1970, UTC)."""
    for collector in COLLECTORS:
        yield from collector(now)
