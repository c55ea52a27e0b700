"""FRR's static routes in its own words: lines of the configuration, entries of its RIB.

A change of this kind is a ``RouteChange`` whose ``metric`` is the administrative distance and
whose ``protocol`` is the tag. Pure; the forms are those of FRR 8.4 (``ip route``,
``show running-config``, ``show ip route … json``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from failover.executors.changes import MAIN_TABLE, RouteChange
from failover.executors.planning import DEFAULT_PREFIXES

DEFAULT_DISTANCE = 1
_VALUED = {"tag", "table", "label", "nexthop-vrf", "color", "segments"}
_FLAGS = {"onlink", "bfd"}


class Place(NamedTuple):
    """Where one static route stands: next hops of the same place share the traffic."""

    vrf: str
    family: int
    prefix: str
    table: int
    distance: int


class Standing(NamedTuple):
    """A configured static route; ``text`` as FRR writes it, ``vrf`` "" for the default one."""

    vrf: str
    route: RouteChange
    text: str

    @property
    def place(self) -> Place:
        """Where it stands."""
        return place_of(self.route, self.vrf)


@dataclass(frozen=True, slots=True)
class RibEntry:
    """What FRR knows of a prefix by one protocol; ``hops`` are (address, interface) in use."""

    vrf: str
    family: int
    prefix: str
    table: int
    protocol: str
    distance: int
    tag: int
    selected: bool
    installed: bool
    hops: tuple[tuple[str, str], ...]

    def carries(self, route: RouteChange, vrf: str) -> bool:
        """Whether this is ``route``, chosen by FRR and in the kernel, and it alone."""
        return (
            self.protocol == "static"
            and self.is_at(route, vrf)
            and (self.distance, self.tag) == (route.metric, route.protocol)
            and self.selected
            and self.installed
            and len(self.hops) == 1
            and _same_hop(self.hops[0], route)
        )

    def is_at(self, route: RouteChange, vrf: str) -> bool:
        """Whether it concerns the prefix of ``route`` where that is looked up."""
        same = (self.vrf, self.family, self.prefix) == (vrf, route.family, route.prefix)
        return same and (bool(vrf) or self.table == route.table)


def place_of(route: RouteChange, vrf: str) -> Place:
    """Where ``route`` stands."""
    return Place(vrf, route.family, route.prefix, route.table, route.metric)


def line(route: RouteChange, vrf: str) -> str:
    """The line of configuration that makes ``route``."""
    words = ["ip" if route.family == 4 else "ipv6", "route", _frr_prefix(route)]
    words += filter(None, (route.gateway, route.interface))
    words += ["tag", str(route.protocol), str(route.metric)]
    words += ["table", str(route.table)] if route.table != MAIN_TABLE else []
    words += ["vrf", vrf] if vrf else []
    words += ["onlink"] if route.onlink else []
    return " ".join(words)


def question(route: RouteChange, vrf: str) -> str:
    """The command that shows what FRR knows of the prefix of ``route``.

    FRR 8.4 can be asked for one prefix in the main table only; of others it shows all.
    """
    words = ["show", "ip" if route.family == 4 else "ipv6", "route"]
    words += ["vrf", vrf] if vrf else []
    other = route.table != MAIN_TABLE
    words += ["table", str(route.table)] if other else [_frr_prefix(route)]
    return " ".join([*words, "json"])


def parse_configuration(text: str) -> Iterator[Standing]:
    """The static routes in what ``show running-config`` says."""
    vrf = ""
    for row in text.splitlines():
        words = row.split()
        if words[:1] == ["vrf"] and len(words) == 2:
            vrf = words[1]
        elif words[:1] in (["exit-vrf"], ["end"]):
            vrf = ""
        elif len(words) > 3 and words[1] == "route" and words[0] in {"ip", "ipv6"}:
            route = _parsed(words)
            if route is not None:
                yield Standing(vrf, route, row.strip())


def parse_entries(text: str) -> list[RibEntry]:
    """The entries in what several ``show … json`` say one after another."""
    decoder, found, rest = json.JSONDecoder(), [], text
    while (start := rest.find("{")) >= 0:
        document, end = decoder.raw_decode(rest[start:])
        rest = rest[start + end :]
        for rows in document.values():
            found += [_entry(row) for row in rows if isinstance(row, dict)]
    return found


def why_unused(route: RouteChange, entries: Iterable[RibEntry], vrf: str) -> str:
    """Why FRR does not use ``route`` alone, as a clause."""
    there = [one for one in entries if one.is_at(route, vrf)]
    chosen = next((one for one in there if one.selected), None)
    if chosen is not None and (chosen.protocol, chosen.distance) != ("static", route.metric):
        return f"it prefers a {chosen.protocol} route with distance {chosen.distance}"
    if chosen is not None and len(chosen.hops) > 1:
        return "other next hops share its traffic"
    return "it has no way to the next hop"


def _same_hop(hop: tuple[str, str], route: RouteChange) -> bool:
    address, interface = hop
    return address == route.gateway and route.interface in {"", interface}


def _entry(row: dict[str, Any]) -> RibEntry:
    family = 6 if ":" in row["prefix"] else 4
    vrf = row.get("vrfName", "default")
    hops = [one for one in row.get("nexthops", ()) if one.get("fib")]
    return RibEntry(
        "" if vrf == "default" else vrf,
        family,
        _our_prefix(row["prefix"], family),
        int(row.get("table", MAIN_TABLE)),
        str(row.get("protocol", "")),
        int(row.get("distance", 0)),
        int(row.get("tag", 0)),
        bool(row.get("selected")),
        bool(row.get("installed")),
        tuple((str(one.get("ip", "")), str(one.get("interfaceName", ""))) for one in hops),
    )


def _parsed(words: list[str]) -> RouteChange | None:
    """A route whose next hop is an address, an interface or both; None for other kinds."""
    family = 4 if words[0] == "ip" else 6
    try:
        prefix = _our_prefix(str(ip_network(words[2])), family)
    except ValueError:
        return None
    route = RouteChange(
        "replace", family, prefix, MAIN_TABLE, DEFAULT_DISTANCE, protocol=0, source=""
    )
    rest = iter(words[3:])
    for word in rest:
        if word == "tag":
            route = replace(route, protocol=int(next(rest)))
        elif word == "table":
            route = replace(route, table=int(next(rest)))
        elif word in _VALUED:
            next(rest, None)
        elif word == "onlink":
            route = replace(route, onlink=True)
        elif word.isdecimal():
            route = replace(route, metric=int(word))
        elif _is_address(word):
            route = replace(route, gateway=str(ip_address(word)))
        elif word not in _FLAGS and not route.interface:
            route = replace(route, interface=word)
    return route


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _frr_prefix(route: RouteChange) -> str:
    return DEFAULT_PREFIXES[route.family] if route.prefix == "default" else route.prefix


def _our_prefix(prefix: str, family: int) -> str:
    return "default" if prefix == DEFAULT_PREFIXES[family] else prefix
