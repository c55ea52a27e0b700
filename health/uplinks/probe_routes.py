"""Makes the managed probe routes what their plans say, and removes those of former uplinks.

Adopts what a predecessor left in the kernel: nothing is in memory only, and nothing
is removed when the process ends, so that probes and answers keep their way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from health.domain.probe_route import FamilyPlan, table_of
from health.domain.probe_route_changes import (
    Changes,
    foreign_protocol,
    is_our_route,
    route_changes,
    rule_changes,
    tables_left_behind,
)
from health.domain.probe_route_facts import Route, Rule
from health.domain.probe_route_verdict import foreign_routes_problem
from health.domain.uplink_spec import UplinkSpec
from health.uplinks.kernel import Kernel
from health.uplinks.repairs import RepairBudget

log = logging.getLogger(__name__)

FAMILIES = (4, 6)


class ProbeRoutes:
    """Our tables and rules in one network namespace. Not thread-safe."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._former: set[int] = set()
        self._current: set[int] = set()
        self._rules: dict[int, list[Rule]] = {}
        self._applied: dict[tuple[int, int], FamilyPlan] = {}
        self._budgets: dict[int, RepairBudget] = {}

    def adopt(self, interfaces: set[str]) -> None:
        """Take over what a predecessor has made for these interfaces, to keep or remove it."""
        for family in FAMILIES:
            self._former |= tables_left_behind(self._kernel.rules(family), interfaces)

    def apply(
        self,
        specs: list[UplinkSpec],
        plans: Mapping[tuple[int, int], FamilyPlan],
        now: float,
    ) -> dict[tuple[int, int], str]:
        """Carry out the plans of the managed uplinks, by (key, family).

        Returns what could not be done, by the same. A refusal of one route does not
        keep the others from being made.
        """
        tables = {table_of(spec) for spec in specs}
        self._former = (self._former | self._current) - tables
        self._current = tables
        problems: dict[tuple[int, int], str] = {}
        self._rules = {family: self._kernel.rules(family) for family in FAMILIES}
        for spec in specs:
            problems.update(self._apply_spec(spec, plans, now))
        for family in FAMILIES:
            kept = {rule for (_, of), plan in plans.items() if of == family for rule in plan.rules}
            changes = rule_changes(kept, self._rules[family], self._former | tables)
            for rule in changes.drop:
                self._kernel.drop_rule(rule)
        self._remove_former()
        return problems

    def _apply_spec(
        self, spec: UplinkSpec, plans: Mapping[tuple[int, int], FamilyPlan], now: float
    ) -> dict[tuple[int, int], str]:
        table = table_of(spec)
        actual = {family: self._kernel.table(family, table) for family in FAMILIES}
        foreign = foreign_protocol(route for routes in actual.values() for route in routes)
        if foreign is not None:  # in either family: nothing is put there
            problem = foreign_routes_problem(table, foreign)
            return {(spec.key, family): problem for family in FAMILIES}
        problems = {
            (spec.key, family): self._apply_family(
                spec, plans[spec.key, family], actual[family], now
            )
            for family in FAMILIES
        }
        return {at: problem for at, problem in problems.items() if problem}

    def _apply_family(
        self, spec: UplinkSpec, plan: FamilyPlan, actual: list[Route], now: float
    ) -> str:
        routes = route_changes(plan.routes, actual)
        missing = rule_changes(plan.rules, self._rules[plan.family], ()).put
        if not (routes or missing):
            self._applied[spec.key, plan.family] = plan
            return ""
        if not self._allowed(spec, plan, routes, missing, now):
            return (
                "somebody removes the probe route again and again: find out who with "
                "`ip monitor route rule`, or set the probe route to 'external'"
            )
        problem = self._carry_out(routes, missing)
        if not problem:
            self._applied[spec.key, plan.family] = plan
        return problem

    def _allowed(
        self,
        spec: UplinkSpec,
        plan: FamilyPlan,
        routes: Changes[Route],
        missing: tuple[Rule, ...],
        now: float,
    ) -> bool:
        if self._applied.get((spec.key, plan.family)) != plan:
            return True  # nobody's fault: the plan itself is new
        budget = self._budgets.setdefault(spec.key, RepairBudget())
        if not budget.may_repair(now):
            return False
        if budget.spend(now):
            log.warning(
                "uplink %s: somebody changed its IPv%d probe route; put back %d routes, %d rules",
                spec.name, plan.family, len(routes.put), len(missing),
            )  # fmt: skip
        return True

    def _carry_out(self, routes: Changes[Route], rules: tuple[Rule, ...]) -> str:
        problem = ""
        for route in routes.put:
            try:
                self._kernel.put_route(route)
            except OSError as error:
                via = f" via {route.gateway}" if route.gateway else ""
                problem = problem or (
                    f"the kernel refuses the route {route.destination}{via} in table "
                    f"{route.table} ({error.strerror}): check the uplink's gateway and table"
                )
        for rule in rules:
            try:
                self._kernel.put_rule(rule)
            except OSError as error:
                problem = problem or (
                    f"the kernel refuses rule {rule.priority} to table {rule.table} "
                    f"({error.strerror}): policy routing must be built into it"
                )
        for route in routes.drop:
            self._kernel.drop_route(route)
        return problem

    def _remove_former(self) -> None:
        """After their rules are gone: first nothing leads there, then nothing is there."""
        for table in self._former:
            for family in FAMILIES:
                for route in self._kernel.table(family, table):
                    if is_our_route(route):
                        self._kernel.drop_route(route)
        self._former.clear()

    def forget(self, keys: set[int]) -> None:
        """These uplinks are no longer managed."""
        self._applied = {at: plan for at, plan in self._applied.items() if at[0] not in keys}
        self._budgets = {key: one for key, one in self._budgets.items() if key not in keys}
