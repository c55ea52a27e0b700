"""Who else routes by policy on this host, and whether a policy's routes still decide. Pure.

Programs are told by the rules, tables and routes they are known for. What they do may
be meant so: these are warnings, each with what to look at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from failover.executors.base import Problem
from failover.executors.changes import MAIN_TABLE, PATHWARDEN_PROTOCOL, RouteChange
from failover.executors.linux_errors import owner_of
from failover.executors.linux_messages import KernelRoute, KernelRule

_MAIN_PRIORITY = 32766
_SYSTEM_TABLES = frozenset({253, MAIN_TABLE, 255})
_WG_QUICK_TABLES = range(51820, 51840)
_HALVES = frozenset({"0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"})


class _Neighbour(NamedTuple):
    name: str
    first: int
    last: int
    cure: str


_NEIGHBOURS = (
    _Neighbour("FRR policy maps", 300, 999, "let one of both route this traffic, or use `frr`"),
    _Neighbour("a VRF", 1000, 1000, "steer traffic of a VRF in the VRF's own table"),
    _Neighbour("mwan3", 1001, 3999, "stop mwan3, or let it route and use `command`"),
    _Neighbour("Tailscale", 5200, 5299, "nothing, unless it is an exit node's client"),
)


def neighbours(
    rules: Iterable[KernelRule], routes: Iterable[KernelRoute], wanted: Collection[RouteChange]
) -> list[Problem]:
    """Warnings about rules and routes of others that come before ``wanted``."""
    found: dict[str, Problem] = {}
    tables = {(route.family, route.table) for route in wanted}
    for one in rules:
        problem = _rule_problem(one, tables)
        if problem is not None:
            found.setdefault(problem.sentence, problem)
    defaults = {(route.family, route.table) for route in wanted if route.prefix == "default"}
    for standing in routes:
        route = standing.route
        if route.prefix in _HALVES and (route.family, route.table) in defaults:
            problem = _half_problem(route)
            found.setdefault(problem.sentence, problem)
    return list(found.values())


def _rule_problem(found: KernelRule, tables: Collection[tuple[int, int]]) -> Problem | None:
    rule = found.rule
    ours = rule.protocol == PATHWARDEN_PROTOCOL or (rule.family, rule.table) in tables
    if ours or rule.table in _SYSTEM_TABLES or not 0 < rule.priority < _MAIN_PRIORITY:
        return None
    if rule.table in _WG_QUICK_TABLES:
        return Problem(
            "routes",
            f"wg-quick sends what its tunnel does not carry into table {rule.table}, before the "
            "main table is asked.",
            "Set Table = off in its configuration, or steer the tunnel's own traffic only.",
            blocks=False,
        )
    known = next((one for one in _NEIGHBOURS if one.first <= rule.priority <= one.last), None)
    name = known.name if known else owner_of(rule.protocol)
    cure = known.cure if known else f"look at it: `ip -{rule.family} rule`"
    return Problem(
        "routes",
        f"Rule {rule.priority} (IPv{rule.family}, table {rule.table}) of {name} comes before the "
        "main table and may take traffic from the policy.",
        f"{cure[0].upper()}{cure[1:]}.",
        blocks=False,
    )


def _half_problem(route: RouteChange) -> Problem:
    return Problem(
        "routes",
        f"{route.prefix} over {route.interface} in table {route.table} is more specific than a "
        "default route (OpenVPN's redirect-gateway def1 does that) and takes its traffic.",
        "End that tunnel's redirection, or steer its prefixes.",
        blocks=False,
    )
