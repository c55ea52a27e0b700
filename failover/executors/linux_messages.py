"""Routes and rules of executors as route netlink messages, and back.

Layouts are those of include/uapi/linux/{rtnetlink,fib_rules}.h. Opens no socket and
decides nothing; links and addresses are parsed by ``health.uplinks.messages``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from failover.executors.changes import RouteChange, RuleChange, Selectors
from failover.executors.planning import DEFAULT_PREFIXES
from health.uplinks.messages import FAMILY
from health.uplinks.netlink import Attributes, attribute, attributes

_ROUTE = struct.Struct("=BBBBBBBBI")
_RULE = struct.Struct("=BBBBBBBBI")
_U32 = struct.Struct("=I")
_NUMBER = {number: family for family, number in FAMILY.items()}

_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_PREFSRC = 1, 4, 5, 6, 7
_RTA_METRICS, _RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA = 8, 9, 15, 18
_RTA_ENCAP, _RTA_NH_ID = 22, 30
_NOT_OURS = frozenset({_RTA_METRICS, _RTA_MULTIPATH, _RTA_ENCAP, _RTA_NH_ID})
"""What our routes never have: an MTU of their own, several next hops, a tunnel, an object."""
_RTN_UNICAST = 1
_RTNH_F_ONLINK, _RTM_F_CLONED = 0x4, 0x200
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK, _RT_SCOPE_NOWHERE = 0, 253, 255

_FRA_DST, _FRA_SRC, _FRA_IIFNAME, _FRA_PRIORITY, _FRA_FWMARK = 1, 2, 3, 6, 10
_FRA_SUPPRESS, _FRA_TABLE, _FRA_FWMASK, _FRA_PROTOCOL = 14, 15, 16, 21
_FRA_DSCP, _FRA_DSCP_MASK = 25, 30
_FR_ACT_TO_TBL = 1
_FIB_RULE_INVERT = 0x2
_WHOLE_MARK, _WHOLE_DSCP = 0xFFFFFFFF, 0x3F
_OUR_ATTRIBUTES = frozenset(
    {_FRA_DST, _FRA_SRC, _FRA_IIFNAME, _FRA_PRIORITY, _FRA_FWMARK, _FRA_SUPPRESS, _FRA_TABLE,
     _FRA_FWMASK, _FRA_PROTOCOL, _FRA_DSCP, _FRA_DSCP_MASK, 18}
)  # fmt: skip


class KernelRoute(NamedTuple):
    """A route as the kernel has it; ``plain`` when ``route`` says everything that matters."""

    route: RouteChange
    plain: bool


class KernelRule(NamedTuple):
    """A rule as the kernel has it; ``plain`` when ``rule`` says everything that matters."""

    rule: RuleChange
    plain: bool


def table_query(family: int, table: int, protocol: int = 0) -> bytes:
    """RTM_GETROUTE of one table as a dump, of one owner or (0) of all."""
    body = _ROUTE.pack(FAMILY[family], 0, 0, 0, 0, protocol, 0, 0, 0)
    return body + attribute(_RTA_TABLE, _U32.pack(table))


def route_message(route: RouteChange, ifindex: int) -> bytes:
    """RTM_NEWROUTE of a route over the interface with that index."""
    scope = _RT_SCOPE_UNIVERSE if route.gateway or route.family == 6 else _RT_SCOPE_LINK
    flags = _RTNH_F_ONLINK if route.onlink else 0
    body = _place(route, scope, flags) + attribute(_RTA_OIF, _U32.pack(ifindex))
    if route.gateway:
        body += attribute(_RTA_GATEWAY, ip_address(route.gateway).packed)
    if route.source:
        body += attribute(_RTA_PREFSRC, ip_address(route.source).packed)
    return body


def route_deletion(route: RouteChange) -> bytes:
    """RTM_DELROUTE of what stands at the place of ``route`` and carries its protocol."""
    return _place(route, _RT_SCOPE_NOWHERE, 0)


def _place(route: RouteChange, scope: int, flags: int) -> bytes:
    prefix = DEFAULT_PREFIXES[route.family] if route.prefix == "default" else route.prefix
    network = ip_network(prefix)
    body = _ROUTE.pack(
        FAMILY[route.family], network.prefixlen, 0, 0, 0, route.protocol, scope, _RTN_UNICAST, flags
    )
    if network.prefixlen:
        body += attribute(_RTA_DST, network.network_address.packed)
    body += attribute(_RTA_PRIORITY, _U32.pack(route.metric))
    return body + attribute(_RTA_TABLE, _U32.pack(route.table))


def parse_route(body: bytes, interfaces: Mapping[int, str]) -> KernelRoute | None:
    """RTM_NEWROUTE; None for what is no route of a table (caches, other families).

    ``interfaces`` has names by index.
    """
    header = _ROUTE.unpack_from(body)
    family = _NUMBER.get(header[0])
    if family is None or header[8] & _RTM_F_CLONED:
        return None
    found = attributes(body, _ROUTE.size)
    address = found.get(_RTA_DST, bytes(4 if family == 4 else 16))
    prefix = str(ip_network((address, header[1]), strict=False))
    gateway = found.get(_RTA_GATEWAY) or found.get(_RTA_VIA, b"")[2:]
    source = found.get(_RTA_PREFSRC, b"")
    route = RouteChange(
        "replace",
        family,
        "default" if prefix == DEFAULT_PREFIXES[family] else prefix,
        _number(found, _RTA_TABLE) or header[4],
        _number(found, _RTA_PRIORITY),
        interfaces.get(_number(found, _RTA_OIF), ""),
        str(ip_address(gateway)) if gateway else "",
        str(ip_address(source)) if source else "",
        header[5],
        bool(header[8] & _RTNH_F_ONLINK),
    )
    selective = bool(header[2] or header[3])  # by source network or type of service
    special = not found.keys().isdisjoint(_NOT_OURS)
    return KernelRoute(route, header[7] == _RTN_UNICAST and not (selective or special))


def rule_query(family: int) -> bytes:
    """RTM_GETRULE of one family."""
    return _RULE.pack(FAMILY[family], 0, 0, 0, 0, 0, 0, 0, 0)


def rule_message(rule: RuleChange) -> bytes:
    """RTM_NEWRULE or RTM_DELRULE; the latter finds only a rule of the same protocol."""
    chosen = rule.selectors
    source = ip_network(chosen.source) if chosen.source else None
    destination = ip_network(chosen.destination) if chosen.destination else None
    to_bits = destination.prefixlen if destination else 0
    from_bits = source.prefixlen if source else 0
    body = _RULE.pack(FAMILY[rule.family], to_bits, from_bits, 0, 0, 0, 0, _FR_ACT_TO_TBL, 0)
    body += attribute(_FRA_PRIORITY, _U32.pack(rule.priority))
    body += attribute(_FRA_TABLE, _U32.pack(rule.table))
    body += attribute(_FRA_PROTOCOL, bytes((rule.protocol,)))
    if destination:
        body += attribute(_FRA_DST, destination.network_address.packed)
    if source:
        body += attribute(_FRA_SRC, source.network_address.packed)
    if chosen.interface:
        body += attribute(_FRA_IIFNAME, chosen.interface.encode() + b"\0")
    if chosen.fwmark is not None:
        body += attribute(_FRA_FWMARK, _U32.pack(chosen.fwmark))
        body += attribute(_FRA_FWMASK, _U32.pack(_WHOLE_MARK))
    if chosen.dscp is not None:
        body += attribute(_FRA_DSCP, bytes((chosen.dscp,)))
    return body


def parse_rule(body: bytes) -> KernelRule | None:
    """RTM_NEWRULE; None for rules that look no table up."""
    number, to_bits, from_bits, tos, table, _, _, action, flags = _RULE.unpack_from(body)
    family = _NUMBER.get(number)
    if family is None or action != _FR_ACT_TO_TBL:
        return None
    found = attributes(body, _RULE.size)
    selectors = Selectors(
        _network(found, _FRA_SRC, from_bits),
        _network(found, _FRA_DST, to_bits),
        found.get(_FRA_IIFNAME, b"").rstrip(b"\0").decode(errors="replace"),
        found[_FRA_DSCP][0] if _FRA_DSCP in found else None,
        _number(found, _FRA_FWMARK) if _FRA_FWMARK in found else None,
    )
    rule = RuleChange(
        "add",
        family,
        _number(found, _FRA_TABLE) or table,
        _number(found, _FRA_PRIORITY),
        selectors,
        found.get(_FRA_PROTOCOL, b"\0")[0],
    )
    whole = (
        (_FRA_FWMASK not in found or _number(found, _FRA_FWMASK) == _WHOLE_MARK)
        and (_FRA_DSCP_MASK not in found or found[_FRA_DSCP_MASK][0] == _WHOLE_DSCP)
        and (_FRA_SUPPRESS not in found or _number(found, _FRA_SUPPRESS) == 0xFFFFFFFF)
    )
    special = bool(tos or flags & _FIB_RULE_INVERT) or not found.keys() <= _OUR_ATTRIBUTES
    return KernelRule(rule, whole and not special)


def _network(found: Attributes, kind: int, bits: int) -> str:
    return str(ip_network((found[kind], bits), strict=False)) if kind in found else ""


def _number(found: Attributes, kind: int) -> int:
    data = found.get(kind, b"")
    number: int = _U32.unpack_from(data)[0] if len(data) >= _U32.size else 0
    return number
