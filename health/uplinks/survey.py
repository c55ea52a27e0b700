"""What the kernel has, gathered for a set of uplinks with as little reading as possible.

Default routes are the one thing that may be dear to look for: the kernel walks
its whole table, a second of work where that is the Internet's. So they are read
again when an event says that they changed, and else only so often that it costs
at most 1 % of the time.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from health.domain.probe_route_facts import Facts, Link, Route
from health.uplinks.kernel import Kernel

READ_DEFAULTS_EVERY_SECS = 5.0
MAX_SHARE_OF_TIME = 0.01


class Survey:
    """Facts about the interfaces of the uplinks. Not thread-safe."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._defaults: dict[int, list[Route]] = {}
        self._due: dict[int, float] = {}

    def forget_defaults(self) -> None:
        """Default routes, links or addresses have changed: read them again."""
        self._due.clear()

    def facts(self, names: Collection[str], now: float) -> Facts:
        """Links of these names, all addresses, and the default routes over those links.

        ``now`` is monotonic time in seconds.
        """
        found = {name: self._kernel.link(name) for name in sorted(names)}
        links = {name: link for name, link in found.items() if link is not None}
        defaults = [route for link in links.values() for route in self._default_routes(link, now)]
        return Facts(links, self._kernel.addresses(), tuple(defaults))

    def _default_routes(self, link: Link, now: float) -> list[Route]:
        if now >= self._due.get(link.ifindex, 0.0):
            began = time.monotonic()
            self._defaults[link.ifindex] = [
                *self._kernel.default_routes(4, link.ifindex),
                *self._kernel.default_routes(6, link.ifindex),
            ]
            cost = time.monotonic() - began
            pause = max(READ_DEFAULTS_EVERY_SECS, cost / MAX_SHARE_OF_TIME)
            self._due[link.ifindex] = now + pause
        return self._defaults[link.ifindex]
