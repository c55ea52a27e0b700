"""What the kernel has, gathered for a set of uplinks with as little reading as possible.

Default routes are the one thing that may be dear to look for: the kernel hands out
everything that leads over the interface, seconds of work where that is the Internet's
whole table. So only those are looked for that an ``auto`` gateway needs; they are read
again when an event says that they changed, and else only so often that it costs at
most 1 % of the time.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from health.domain.probe_route_choice import configured
from health.domain.probe_route_facts import Facts, Link, Route
from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.uplinks.kernel import Kernel

READ_DEFAULTS_EVERY_SECS = 5.0
MAX_SHARE_OF_TIME = 0.01
DEAR_SECS = 0.05
MAX_SHARE_WHEN_CHANGED = 0.2
"""Of the time, for reading that costs more than ``DEAR_SECS`` while changes never end."""


class Survey:
    """Facts about the interfaces of the uplinks. Not thread-safe."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._defaults: dict[tuple[int, int], list[Route]] = {}
        self._due: dict[tuple[int, int], float] = {}
        self._dear_until: dict[tuple[int, int], float] = {}

    def forget_defaults(self) -> None:
        """Default routes, links or addresses have changed: read them again."""
        self._due = dict(self._dear_until)

    def facts(self, specs: Collection[UplinkSpec], now: float) -> Facts:
        """The uplinks' links, all addresses, and the default routes that are needed.

        ``now`` is monotonic time in seconds.
        """
        needed = families_needed(specs)
        found = {name: self._kernel.link(name) for name in sorted(needed)}
        links = {name: link for name, link in found.items() if link is not None}
        defaults = [
            route
            for name, link in links.items()
            for family in sorted(needed[name])
            for route in self._default_routes(link, family, now)
        ]
        return Facts(links, self._kernel.addresses(), tuple(defaults))

    def _default_routes(self, link: Link, family: int, now: float) -> list[Route]:
        at = link.ifindex, family
        if now >= self._due.get(at, 0.0):
            began = time.monotonic()
            self._defaults[at] = self._kernel.default_routes(family, link.ifindex)
            cost = time.monotonic() - began
            self._due[at] = now + max(READ_DEFAULTS_EVERY_SECS, cost / MAX_SHARE_OF_TIME)
            self._dear_until.pop(at, None)
            if cost > DEAR_SECS:
                self._dear_until[at] = now + cost / MAX_SHARE_WHEN_CHANGED
        return self._defaults.get(at, [])


def families_needed(specs: Collection[UplinkSpec]) -> Mapping[str, set[int]]:
    """By interface, the families whose default routes somebody asks for."""
    needed: dict[str, set[int]] = {spec.interface: set() for spec in specs if spec.interface}
    for spec in specs:
        if spec.interface and spec.mode is ProbeRouteMode.MANAGED:
            gateways = ((4, spec.gateway), (6, spec.gateway6))
            needed[spec.interface] |= {
                family for family, gateway in gateways if not configured(gateway)
            }
    return needed
