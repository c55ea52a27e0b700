"""Can this host carry a policy? Everything that would make its first switch fail, before it is due.

Reads the kernel and changes nothing. What cannot work blocks; what may be meant so warns.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_network

from failover.executors.base import Intent, Problem, Proposal, UplinkFacts
from failover.executors.changes import MAIN_TABLE, Change, RouteChange, RuleChange
from failover.executors.linux_errors import PERMISSION_CURE
from failover.executors.linux_kernel import LinuxRouting
from failover.executors.linux_neighbours import neighbours
from failover.executors.linux_view import View
from failover.executors.planning import route_changes
from health.domain.probe_route import TABLE_BASE
from health.domain.probe_route_facts import Address, Link, covers, is_link_local
from health.uplinks.kernel import may_administrate

_SYSTEM_TABLES = frozenset({0, 253, 255})
_PROBE_TABLES = range(TABLE_BASE, TABLE_BASE + 0x1000000)
_NEARLY_DEFAULT_BITS = 3
"""2000::/3 is all of the Internet there is."""
DSCP_SINCE = (6, 12)
"""Older kernels ignore FRA_DSCP: the rule would choose everything."""


def problems(proposal: Proposal, routing: LinuxRouting) -> list[Problem]:
    """What speaks against the policy; its values have been found plannable."""
    links, addresses = routing.links(), routing.addresses()
    plans = [_changes(proposal, member) for member in proposal.members]
    routes = [one for one in plans[0] if isinstance(one, RouteChange)] if plans else []
    rules = [one for one in plans[0] if isinstance(one, RuleChange)] if plans else []
    found = [*_permission(proposal), *unverified(proposal), *undeclared(proposal, routes)]
    found += _tables(routes, rules)
    for member, changes in zip(proposal.members, plans, strict=True):
        found += _ways_out(member, changes, links, addresses)
    found += dscp_problems(rules)
    if routes:
        view = View(routing, [*routes, *rules])
        found += [Problem("routes", text, "") for text in view.collisions([*routes, *rules])]
        found += _unseen(view)
        found += _surroundings(routing, routes, rules)
    return found


def one_per_next_hop(changes: Iterable[Change]) -> list[RouteChange]:
    """A route for each way out that ``changes`` take, however many prefixes share it."""
    routes = (one for one in changes if isinstance(one, RouteChange))
    by_way = {(one.family, one.interface, one.gateway, one.onlink): one for one in routes}
    return list(by_way.values())


def next_hop_problem(
    route: RouteChange, name: str, links: dict[str, Link], addresses: Sequence[Address]
) -> str:
    """Why ``route`` over the uplink ``name`` would lead nowhere, with the cure; "" if it leads."""
    link = links.get(route.interface)
    if link is None:
        return (
            f"{name}: interface {route.interface or '(none)'} does not exist. "
            "Correct the uplink's interface, or bring it back."
        )
    if not link.up:
        return f"{name}: interface {link.name} is down. `ip link set {link.name} up`."
    if not route.gateway:
        if link.point_to_point:
            return ""
        return (
            f"{name}: no IPv{route.family} gateway is known on {link.name}. Get one by DHCP, PPP "
            "or router advertisement, or enter the uplink's gateway."
        )
    if any(one.address == route.gateway for one in addresses):
        return (
            f"{name}: gateway {route.gateway} is an address of this host itself. Enter the "
            "provider's."
        )
    near = is_link_local(route.gateway) or any(
        one.ifindex == link.ifindex and one.network and covers(one.network, route.gateway)
        for one in addresses
        if one.family == route.family
    )
    if near or route.onlink or link.point_to_point:
        return ""
    return (
        f"{name}: gateway {route.gateway} is in no network of {link.name}. Correct the uplink's "
        "gateway, or give the interface its address."
    )


def _changes(proposal: Proposal, member: UplinkFacts) -> tuple[Change, ...]:
    intent = Intent(proposal.policy_uid, proposal.policy_name, 0, 0, member, None, proposal.routes)
    return route_changes(intent).changes


def _permission(proposal: Proposal) -> Iterator[Problem]:
    if proposal.carried_here and not may_administrate():
        yield Problem("executor", "This process may not change the routing.", PERMISSION_CURE)


def unverified(proposal: Proposal) -> Iterator[Problem]:
    """Members whose probes could follow the traffic after a switch."""
    for member in proposal.members:
        why = proposal.unverified.get(member.path_key)
        if why:
            yield Problem(
                "executor",
                f"{member.name}: its probe route is not verified ({why}), so after a switch its "
                "probes could leave over the other line.",
                "See `manage.py doctor`, or use dry_run.",
            )


def undeclared(proposal: Proposal, routes: Iterable[RouteChange]) -> Iterator[Problem]:
    """A default route of IPv6 that nobody has declared."""
    if proposal.ipv6_default_declared:
        return
    for route in routes:
        if route.family == 6 and _is_default(route.prefix):
            yield Problem(
                "ipv6_default_declared",
                f"{route.prefix} of IPv6: after a switch hosts keep the addresses of the "
                "provider that was left, and the new one drops them.",
                "Declare that there is provider-independent space, NPTv6, or a hook that "
                "deprecates the old prefix; or take the route out.",
            )
            return


def _is_default(prefix: str) -> bool:
    return prefix == "default" or ip_network(prefix).prefixlen <= _NEARLY_DEFAULT_BITS


def _tables(routes: Iterable[RouteChange], rules: Iterable[RuleChange]) -> Iterator[Problem]:
    for table in sorted({route.table for route in routes}):
        if table in _SYSTEM_TABLES:
            yield Problem(
                "table", f"table {table} is the system's.", "Choose one from 1 to 252, or 254."
            )
        elif table in _PROBE_TABLES:
            yield Problem(
                "table",
                f"table {table} is in the range of probe routes.",
                f"Choose one below {TABLE_BASE}.",
            )
    if any(rule.table == MAIN_TABLE for rule in rules):
        yield Problem(
            "table",
            "A route with selectors is in table 254 (main), where all traffic looks.",
            "Give it a table of its own, such as 100.",
        )


def _ways_out(
    member: UplinkFacts,
    changes: Iterable[Change],
    links: dict[str, Link],
    addresses: Sequence[Address],
) -> Iterator[Problem]:
    told = (
        next_hop_problem(route, member.name, links, addresses)
        for route in one_per_next_hop(changes)
    )
    for text in filter(None, told):
        yield Problem("members", text, "")
    link = links.get(member.interface)
    master = next((one for one in links.values() if link and one.ifindex == link.master), None)
    if master is not None and master.vrf:
        yield Problem(
            "members",
            f"{member.name}: {member.interface} belongs to the VRF {master.name}, which routes by "
            "itself.",
            "Steer routes in the table of that VRF.",
            blocks=False,
        )


def dscp_problems(rules: Iterable[RuleChange], release: str = "") -> Iterator[Problem]:
    """Why this kernel (or one of that ``release``) can't have such rules."""
    release = release or os.uname().release
    if any(rule.selectors.dscp is not None for rule in rules) and version_of(release) < DSCP_SINCE:
        yield Problem(
            "rule_dscp",
            f"Linux {release} can't choose by DSCP in rules (from 6.12 on).",
            "Mark such packets in the firewall and use rule_fwmark.",
        )


def version_of(release: str) -> tuple[int, int]:
    """Major and minor of a kernel's release; (0, 0) when it has another form."""
    parts = release.split(".")
    try:
        return int(parts[0]), int(parts[1])
    except (IndexError, ValueError):
        return 0, 0


def _unseen(view: View) -> Iterator[Problem]:
    if not view.looked_everywhere:
        yield Problem(
            "table",
            "A table of the policy has so many routes that not all of them were looked at: "
            "one of another owner at the policy's place may have been missed.",
            "Steer the traffic in a table of its own, by selectors.",
            blocks=False,
        )


def _surroundings(
    routing: LinuxRouting, routes: list[RouteChange], rules: list[RuleChange]
) -> Iterator[Problem]:
    standing = [rule for family in (4, 6) for rule in routing.rules(family)]
    tables = {(route.family, route.table) for route in routes}
    others = [
        one
        for family, table in sorted(tables)
        for one in routing.routes_of_others(family, table, {0, 1})[0]
    ]
    yield from neighbours(standing, others, routes)
    led = {(one.rule.family, one.rule.table) for one in standing}
    led |= {(rule.family, rule.table) for rule in rules} | {(4, MAIN_TABLE), (6, MAIN_TABLE)}
    for family, table in sorted(tables - led):
        yield Problem(
            "table",
            f"No IPv{family} rule leads to table {table}: its routes would carry nothing.",
            "Give the route selectors, or add a rule of your own.",
            blocks=False,
        )
