"""Which source and which next hop an uplink has now: ``auto`` resolved from the kernel's facts.

The system's own programs (DHCP, PPP, router advertisements, NetworkManager)
configure an uplink; this only reads what they left. Pure.
"""

from __future__ import annotations

from typing import NamedTuple

from health.domain.probe_route_facts import (
    DEFAULT,
    Address,
    Facts,
    Link,
    Route,
    RouteKind,
    covers,
    is_link_local,
)
from health.domain.uplink_spec import AUTO

PATHWARDEN_PROTOCOL = 173
"""Our number in ``rtm_protocol`` and FRA_PROTOCOL: what carries another is not ours to touch."""


class NextHop(NamedTuple):
    """Where everything beyond the link goes; ``gateway`` "" hands packets to the link itself."""

    gateway: str


class Memory(NamedTuple):
    """The next hop last seen in the system's own routes, and the address it was seen with.

    The default route of a backup may be taken away while its line is well; as long
    as the address stays, the line and its gateway are the same.
    """

    source: str
    next_hop: NextHop


def inherited_memory(
    family: int, link: Link, addresses: list[Address], own_table: list[Route]
) -> Memory | None:
    """What a predecessor has left in the uplink's table, if it still fits the link.

    Its ``source`` is empty: the first one chosen is the one it belongs to.
    """
    for route in own_table:
        if route.destination != DEFAULT[family] or route.ifindex != link.ifindex:
            continue
        gateway = route.gateway
        near = not gateway or is_link_local(gateway) or route.onlink
        if near or any(one.network and covers(one.network, gateway) for one in addresses):
            return Memory("", NextHop(gateway))
    return None


def configured(value: str) -> str:
    """The address an operator has given, or "" for ``auto``."""
    return "" if value == AUTO else value


def choose_source(wanted: str, addresses: list[Address], before: str = "") -> str:
    """The address probes leave from, or "" when there is none.

    An address given by the operator stands if this host has it. ``auto`` takes a
    usable one, and keeps the one it had (``before``) while that is not deprecated:
    a new temporary address (RFC 8981) is no new line. Otherwise: not deprecated, not
    temporary, not secondary, routable in the Internet, longest preferred lifetime.
    """
    usable = [one for one in addresses if one.usable]
    if configured(wanted):
        return wanted if any(one.address == wanted for one in addresses) else ""
    for one in usable:
        if one.address == before and not one.deprecated:
            return before
    best = min(usable, key=_reluctance, default=None)
    return best.address if best else ""


def _reluctance(one: Address) -> tuple[bool, bool, bool, bool, int]:
    unique_local = one.family == 6 and covers("fc00::/7", one.address)
    return one.deprecated, one.temporary, one.secondary, unique_local, -one.preferred_secs


def seen_next_hop(family: int, link: Link, facts: Facts, own_table: int) -> NextHop | None:
    """The next hop in the system's own default routes over ``link``, the main table's first."""
    seen = [
        route
        for route in facts.defaults
        if route.family == family
        and route.ifindex == link.ifindex
        and route.kind is RouteKind.UNICAST
        and route.table != own_table
        and route.protocol != PATHWARDEN_PROTOCOL
    ]
    best = min(seen, key=_remoteness, default=None)
    return NextHop(best.gateway) if best else None


def _remoteness(route: Route) -> tuple[bool, int, int, str]:
    return route.table != 254, route.metric, route.table, route.gateway


def choose_next_hop(
    wanted: str, source: str, link: Link, seen: NextHop | None, memory: Memory | None
) -> NextHop | None:
    """The operator's gateway, else the one seen, else the one remembered for this address.

    A point-to-point link needs none: what enters it comes out at the other end.
    """
    if configured(wanted):
        return NextHop(wanted)
    if seen is not None:
        return seen
    if memory is not None and memory.source == source:
        return memory.next_hop
    return NextHop("") if link.point_to_point else None
