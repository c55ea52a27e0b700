"""Route netlink messages to facts and back: one function per kind and direction.

Layouts are those of include/uapi/linux/{rtnetlink,if_link,if_addr,fib_rules}.h. Opens
no socket and decides nothing.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import TypeAlias

from health.domain.probe_route_facts import Address, Link, Route, RouteKind, Rule
from health.uplinks.netlink import Attributes, attribute, attributes

Keep: TypeAlias = Callable[[bytes], bool]
"""Tells by its body whether a message is wanted."""

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_RULE = struct.Struct("=BBBBBBBBI")
_NEXT_HOP = struct.Struct("=HBBi")
_U32 = struct.Struct("=I")

FAMILY = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
_NUMBER = {number: family for family, number in FAMILY.items()}

_IFF_UP, _IFF_POINTOPOINT, _IFF_RUNNING, _IFF_LOWER_UP = 0x1, 0x10, 0x40, 0x10000
_IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_INFO_KIND = 3, 10, 18, 1
_IFLA_EXT_MASK, _SKIP_STATISTICS = 29, 1 << 3
_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO, _IFA_FLAGS = 1, 2, 6, 8
_IFA_F_SECONDARY, _IFA_F_DADFAILED, _IFA_F_DEPRECATED = 0x01, 0x08, 0x20
_IFA_F_TENTATIVE, _IFA_F_NOPREFIXROUTE = 0x40, 0x200
_RTA_DST, _RTA_SRC, _RTA_IIF, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 1, 2, 3, 4, 5, 6
_RTA_MULTIPATH, _RTA_TABLE, _RTA_MARK, _RTA_VIA = 9, 15, 16, 18
_RTN_UNICAST, _RTN_UNREACHABLE = 1, 7
_RTNH_F_ONLINK = 4
_RT_SCOPE_LINK = 253
_RTM_F_LOOKUP_TABLE, _RTM_F_FIB_MATCH = 0x1000, 0x2000
_FRA_DST, _FRA_SRC, _FRA_PRIORITY, _FRA_FWMARK, _FRA_SUPPRESS = 1, 2, 6, 10, 14
_FRA_TABLE, _FRA_FWMASK, _FRA_OIFNAME, _FRA_PROTOCOL = 15, 16, 17, 21
_FR_ACT_TO_TBL = 1
_FIB_RULE_INVERT = 0x2
_KNOWN_SELECTORS = frozenset(
    {_FRA_SRC, _FRA_PRIORITY, _FRA_FWMARK, _FRA_SUPPRESS, _FRA_TABLE, _FRA_FWMASK,
     _FRA_OIFNAME, _FRA_PROTOCOL, 18}
)  # fmt: skip


def parse_link(body: bytes) -> Link:
    """RTM_NEWLINK or RTM_DELLINK."""
    _, _, index, flags, _ = _LINK.unpack_from(body)
    found = attributes(body, _LINK.size)
    info = attributes(found.get(_IFLA_LINKINFO, b""), 0)
    return Link(
        index,
        _text(found.get(_IFLA_IFNAME, b"")),
        up=bool(flags & _IFF_UP),
        running=flags & (_IFF_RUNNING | _IFF_LOWER_UP) == _IFF_RUNNING | _IFF_LOWER_UP,
        point_to_point=bool(flags & _IFF_POINTOPOINT),
        master=_number(found, _IFLA_MASTER),
        vrf=_text(info.get(_IFLA_INFO_KIND, b"")) == "vrf",
    )


def has_carrier(body: bytes) -> bool:
    """RTM_NEWLINK, told by the fixed header alone: up and with a carrier."""
    flags = _LINK.unpack_from(body)[3]
    return bool(flags & _IFF_UP and flags & _IFF_LOWER_UP)


def carrier_query(ifindex: int) -> bytes:
    """RTM_GETLINK of one interface by index."""
    skip = attribute(_IFLA_EXT_MASK, _U32.pack(_SKIP_STATISTICS))
    return _LINK.pack(0, 0, ifindex, 0, 0) + skip


def link_query(name: str = "") -> bytes:
    """RTM_GETLINK of one interface by name, or of all."""
    wanted = attribute(_IFLA_IFNAME, name.encode() + b"\0") if name else b""
    skip = attribute(_IFLA_EXT_MASK, _U32.pack(_SKIP_STATISTICS))
    return _LINK.pack(0, 0, 0, 0, 0) + wanted + skip


def parse_address(body: bytes) -> Address | None:
    """RTM_NEWADDR; None for families that are not ours."""
    number, prefix, flags, scope, index = _ADDRESS.unpack_from(body)
    family = _NUMBER.get(number)
    found = attributes(body, _ADDRESS.size)
    if family is None or _IFA_ADDRESS not in found:
        return None
    flags = _number(found, _IFA_FLAGS) or flags
    peer = found[_IFA_ADDRESS]
    own = found.get(_IFA_LOCAL, peer)
    bare = prefix == len(peer) * 8 and own == peer
    hidden = family == 6 and bool(flags & _IFA_F_NOPREFIXROUTE)
    network = "" if bare or hidden else str(ip_network((peer, prefix), strict=False))
    cache = found.get(_IFA_CACHEINFO, b"")
    return Address(
        family,
        index,
        str(ip_address(own)),
        network,
        is_global=scope < _RT_SCOPE_LINK,
        deprecated=bool(flags & _IFA_F_DEPRECATED),
        temporary=family == 6 and bool(flags & _IFA_F_SECONDARY),
        tentative=bool(flags & (_IFA_F_TENTATIVE | _IFA_F_DADFAILED)),
        secondary=family == 4 and bool(flags & _IFA_F_SECONDARY),
        preferred_secs=_U32.unpack_from(cache)[0] if cache else 0xFFFFFFFF,
    )


def address_query() -> bytes:
    """RTM_GETADDR of all families."""
    return _ADDRESS.pack(0, 0, 0, 0, 0)


def is_default_route(body: bytes) -> bool:
    """Told by the fixed header alone: cheap enough for a full table."""
    return body[1] == 0 and body[7] == _RTN_UNICAST


def parse_route(body: bytes) -> list[Route]:
    """RTM_NEWROUTE: one route per next hop."""
    header = _ROUTE.unpack_from(body)
    family = _NUMBER.get(header[0])
    if family is None:
        return []
    found = attributes(body, _ROUTE.size)
    kinds = {_RTN_UNICAST: RouteKind.UNICAST, _RTN_UNREACHABLE: RouteKind.UNREACHABLE}
    kind = kinds.get(header[7], RouteKind.OTHER)
    destination = found.get(_RTA_DST, bytes(4 if family == 4 else 16))
    shared = Route(
        family,
        _number(found, _RTA_TABLE) or header[4],
        str(ip_network((destination, header[1]), strict=False)),
        kind,
        metric=_number(found, _RTA_PRIORITY),
        protocol=header[5],
    )
    if kind is RouteKind.UNREACHABLE:
        return [shared]  # IPv6 says it leaves by lo
    if _RTA_MULTIPATH in found:
        return [_next_hop(shared, *hop) for hop in _multipath(found[_RTA_MULTIPATH])]
    return [_next_hop(shared, _number(found, _RTA_OIF), header[8], found)]


def _multipath(data: bytes) -> list[tuple[int, int, Attributes]]:
    hops = []
    offset = 0
    while offset + _NEXT_HOP.size <= len(data):
        length, flags, _, index = _NEXT_HOP.unpack_from(data, offset)
        if length < _NEXT_HOP.size:
            break
        hops.append((index, flags, attributes(data[offset : offset + length], _NEXT_HOP.size)))
        offset += (length + 3) & ~3
    return hops


def _next_hop(shared: Route, index: int, flags: int, found: Attributes) -> Route:
    gateway = found.get(_RTA_GATEWAY) or found.get(_RTA_VIA, b"")[2:]
    return shared._replace(
        ifindex=index,
        gateway=str(ip_address(gateway)) if gateway else "",
        onlink=bool(flags & _RTNH_F_ONLINK),
    )


def route_query(family: int, *, table: int = 0, index: int = 0) -> bytes:
    """RTM_GETROUTE of a table or over an interface, as a dump."""
    body = _ROUTE.pack(FAMILY[family], 0, 0, 0, 0, 0, 0, 0, 0)
    body += attribute(_RTA_TABLE, _U32.pack(table)) if table else b""
    return body + (attribute(_RTA_OIF, _U32.pack(index)) if index else b"")


def route_message(route: Route) -> bytes:
    """RTM_NEWROUTE or RTM_DELROUTE."""
    network = ip_network(route.destination)
    unicast = route.kind is RouteKind.UNICAST
    on_link = unicast and not route.gateway and route.family == 4
    body = _ROUTE.pack(
        FAMILY[route.family], network.prefixlen, 0, 0, 0, route.protocol,
        _RT_SCOPE_LINK if on_link else 0,
        _RTN_UNICAST if unicast else _RTN_UNREACHABLE,
        _RTNH_F_ONLINK if route.onlink else 0,
    )  # fmt: skip
    if network.prefixlen:
        body += attribute(_RTA_DST, network.network_address.packed)
    if route.gateway:
        body += attribute(_RTA_GATEWAY, ip_address(route.gateway).packed)
    if route.ifindex:
        body += attribute(_RTA_OIF, _U32.pack(route.ifindex))
    body += attribute(_RTA_PRIORITY, _U32.pack(route.metric))
    return body + attribute(_RTA_TABLE, _U32.pack(route.table))


def parse_rule(body: bytes) -> Rule | None:
    """RTM_NEWRULE; None for rules that look no table up."""
    number, to_length, from_length, tos, table, _, _, action, flags = _RULE.unpack_from(body)
    family = _NUMBER.get(number)
    if family is None or action != _FR_ACT_TO_TBL:
        return None
    found = attributes(body, _RULE.size)
    source = found.get(_FRA_SRC, b"")
    other = bool(to_length or tos or flags & _FIB_RULE_INVERT) or not (
        found.keys() <= _KNOWN_SELECTORS
    )
    return Rule(
        family,
        _number(found, _FRA_PRIORITY),
        _number(found, _FRA_TABLE) or table,
        fwmark=_number(found, _FRA_FWMARK),
        fwmask=_number(found, _FRA_FWMASK) if _FRA_FWMASK in found else 0xFFFFFFFF,
        interface=_text(found.get(_FRA_OIFNAME, b"")),
        source=str(ip_network((source, from_length), strict=False)) if source else "",
        suppress=_signed(found, _FRA_SUPPRESS),
        protocol=found.get(_FRA_PROTOCOL, b"\0")[0],
        other_selectors=other,
    )


def rule_query(family: int) -> bytes:
    """RTM_GETRULE of one family."""
    return _RULE.pack(FAMILY[family], 0, 0, 0, 0, 0, 0, 0, 0)


def rule_message(rule: Rule) -> bytes:
    """RTM_NEWRULE or RTM_DELRULE; the latter finds only a rule of the same protocol."""
    source = ip_network(rule.source) if rule.source else None
    body = _RULE.pack(
        FAMILY[rule.family], 0, source.prefixlen if source else 0, 0, 0, 0, 0, _FR_ACT_TO_TBL, 0
    )
    body += attribute(_FRA_PRIORITY, _U32.pack(rule.priority))
    body += attribute(_FRA_TABLE, _U32.pack(rule.table))
    body += attribute(_FRA_PROTOCOL, bytes((rule.protocol,)))
    if source:
        body += attribute(_FRA_SRC, source.network_address.packed)
    if rule.interface:
        body += attribute(_FRA_OIFNAME, rule.interface.encode() + b"\0")
    if rule.fwmark:
        body += attribute(_FRA_FWMARK, _U32.pack(rule.fwmark))
        body += attribute(_FRA_FWMASK, _U32.pack(rule.fwmask))
    if rule.suppress >= 0:
        body += attribute(_FRA_SUPPRESS, _U32.pack(rule.suppress))
    return body


def lookup_query(
    target: str,
    source: str,
    *,
    leaving: int = 0,
    arriving: int = 0,
    fwmark: int = 0,
    matched: bool = False,
) -> bytes:
    """RTM_GETROUTE: where a packet would go that leaves by, or has come in on, an interface.

    ``matched`` asks for the route that matches instead of the way that results.
    """
    to, by = ip_address(target), ip_address(source)
    bits = to.max_prefixlen
    # IPv6 always names the table looked up, and refuses to be asked for it.
    flags = _RTM_F_LOOKUP_TABLE if to.version == 4 else 0
    flags |= _RTM_F_FIB_MATCH if matched else 0
    body = _ROUTE.pack(FAMILY[to.version], bits, bits, 0, 0, 0, 0, 0, flags)
    body += attribute(_RTA_DST, to.packed) + attribute(_RTA_SRC, by.packed)
    body += attribute(_RTA_OIF, _U32.pack(leaving)) if leaving else b""
    body += attribute(_RTA_IIF, _U32.pack(arriving)) if arriving else b""
    return body + (attribute(_RTA_MARK, _U32.pack(fwmark)) if fwmark else b"")


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")


def _number(found: Attributes, kind: int) -> int:
    data = found.get(kind, b"")
    number: int = _U32.unpack_from(data)[0] if len(data) >= _U32.size else 0
    return number


def _signed(found: Attributes, kind: int) -> int:
    number = _number(found, kind) if kind in found else 0xFFFFFFFF
    return number - (1 << 32) if number >> 31 else number
