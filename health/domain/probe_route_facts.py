"""What the kernel says about links, addresses, routes and rules: plain values.

Read by ``health.uplinks`` through netlink, judged by the other ``probe_route``
modules. Families are 4 and 6; addresses and networks are in their canonical text
form. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import NamedTuple

DEFAULT = {4: "0.0.0.0/0", 6: "::/0"}
"""The destination of a default route, by family."""


class Link(NamedTuple):
    """One interface: ``up`` is what the administrator wants, ``running`` what the wire allows.

    ``master`` is the index of the bridge, bond or VRF it belongs to (0: none), and
    ``vrf`` tells that this is a VRF.
    """

    ifindex: int
    name: str
    up: bool
    running: bool
    point_to_point: bool = False
    master: int = 0
    vrf: bool = False


class Address(NamedTuple):
    """One address of an interface and the network that is reached through it without a gateway.

    ``network`` is empty where the address brings none (a /32 without a peer).
    ``preferred_secs`` is the remaining preferred lifetime (RFC 4862 §5.5.4).
    """

    family: int
    ifindex: int
    address: str
    network: str
    is_global: bool
    deprecated: bool = False
    temporary: bool = False
    tentative: bool = False
    secondary: bool = False
    preferred_secs: int = 0xFFFFFFFF

    @property
    def usable(self) -> bool:
        """It can be the source of packets to anywhere, now."""
        return self.is_global and not self.tentative


class RouteKind(StrEnum):
    """What a route does with a packet."""

    UNICAST = "unicast"
    UNREACHABLE = "unreachable"
    OTHER = "other"


class Route(NamedTuple):
    """One next hop of a route; a multipath route becomes several. ``gateway`` "" is none."""

    family: int
    table: int
    destination: str
    kind: RouteKind = RouteKind.UNICAST
    ifindex: int = 0
    gateway: str = ""
    metric: int = 0
    protocol: int = 0
    onlink: bool = False


class Rule(NamedTuple):
    """One routing rule that looks a table up; selectors that are empty match everything.

    ``suppress`` is the longest prefix of that table which does not count (-1: all
    count). ``other_selectors`` tells of selectors that have no field here.
    """

    family: int
    priority: int
    table: int
    fwmark: int = 0
    fwmask: int = 0xFFFFFFFF
    interface: str = ""
    source: str = ""
    suppress: int = -1
    protocol: int = 0
    other_selectors: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a plan needs of the kernel; ``defaults`` are default routes of any owner."""

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    defaults: tuple[Route, ...] = ()

    def addresses_of(self, index: int, family: int) -> list[Address]:
        """The addresses of one interface."""
        return [one for one in self.addresses if one.ifindex == index and one.family == family]

    def holders_of(self, address: str) -> int:
        """How many interfaces have this address."""
        return len({one.ifindex for one in self.addresses if one.address == address})


def covers(network: str, address: str) -> bool:
    """Whether ``address`` lies in ``network``."""
    return ip_address(address) in ip_network(network)


def is_address(text: str, family: int) -> bool:
    """Whether ``text`` is an address of this family."""
    try:
        return ip_address(text).version == family
    except ValueError:
        return False


def is_link_local(address: str) -> bool:
    """Whether ``address`` means something on one link only (fe80::/10, 169.254.0.0/16)."""
    return ip_address(address).is_link_local
