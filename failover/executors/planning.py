"""From an intent to its plan: pure, the same for every executor that changes routes.

Refuses values that cannot work, naming them; knows no kernel.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from failover.executors.base import (
    ExecutorError,
    Intent,
    Plan,
    Problem,
    Proposal,
    Route,
    UplinkFacts,
)
from failover.executors.changes import NO_SELECTORS, Change, RouteChange, RuleChange, Selectors

DEFAULT_PREFIXES = {4: "0.0.0.0/0", 6: "::/0"}
KERNEL_METRIC_6 = 1024
"""What Linux makes of metric 0 for IPv6 (IP6_RT_PRIO_USER)."""
FIRST_PRIORITY = 17_300
"""Rules of policies come after those of probe routes (173–175), FRR, VRF, mwan3 and
Tailscale, and before the main table (32766)."""
LAST_PRIORITY = FIRST_PRIORITY + 5 * 300


def route_changes(intent: Intent) -> Plan:
    """The plan of ``intent``: routes, then the rules that lead to them; the inverse reversed.

    Raises ``ExecutorError`` (not retryable) naming the value that cannot work.
    """
    routes = _distinct(intent.routes)
    rules = tuple(dict.fromkeys(_rule(route) for route in intent.routes if route.selectors))
    changes = tuple(_route_over(route, intent.to_uplink) for route in routes)
    undo: list[Change] = []
    if intent.from_uplink is None:
        undo += [replace(rule, operation="delete") for rule in reversed(rules)]
        undo += [_delete(route) for route in reversed(routes)]
    else:
        undo += [_route_over(route, intent.from_uplink) for route in reversed(routes)]
    return Plan(intent, (*changes, *rules), tuple(undo))


def proposal_problems(proposal: Proposal) -> list[Problem]:
    """Why moving the policy to one of its members cannot even be planned."""
    problems = []
    for member in proposal.members:
        intent = Intent(
            proposal.policy_uid, proposal.policy_name, 0, 0, member, None, proposal.routes
        )
        try:
            route_changes(intent)
        except ExecutorError as error:
            problems.append(Problem("routes", str(error), ""))
    return list(dict.fromkeys(problems))


def _distinct(routes: tuple[Route, ...]) -> list[Route]:
    """One route per place, however many rules lead to it."""
    return list(dict.fromkeys(replace(_canonical(one), selectors=NO_SELECTORS) for one in routes))


def _canonical(route: Route) -> Route:
    metric = route.metric
    if route.family == 6 and metric == 0:
        metric = KERNEL_METRIC_6
    return replace(route, prefix=_prefix_of(route), metric=metric)


def _route_over(route: Route, uplink: UplinkFacts) -> RouteChange:
    gateway = _address("gateway", uplink.next_hop(route.family), route.family, uplink.name)
    if not (uplink.interface or gateway):
        raise ExecutorError(
            f"{uplink.name} has neither an interface nor an IPv{route.family} gateway: "
            "set one on its uplink.",
            retryable=False,
        )
    return RouteChange(
        "replace",
        route.family,
        route.prefix,
        route.table,
        route.metric,
        uplink.interface,
        gateway,
        _address("source", uplink.preferred_source(route.family), route.family, uplink.name),
        onlink=bool(gateway) and uplink.is_onlink(route.family),
    )


def _delete(route: Route) -> RouteChange:
    return RouteChange("delete", route.family, route.prefix, route.table, route.metric)


def _rule(route: Route) -> RuleChange:
    _prefix_of(route)
    wanted = route.selectors
    source = _network("rule_source", wanted.source, route.family)
    destination = _network("rule_destination", wanted.destination, route.family)
    if wanted.dscp is not None and not 0 <= wanted.dscp <= 63:
        raise ExecutorError(f"rule_dscp {wanted.dscp}: enter 0 to 63.", retryable=False)
    if wanted.fwmark is not None and not 0 < wanted.fwmark < 1 << 32:
        raise ExecutorError(f"rule_fwmark {wanted.fwmark}: enter 1 to 4294967295.", retryable=False)
    selectors = replace(
        wanted,
        source=str(source) if source else "",
        destination=str(destination) if destination else "",
    )
    bits = sum(network.prefixlen for network in (source, destination) if network)
    return RuleChange("add", route.family, route.table, _priority(selectors, bits), selectors)


def _priority(selectors: Selectors, bits: int) -> int:
    """The more selectors, the earlier; among equals the longer networks (at most 256 bits)."""
    return FIRST_PRIORITY + (5 - selectors.count) * 300 + 256 - bits


def _prefix_of(route: Route) -> str:
    if route.family not in DEFAULT_PREFIXES:
        raise ExecutorError(f"family {route.family!r} is neither 4 nor 6.", retryable=False)
    if route.prefix == "default":
        return route.prefix
    network = str(_network("prefix", route.prefix, route.family))
    return "default" if network == DEFAULT_PREFIXES[route.family] else network


def _network(field: str, value: str, family: int) -> IPv4Network | IPv6Network | None:
    if not value:
        return None
    try:
        network = ip_network(value)
    except ValueError as error:
        raise ExecutorError(f"{field} {value!r}: {error}.", retryable=False) from error
    if network.version != family:
        raise ExecutorError(f"{field} {value} is not of IPv{family}.", retryable=False)
    return network


def _address(field: str, value: str, family: int, name: str) -> str:
    if not value:
        return ""
    try:
        address = ip_address(value)
    except ValueError as error:
        raise ExecutorError(f"{field} of {name}: {error}.", retryable=False) from error
    if address.version != family:
        message = f"{field} {value} of {name} is not an IPv{family} address."
        raise ExecutorError(message, retryable=False)
    return str(address)
