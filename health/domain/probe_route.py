"""The probe route of an uplink as it should be: a table, its routes, the rules into it. Pure.

A probe must take its own path also after a switch. A packet that is merely bound
to an interface finds no gateway there once the default route of the main table
points elsewhere (IPv4 then takes every target for a neighbour, IPv6 leaves by the
other uplink), and one that merely has the right source leaves wherever the main
table says. So each uplink has a table of its own:

* its default route; the networks on the link; and, with the worst metric, a route
  "unreachable", so that a probe whose uplink is gone never strays to another.

And three ways into it, all of which a probe satisfies at once:

* its firewall mark: leads into the table whatever else is configured;
* its interface (``oif``): serves ``ping -I wan1`` and unprivileged probes too;
* its source, where only one interface has it: this is what lets answers pass strict
  reverse path filtering, which asks for the way back without mark and interface.

The last two serve traffic of others as well. It sees more specific routes of the
main table first (``suppress_prefixlength 0``) and is affected only where the main
table's default route would have been used. Two uplinks may have the same source and
the same gateway; mark and interface still tell them apart.

Numbers. A table that is not configured is 173000 + key of the uplink, the mark
0xAD000000 + key (173 is 0xAD; its low bytes stay clear of the masks of mwan3, kube-
proxy and Tailscale for keys below 256). Rules have priorities 173 to 175: before those
of strongSwan (220), FRR (from 300), VRF (1000), mwan3 (1001), Tailscale (5210), wg-quick
(above 32000). All carry protocol 173.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from health.domain.probe_route_choice import (
    PATHWARDEN_PROTOCOL,
    Memory,
    NextHop,
    choose_next_hop,
    choose_source,
    configured,
    seen_next_hop,
)
from health.domain.probe_route_facts import (
    DEFAULT,
    Address,
    Facts,
    Link,
    Route,
    RouteKind,
    Rule,
    covers,
    is_address,
    is_link_local,
)
from health.domain.uplink_spec import AUTO, ProbeRouteMode, UplinkSpec

TABLE_BASE = 173_000
MARK_BASE = 0xAD000000
MARK_KEYS = 0x00FFFFFF
SYSTEM_TABLES = frozenset({0, 253, 254, 255})
MAIN_TABLE = 254

PRIORITY_MARK = 173
PRIORITY_SPECIFIC = 174
PRIORITY_DEFAULT = 175
PRIORITIES = frozenset({PRIORITY_MARK, PRIORITY_SPECIFIC, PRIORITY_DEFAULT})

METRIC = 1024
METRIC_FALLBACK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class FamilyPlan:
    """What one uplink needs for one family.

    ``routes`` and ``rules`` are everything of ours that should be in the kernel;
    ``next_hop`` None and ``problem`` tell why no probe can leave. ``absent`` means
    that nobody has set this family up here, which is no fault.
    """

    family: int
    source: str = ""
    next_hop: NextHop | None = None
    memory: Memory | None = None
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    problem: str = ""
    absent: bool = False


def table_of(spec: UplinkSpec) -> int:
    """The table of the uplink's probe route."""
    return spec.table or TABLE_BASE + spec.key


def mark_of(spec: UplinkSpec) -> int:
    """The firewall mark of its probes; only ``managed`` uplinks get one unasked."""
    if spec.fwmark or spec.mode is not ProbeRouteMode.MANAGED:
        return spec.fwmark
    return MARK_BASE | (spec.key & MARK_KEYS)


def malformed(spec: UplinkSpec) -> str:
    """Which field is no address of its family, or ""; forms check that too, imports may not."""
    for field, family, value in (
        ("gateway", 4, spec.gateway),
        ("source", 4, spec.source),
        ("IPv6 gateway", 6, spec.gateway6),
        ("IPv6 source", 6, spec.source6),
    ):
        if configured(value) and not is_address(value, family):
            return f"{field} {value!r} is no IPv{family} address: correct it, or enter 'auto'"
    return ""


def conflict_among(spec: UplinkSpec, specs: list[UplinkSpec]) -> str:
    """Why this uplink cannot be managed, alone or beside the others, or ""."""
    problem = malformed(spec)
    if problem:
        return problem
    if table_of(spec) in SYSTEM_TABLES:
        return f"routing table {spec.table} is the system's: choose another, or leave it empty"
    for other in specs:
        if other.key >= spec.key or other.mode is not ProbeRouteMode.MANAGED:
            continue
        if table_of(other) == table_of(spec):
            return (
                f"routing table {table_of(spec)} is that of uplink {other.name!r}: "
                "choose another, or leave it empty"
            )
        if mark_of(other) == mark_of(spec):
            return (
                f"firewall mark {mark_of(spec):#x} is that of uplink {other.name!r}: "
                "choose another, or leave it empty"
            )
    return ""


def plan_family(
    spec: UplinkSpec,
    family: int,
    facts: Facts,
    *,
    others: list[UplinkSpec],
    before: str = "",
    memory: Memory | None = None,
) -> FamilyPlan:
    """What a managed uplink needs for ``family`` as things are.

    ``others`` are the other managed uplinks; ``before`` is the source used so far
    and ``memory`` what ``auto`` gateway remembers. Without a next hop the mark still
    leads to the route "unreachable": a probe must not stray meanwhile.
    """
    wanted_source = spec.source6 if family == 6 else spec.source
    wanted_gateway = spec.gateway6 if family == 6 else spec.gateway
    table, mark = table_of(spec), mark_of(spec)
    fallback = _route(family, table, DEFAULT[family], kind=RouteKind.UNREACHABLE)
    by_mark = Rule(family, PRIORITY_MARK, table, fwmark=mark, protocol=PATHWARDEN_PROTOCOL)
    plan = FamilyPlan(family, memory=memory, routes=(fallback,), rules=(by_mark,))

    link = facts.links.get(spec.interface)
    if link is None:
        return replace(plan, problem=f"interface {spec.interface} does not exist: {_GONE_CURE}")
    addresses = facts.addresses_of(link.ifindex, family)
    source = choose_source(wanted_source, _candidates(wanted_source, addresses, facts), before)
    if not source:
        absent = wanted_source == AUTO and wanted_gateway == AUTO
        return replace(plan, problem=no_source(spec, family), absent=absent)
    seen = seen_next_hop(family, link, facts, table)
    if seen is not None:
        memory = Memory(source, seen)
    elif memory is not None and not memory.source:
        memory = memory._replace(source=source)
    plan = replace(plan, source=source, memory=memory)
    next_hop = choose_next_hop(wanted_gateway, source, link, seen, memory)
    if next_hop is None:
        absent = family == 6 and wanted_source == AUTO
        return replace(plan, problem=no_gateway(spec, family), absent=absent)
    rules = (by_mark, *_shared_rules(spec, plan, facts, others))
    if not link.up:  # the kernel takes no routes over it
        return replace(plan, next_hop=next_hop, rules=rules)
    routes = (fallback, *_link_routes(link, addresses, table, next_hop, family))
    return replace(plan, next_hop=next_hop, routes=routes, rules=rules)


_GONE_CURE = "correct the uplink's interface, or bring it back"


def _candidates(wanted: str, addresses: list[Address], facts: Facts) -> list[Address]:
    """A source that an operator names may sit on another interface, such as lo."""
    return list(facts.addresses) if configured(wanted) else addresses


def no_source(spec: UplinkSpec, family: int) -> str:
    """The sentence for a family without a source, with its cure."""
    wanted = configured(spec.source6 if family == 6 else spec.source)
    if wanted:
        return f"source {wanted} is no address of this host: correct it, or enter 'auto'"
    return (
        f"{spec.interface} has no usable IPv{family} address: "
        "check its DHCP, PPP or static configuration"
    )


def no_gateway(spec: UplinkSpec, family: int) -> str:
    """The sentence for a family without a next hop, with its cure."""
    return (
        f"no IPv{family} gateway is known on {spec.interface}: no default route names one; "
        "get one by DHCP, PPP or router advertisement, or enter the uplink's gateway"
    )


def _route(
    family: int,
    table: int,
    destination: str,
    index: int = 0,
    gateway: str = "",
    *,
    kind: RouteKind = RouteKind.UNICAST,
    onlink: bool = False,
) -> Route:
    metric = METRIC if kind is RouteKind.UNICAST else METRIC_FALLBACK
    return Route(
        family, table, destination, kind, index, gateway, metric, PATHWARDEN_PROTOCOL, onlink
    )


def _link_routes(
    link: Link, addresses: list[Address], table: int, next_hop: NextHop, family: int
) -> list[Route]:
    """The networks on the link and the default route.

    A gateway outside those networks is used all the same (``onlink``), as with
    addresses that have a /32 and a gateway elsewhere.
    """
    networks = sorted({one.network for one in addresses if one.network and not one.tentative})
    gateway = next_hop.gateway
    near = any(covers(network, gateway) for network in networks) if gateway else True
    if family == 6 and gateway and is_link_local(gateway):
        near = True
    return [
        *(_route(family, table, network, link.ifindex) for network in networks),
        _route(family, table, DEFAULT[family], link.ifindex, gateway, onlink=not near),
    ]


def _shared_rules(
    spec: UplinkSpec, plan: FamilyPlan, facts: Facts, others: list[UplinkSpec]
) -> list[Rule]:
    """The rules by interface and by source, where these mean this uplink and no other."""
    family, table, source = plan.family, table_of(spec), plan.source
    alone = all(other.interface != spec.interface for other in others)
    claimed = any(source in (other.source, other.source6) for other in others)
    own_source = alone or bool(configured(spec.source6 if family == 6 else spec.source))
    rules: list[Rule] = []
    if alone:
        rules += [
            _specific(family)._replace(interface=spec.interface),
            _into(family, table)._replace(interface=spec.interface),
        ]
    if own_source and not claimed and facts.holders_of(source) == 1:
        network = f"{source}/{32 if family == 4 else 128}"
        rules += [
            _specific(family)._replace(source=network),
            _into(family, table)._replace(source=network),
        ]
    return rules


def _specific(family: int) -> Rule:
    return Rule(family, PRIORITY_SPECIFIC, MAIN_TABLE, suppress=0, protocol=PATHWARDEN_PROTOCOL)


def _into(family: int, table: int) -> Rule:
    return Rule(family, PRIORITY_DEFAULT, table, protocol=PATHWARDEN_PROTOCOL)
