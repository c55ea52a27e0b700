"""What stands in the kernel where a policy has its routes and rules: read once, then compared.

Says whose a thing is and how it differs from a plan; changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from failover.executors.changes import (
    PATHWARDEN_PROTOCOL,
    Change,
    RouteChange,
    RuleChange,
    Selectors,
)
from failover.executors.linux_errors import owner_of
from failover.executors.linux_kernel import LinuxRouting
from failover.executors.linux_messages import KernelRoute


class Place(NamedTuple):
    """Where a route stands; of one owner at most, if all is well."""

    family: int
    table: int
    prefix: str
    metric: int


def place_of(route: RouteChange) -> Place:
    """The place of ``route``."""
    return Place(route.family, route.table, route.prefix, route.metric)


class View:
    """The kernel at one moment: the tables and rules that ``changes`` are about."""

    def __init__(self, routing: LinuxRouting, changes: Iterable[Change]) -> None:
        changes = list(changes)
        self._routes: dict[Place, list[KernelRoute]] = {}
        self._by_prefix: dict[tuple[int, int, str], list[KernelRoute]] = {}
        wanted = [one for one in changes if isinstance(one, RouteChange)]
        lengths: dict[tuple[int, int], set[int]] = {}
        for route in wanted:
            lengths.setdefault((route.family, route.table), set()).add(_length(route.prefix))
        self.looked_everywhere = True
        for (family, table), some in sorted(lengths.items()):
            others, all_seen = routing.routes_of_others(family, table, some)
            self.looked_everywhere &= all_seen
            for found in (*others, *routing.our_routes(family, table)):
                route = found.route
                self._routes.setdefault(place_of(route), []).append(found)
                self._by_prefix.setdefault((family, table, route.prefix), []).append(found)
        families = {one.family for one in changes if isinstance(one, RuleChange)}
        rules = [one for family in sorted(families) for one in routing.rules(family) if one.plain]
        self._rules = {one.rule for one in rules}
        self._strangers_rules: dict[tuple[int, Selectors], list[RuleChange]] = {}
        for rule in self._rules:
            if not _is_ours(rule.protocol):
                self._strangers_rules.setdefault((rule.family, rule.selectors), []).append(rule)

    def ours_at(self, place: Place) -> list[KernelRoute]:
        """Routes with our protocol number at that place."""
        return [one for one in self._routes.get(place, []) if _is_ours(one.route.protocol)]

    def strangers_at(self, place: Place) -> list[KernelRoute]:
        """Routes of others at that place."""
        return [one for one in self._routes.get(place, []) if not _is_ours(one.route.protocol)]

    def has_rule(self, rule: RuleChange) -> bool:
        """Whether exactly this rule of ours stands."""
        return rule in self._rules

    def found(self, changes: Iterable[Change]) -> tuple[Change, ...]:
        """What of ours stands at the places of ``changes``, in their order, each once."""
        seen: dict[Change, None] = {}
        for change in changes:
            if isinstance(change, RuleChange):
                seen |= {change: None} if self.has_rule(change) else {}
                continue
            for one in self.ours_at(place_of(change)):
                seen[one.route] = None
        return tuple(seen)

    def differences(self, changes: Iterable[Change]) -> list[str]:
        """What is not as ``changes`` say; full compare, one sentence each."""
        told: list[str] = []
        for change in changes:
            if isinstance(change, RuleChange):
                told += [] if self.has_rule(change) else [f"missing: {change.text()}"]
                continue
            standing = self._routes.get(place_of(change), [])
            if not standing:
                told.append(f"missing: {change.text()}")
            elif len(standing) > 1 or not standing[0].plain or standing[0].route != change:
                there = "; ".join(one.route.text() for one in standing)
                told.append(f"wanted {change.text()}, but there is {there}")
        return told

    def collisions(self, changes: Iterable[Change]) -> list[str]:
        """Whatever of another owner is in the way of ``changes``, with its cure."""
        told: list[str] = []
        for change in changes:
            if isinstance(change, RuleChange):
                told += self._rule_collisions(change)
                continue
            told += [
                f"{_words(one.route)} of {owner_of(one.route.protocol)} stands where the policy's "
                f"route would: give the policy another metric than {change.metric}."
                for one in self.strangers_at(place_of(change))
            ]
            told += [
                f"{_words(one.route)} of {owner_of(one.route.protocol)} is preferred to the "
                f"policy's route (metric {change.metric}), which would move nothing: give that "
                f"one a metric above {change.metric}."
                for one in self._preferred_to(change)
            ]
        return told

    def _preferred_to(self, route: RouteChange) -> list[KernelRoute]:
        same = self._by_prefix.get((route.family, route.table, route.prefix), [])
        return [
            one
            for one in same
            if one.plain and one.route.metric < route.metric and not _is_ours(one.route.protocol)
        ]

    def _rule_collisions(self, rule: RuleChange) -> list[str]:
        return [
            f"Rule {one.priority} of {owner_of(one.protocol)} chooses the same traffic for table "
            f"{one.table}: remove it, or change the policy's selectors."
            for one in self._strangers_rules.get((rule.family, rule.selectors), [])
            if one.priority <= rule.priority
        ]


def _length(prefix: str) -> int:
    return 0 if prefix == "default" else int(prefix.rpartition("/")[2])


def _is_ours(protocol: int) -> bool:
    return protocol == PATHWARDEN_PROTOCOL


def _words(route: RouteChange) -> str:
    return route.text().split(" replace ", 1)[1]
