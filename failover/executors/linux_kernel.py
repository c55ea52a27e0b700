"""The kernel's routes and rules as executors read and write them; one socket, one thread.

Spoken through the codec of ``health.uplinks`` and not through pyroute2: one request
costs some ten microseconds instead of two hundred, a dump is filtered in the kernel, and
the kernel's refusal comes out with its errno. Decides nothing; raises ``OSError``.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from failover.executors import linux_messages
from failover.executors.changes import RouteChange, RuleChange
from failover.executors.linux_messages import KernelRoute, KernelRule
from health.domain.probe_route_facts import Address, Link
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
    RTM_NEWROUTE,
    RTM_NEWRULE,
    RouteSocket,
)

_ABSENT = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV})
_NO_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})


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

    def addresses_of(self, interface: str) -> tuple[str, ...]:
        """The addresses of one interface that packets to anywhere can bear."""
        link = self._links.get(interface)
        if link is None:
            return ()
        return tuple(
            one.address for one in self.addresses() if one.ifindex == link.ifindex and one.is_global
        )

    def routes(self, family: int, table: int) -> list[KernelRoute]:
        """Everything in one table, of any owner."""
        try:
            bodies = self._socket.dump(RTM_GETROUTE, linux_messages.table_query(family, table))
        except OSError as error:
            if error.errno in _ABSENT | _NO_FAMILY:  # a table that has never been used
                return []
            raise
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
