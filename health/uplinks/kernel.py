"""The kernel's routing, read and written as facts: what the keeper and ``doctor`` share.

Decides nothing; every method is one or a few requests and raises ``OSError``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from health.domain.probe_route_facts import Address, Link, Route, Rule
from health.domain.probe_route_verdict import Departure
from health.uplinks import messages
from health.uplinks.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    RTM_DELROUTE,
    RTM_DELRULE,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETROUTE,
    RTM_GETRULE,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    RTM_NEWRULE,
    RouteSocket,
)

_CAP_NET_ADMIN = 12
_ABSENT = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL})
_NO_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})


def may_administrate() -> bool:
    """True when this thread has CAP_NET_ADMIN."""
    for line in Path("/proc/thread-self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_NET_ADMIN & 1)
    return False


class Kernel:
    """One route netlink socket in the network namespace of the thread that opens it."""

    def __init__(self) -> None:
        self._socket = RouteSocket()

    def link(self, name: str) -> Link | None:
        """One interface, or None when there is none of that name."""
        try:
            found = self._socket.request(RTM_GETLINK, 0, messages.link_query(name))
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise
        return next(
            (messages.parse_link(body) for kind, body in found if kind == RTM_NEWLINK), None
        )

    def has_carrier(self, ifindex: int) -> bool:
        """Whether this interface exists, is up and has a carrier; cheap enough to ask often."""
        try:
            found = self._socket.request(RTM_GETLINK, 0, messages.carrier_query(ifindex))
        except OSError as error:
            if error.errno in _ABSENT:
                return False
            raise
        return any(kind == RTM_NEWLINK and messages.has_carrier(body) for kind, body in found)

    def links(self) -> list[Link]:
        """All interfaces."""
        return [
            messages.parse_link(body)
            for body in self._socket.dump(RTM_GETLINK, messages.link_query())
        ]

    def addresses(self) -> tuple[Address, ...]:
        """All addresses of all interfaces."""
        bodies = self._socket.dump(RTM_GETADDR, messages.address_query())
        return tuple(one for one in map(messages.parse_address, bodies) if one is not None)

    def default_routes(self, family: int, index: int) -> list[Route]:
        """The default routes over one interface, in any table and of any owner."""
        query = messages.route_query(family, index=index)
        routes = self._routes(query, messages.is_default_route)
        return [route for route in routes if route.ifindex == index]

    def table(self, family: int, table: int) -> list[Route]:
        """Everything in one table."""
        routes = self._routes(messages.route_query(family, table=table), lambda _: True)
        return [route for route in routes if route.table == table]

    def _routes(self, query: bytes, keep: messages.Keep) -> list[Route]:
        try:
            bodies = self._socket.dump(RTM_GETROUTE, query, keep)
        except OSError as error:
            if error.errno in _ABSENT | _NO_FAMILY:  # a table that has never been used
                return []
            raise
        return [route for body in bodies for route in messages.parse_route(body)]

    def rules(self, family: int) -> list[Rule]:
        """The rules that look tables up, in the order of their priorities."""
        try:
            bodies = self._socket.dump(RTM_GETRULE, messages.rule_query(family))
        except OSError as error:
            if error.errno in _NO_FAMILY:
                return []
            raise
        return [one for one in map(messages.parse_rule, bodies) if one is not None]

    def put_route(self, route: Route) -> None:
        """Add it, or replace at once what is there with the same destination and metric."""
        flags = NLM_F_CREATE | NLM_F_REPLACE
        self._socket.request(RTM_NEWROUTE, flags, messages.route_message(route))

    def drop_route(self, route: Route) -> None:
        """Delete it; content when it is gone already."""
        self._drop(RTM_DELROUTE, messages.route_message(route))

    def put_rule(self, rule: Rule) -> None:
        """Add it; content when it is there already."""
        try:
            flags = NLM_F_CREATE | NLM_F_EXCL
            self._socket.request(RTM_NEWRULE, flags, messages.rule_message(rule))
        except FileExistsError:
            return

    def drop_rule(self, rule: Rule) -> None:
        """Delete it; content when it is gone already."""
        self._drop(RTM_DELRULE, messages.rule_message(rule))

    def _drop(self, kind: int, message: bytes) -> None:
        try:
            self._socket.request(kind, 0, message)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise

    def departure(self, target: str, source: str, link: Link, fwmark: int) -> Departure:
        """How a packet that is bound to ``link`` and marked would leave for ``target``."""
        query = messages.lookup_query(target, source, leaving=link.ifindex, fwmark=fwmark)
        try:
            route = self._look_up(query)
        except OSError as error:
            return Departure(refusal=_reason(error))
        if route is None:
            return Departure(refusal="no answer")
        interface = link.name if route.ifindex == link.ifindex else self._name(route.ifindex)
        guessed = (
            route.family == 4
            and not route.gateway
            and not link.point_to_point
            and not self._matches(target, source, link, fwmark)
        )
        return Departure(route.ifindex, interface, route.gateway, route.table, guessed=guessed)

    def lets_in(self, sender: str, own: str, link: Link) -> bool:
        """Whether an IPv4 packet that comes in on ``link`` passes reverse path filtering.

        The kernel runs its own check on the imagined packet; anything but a
        refusal of the way counts as passed.
        """
        try:
            self._look_up(messages.lookup_query(own, sender, arriving=link.ifindex))
        except OSError as error:
            return error.errno not in (errno.EINVAL, errno.EXDEV)
        return True

    def _look_up(self, query: bytes) -> Route | None:
        answers = self._socket.request(RTM_GETROUTE, 0, query)
        routes: Iterable[Route] = (
            route
            for kind, body in answers
            if kind == RTM_NEWROUTE
            for route in messages.parse_route(body)
        )
        return next(iter(routes), None)

    def _matches(self, target: str, source: str, link: Link, fwmark: int) -> bool:
        query = messages.lookup_query(
            target, source, leaving=link.ifindex, fwmark=fwmark, matched=True
        )
        try:
            return self._look_up(query) is not None
        except OSError:
            return False

    def _name(self, index: int) -> str:
        return next((link.name for link in self.links() if link.ifindex == index), "")

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self._socket.close()


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)
