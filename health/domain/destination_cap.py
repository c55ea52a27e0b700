"""At most ten probes a second for one destination, over all paths that lead to it.

Routers and public resolvers police ICMP: who asks more often measures the policer
and calls it loss. Where the paths together would ask more, all stretch their
intervals by the same factor.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import ip_address

from health.domain.path_spec import PathSpec

MAX_PROBES_PER_SEC = 10.0
"""Base probes; a burst of confirmation probes is short and not counted."""
UNCAPPED_KINDS = frozenset({"stamp"})
"""A session-reflector is there to be probed; nothing polices it."""


def stretches(specs: Iterable[PathSpec]) -> dict[int, float]:
    """By target key, the factor (> 1) by which its interval grows; others are not in it."""
    rates: dict[str, float] = defaultdict(float)
    targets: dict[str, list[int]] = defaultdict(list)
    for spec in specs:
        if spec.kind in UNCAPPED_KINDS:
            continue
        for target in spec.targets:
            rates[target.address] += 1000 / spec.timing.interval_ms
            targets[target.address].append(target.key)
    return {
        key: rate / MAX_PROBES_PER_SEC
        for address, rate in rates.items()
        if rate > MAX_PROBES_PER_SEC + 1e-9 and not _is_own_host(address)
        for key in targets[address]
    }


def _is_own_host(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False  # a name
