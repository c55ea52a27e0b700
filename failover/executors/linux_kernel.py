"""The kernel's routes and rules as executors read and write them; one socket, one thread.

Spoken through the codec of ``health.uplinks`` and not through pyroute2: one request
costs some ten microseconds instead of two hundred, a dump is filtered in the kernel, and
the kernel's refusal comes out with its errno. Decides nothing; raises ``OSError``.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from failover.executors import linux_messages
from failover.executors.changes import PATHWARDEN_PROTOCOL, RouteChange, RuleChange
from failover.executors.linux_messages import KernelRoute, KernelRule
from health.domain.probe_route_facts import Address, Link
from health.uplinks import messages
from health.uplinks.messages import Keep
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
    RTM_NEWROUTE,
    RTM_NEWRULE,
    RouteSocket,
)

_ABSENT = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV})
_NO_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})


LOOK_AT_ROUTES = 10_000
"""How many routes of a table are looked at for those of others: some 20 ms of work."""


class _EnoughSeenError(Exception):
    """The table has more routes than are looked at."""


class LinuxRouting:
    """Routes and rules in the network namespace of the thread that opens it."""

    def __init__(self) -> None:
        self._socket = RouteSocket()
        self._links: dict[str, Link] = {}

    def links(self) -> dict[str, Link]:
        """All interfaces by name; read afresh."""
        bodies = self._socket.dump(RTM_GETLINK, messages.link_query())
        self._links = {link.name: link for link in map(messages.parse_link, bodies)}
        return self._links

    def addresses(self) -> list[Address]:
        """All addresses of all interfaces."""
        bodies = self._socket.dump(RTM_GETADDR, messages.address_query())
        return [one for one in map(messages.parse_address, bodies) if one is not None]

    def our_routes(self, family: int, table: int) -> list[KernelRoute]:
        """What of ours stands in one table; the kernel leaves out the rest."""
        query = linux_messages.table_query(family, table, PATHWARDEN_PROTOCOL)
        bodies = self._dump(self._socket, query, lambda _: True)
        found = self._parsed(bodies, table)
        return [one for one in found if one.route.protocol == PATHWARDEN_PROTOCOL]

    def routes_of_others(
        self, family: int, table: int, lengths: Collection[int]
    ) -> tuple[list[KernelRoute], bool]:
        """What of others stands in one table with a prefix as long as one of ``lengths``.

        Looks at ``LOOK_AT_ROUTES`` at most, the shortest addresses first, so a default route
        is always among them; the flag says whether it has seen everything. A router with
        the Internet's whole table has a million routes, seconds of reading.
        """
        wanted: dict[bytes, None] = {}  # each once: a dump that was disturbed is repeated
        looked_at = 0

        def keep(body: bytes) -> bool:
            nonlocal looked_at
            looked_at += 1
            if looked_at > LOOK_AT_ROUTES:
                raise _EnoughSeenError
            if body[1] in lengths and body[5] != PATHWARDEN_PROTOCOL:
                wanted[body] = None
            return False

        other = RouteSocket()  # its dump may be given up in the middle
        try:
            self._dump(other, linux_messages.table_query(family, table), keep)
        except _EnoughSeenError:
            return self._parsed(wanted, table), False
        finally:
            other.close()
        return self._parsed(wanted, table), True

    def _dump(self, socket: RouteSocket, query: bytes, keep: Keep) -> list[bytes]:
        try:
            return socket.dump(RTM_GETROUTE, query, keep)
        except OSError as error:
            if error.errno in _ABSENT | _NO_FAMILY:  # a table that has never been used
                return []
            raise

    def _parsed(self, bodies: Iterable[bytes], table: int) -> list[KernelRoute]:
        names = {link.ifindex: link.name for link in self._links.values()}
        parsed = (linux_messages.parse_route(body, names) for body in bodies)
        return [one for one in parsed if one is not None and one.route.table == table]

    def rules(self, family: int) -> list[KernelRule]:
        """The rules that look tables up, in the order of their priorities."""
        try:
            bodies = self._socket.dump(RTM_GETRULE, linux_messages.rule_query(family))
        except OSError as error:
            if error.errno in _NO_FAMILY:
                return []
            raise
        return [one for one in map(linux_messages.parse_rule, bodies) if one is not None]

    def add_route(self, route: RouteChange) -> None:
        """Make a route where none may stand: ``FileExistsError`` when one does, of any owner."""
        self._put_route(route, NLM_F_CREATE | NLM_F_EXCL)

    def replace_route(self, route: RouteChange) -> None:
        """Replace at once what stands there; the caller knows that it is ours."""
        self._put_route(route, NLM_F_CREATE | NLM_F_REPLACE)

    def _put_route(self, route: RouteChange, flags: int) -> None:
        link = self._links.get(route.interface) or self.links().get(route.interface)
        if link is None:
            raise OSError(errno.ENODEV, "No such device")
        self._socket.request(RTM_NEWROUTE, flags, linux_messages.route_message(route, link.ifindex))

    def delete_route(self, route: RouteChange) -> None:
        """Delete what stands there and carries the same protocol; content when nothing does."""
        self._delete(RTM_DELROUTE, linux_messages.route_deletion(route))

    def add_rule(self, rule: RuleChange) -> None:
        """Add a rule; ``FileExistsError`` when the same one is there, of any owner.

        One with another table is not the same: then the kernel has both, and obeys the older.
        """
        flags = NLM_F_CREATE | NLM_F_EXCL
        self._socket.request(RTM_NEWRULE, flags, linux_messages.rule_message(rule))

    def delete_rule(self, rule: RuleChange) -> None:
        """Delete the rule of the same protocol; content when it is gone already."""
        self._delete(RTM_DELRULE, linux_messages.rule_message(rule))

    def _delete(self, kind: int, message: bytes) -> None:
        try:
            self._socket.request(kind, 0, message)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self._socket.close()


@contextmanager
def linux_routing() -> Iterator[LinuxRouting]:
    """The kernel's routing while the block lasts."""
    routing = LinuxRouting()
    try:
        yield routing
    finally:
        routing.close()
