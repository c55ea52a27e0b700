"""What separates the kernel from a plan: what to put, what to drop, what is not ours. Pure.

Only what carries our protocol number and stands where we put things is ever
dropped; ``failover`` uses the same number for routes of its own elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Generic, NamedTuple, TypeVar

from health.domain.probe_route import METRIC, METRIC_FALLBACK, PRIORITIES, PRIORITY_SPECIFIC
from health.domain.probe_route_choice import PATHWARDEN_PROTOCOL
from health.domain.probe_route_facts import Route, Rule

Thing = TypeVar("Thing", Route, Rule)


class Changes(NamedTuple, Generic[Thing]):
    """Put these, in this order, then drop those, in that order."""

    put: tuple[Thing, ...]
    drop: tuple[Thing, ...]

    def __bool__(self) -> bool:
        return bool(self.put or self.drop)


def is_our_route(route: Route) -> bool:
    """A route that a probe route consists of."""
    return route.protocol == PATHWARDEN_PROTOCOL and route.metric in (METRIC, METRIC_FALLBACK)


def is_our_rule(rule: Rule) -> bool:
    """A rule that leads into a probe route."""
    return rule.protocol == PATHWARDEN_PROTOCOL and rule.priority in PRIORITIES


def foreign_protocol(actual: Iterable[Route]) -> int | None:
    """The protocol of a route in an uplink's table that is not ours, or None."""
    return next((route.protocol for route in actual if route.protocol != PATHWARDEN_PROTOCOL), None)


def route_changes(wanted: Collection[Route], actual: Collection[Route]) -> Changes[Route]:
    """For one table. A route with another next hop is replaced at once, never removed first."""
    places = {(route.destination, route.metric) for route in wanted}
    return Changes(
        tuple(route for route in wanted if route not in actual),
        tuple(
            route
            for route in actual
            if is_our_route(route) and (route.destination, route.metric) not in places
        ),
    )


def rule_changes(
    wanted: Collection[Rule], actual: Collection[Rule], tables: Collection[int]
) -> Changes[Rule]:
    """For all uplinks and one family; only rules that serve one of ``tables`` are dropped.

    The rule that lets the main table's specific routes go first belongs to the
    table of its twin, the rule with the same selectors; it is dropped before that.
    """
    ours = [rule for rule in actual if is_our_rule(rule)]
    twins = {
        (rule.interface, rule.source): rule.table
        for rule in ours
        if rule.priority != PRIORITY_SPECIFIC and not rule.fwmark
    }

    def serves(rule: Rule) -> int | None:
        if rule.priority == PRIORITY_SPECIFIC:
            return twins.get((rule.interface, rule.source))
        return rule.table

    drop = [rule for rule in ours if rule not in wanted and serves(rule) in tables]
    return Changes(
        tuple(rule for rule in wanted if rule not in ours),
        tuple(sorted(drop, key=lambda rule: rule.priority)),
    )


def tables_left_behind(actual: Iterable[Rule], interfaces: Collection[str]) -> set[int]:
    """Tables that a predecessor has led traffic of these interfaces into."""
    return {
        rule.table
        for rule in actual
        if is_our_rule(rule)
        and rule.priority != PRIORITY_SPECIFIC
        and rule.interface
        and rule.interface in interfaces
    }
