"""One pass over all uplinks: look, make, verify, and say how each of them is.

Runs in the keeper's thread, once per change in the kernel and every few seconds.
Raises ``OSError`` when the kernel cannot be asked at all.
"""

from __future__ import annotations

import math
from dataclasses import replace

from health.domain.probe_route import (
    FamilyPlan,
    conflict_among,
    malformed,
    mark_of,
    plan_family,
    table_of,
)
from health.domain.probe_route_changes import is_our_route
from health.domain.probe_route_choice import Memory, inherited_memory
from health.domain.probe_route_facts import Facts, Link
from health.domain.probe_route_verdict import permission_problem
from health.domain.uplink_spec import AUTO, ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.uplinks.kernel import Kernel, may_administrate
from health.uplinks.probe_routes import FAMILIES, ProbeRoutes
from health.uplinks.states import (
    link_problem,
    pending_state,
    routed_state,
    unmanaged_state,
    unusable_state,
)
from health.uplinks.survey import Survey
from health.uplinks.verification import FamilyVerdict, verify, verify_external

ADDRESS_GONE_SECS = 3.0
"""How long an interface may be without any address before its link counts as down.

A DHCP client takes the old address away before it sets the new one; a line whose
lease has ended carries nothing, and that is proven here.
"""


class Reconciler:
    """Everything the keeper remembers from one pass to the next. Not thread-safe."""

    def __init__(self, kernel: Kernel, *, read_only: bool = False) -> None:
        """``read_only`` judges what is there and makes nothing, with or without the right to."""
        self._kernel = kernel
        self._read_only = read_only
        self._survey = Survey(kernel)
        self._routes = ProbeRoutes(kernel)
        self._memories: dict[tuple[int, int], Memory] = {}
        self._sources: dict[tuple[int, int], str] = {}
        self._adopted = False
        self._looked_for_memory: set[tuple[int, int]] = set()
        self._addressless_since: dict[int, float] = {}
        self._ran_at = 0.0

    def forget_defaults(self) -> None:
        """Something has changed that default routes depend on."""
        self._survey.forget_defaults()

    def forget(self, keys: set[int]) -> None:
        """These uplinks are gone or configured otherwise: remember nothing of them."""
        self._memories = {at: one for at, one in self._memories.items() if at[0] not in keys}
        self._sources = {at: one for at, one in self._sources.items() if at[0] not in keys}
        self._looked_for_memory = {at for at in self._looked_for_memory if at[0] not in keys}
        for key in keys:
            self._addressless_since.pop(key, None)
        self._routes.forget(keys)

    def run(self, specs: list[UplinkSpec], now: float) -> dict[int, UplinkState]:
        """Reconcile everything; ``now`` is monotonic time in seconds."""
        names = {spec.interface for spec in specs if spec.interface}
        self._ran_at = now
        facts = self._survey.facts(specs, now)
        permitted = self._read_only or may_administrate()
        managed = [
            spec
            for spec in specs
            if spec.mode is ProbeRouteMode.MANAGED
            and spec.interface
            and not conflict_among(spec, specs)
        ]
        plans = self._plan(managed, facts)
        problems: dict[tuple[int, int], str] = {}
        if permitted and not self._read_only:
            if not self._adopted:
                self._routes.adopt(names)
                self._adopted = True
            problems = self._routes.apply(managed, plans, now)
        states = {
            spec.key: self._state(spec, specs, facts, plans, problems, permitted=permitted)
            for spec in specs
        }
        return {
            spec.key: self._down_without_address(spec, states[spec.key], facts, now)
            for spec in specs
        }

    def look_again_at(self) -> float:
        """When another interface will have been without an address for too long."""
        ends = (since + ADDRESS_GONE_SECS for since in self._addressless_since.values())
        return min((end for end in ends if end > self._ran_at), default=math.inf)

    def _down_without_address(
        self, spec: UplinkSpec, state: UplinkState, facts: Facts, now: float
    ) -> UplinkState:
        if state.link is LinkState.DOWN or not is_addressless(spec, facts):
            self._addressless_since.pop(spec.key, None)
            return state
        since = self._addressless_since.setdefault(spec.key, now)
        gone = now - since >= ADDRESS_GONE_SECS
        return replace(state, link=LinkState.DOWN) if gone else state

    def _plan(self, managed: list[UplinkSpec], facts: Facts) -> dict[tuple[int, int], FamilyPlan]:
        plans: dict[tuple[int, int], FamilyPlan] = {}
        for spec in managed:
            others = [other for other in managed if other.key != spec.key]
            for family in FAMILIES:
                at = spec.key, family
                memory = self._memories.get(at) or self._left_behind(spec, family, facts)
                plan = plan_family(
                    spec,
                    family,
                    facts,
                    others=others,
                    before=self._sources.get(at, ""),
                    memory=memory,
                )
                plans[at] = plan
                if plan.source:
                    self._sources[at] = plan.source
                if plan.memory is not None:
                    self._memories[at] = plan.memory
        return plans

    def _left_behind(self, spec: UplinkSpec, family: int, facts: Facts) -> Memory | None:
        """What the uplink's table says of its next hop, looked up once."""
        link = facts.links.get(spec.interface)
        if link is None or (spec.key, family) in self._looked_for_memory:
            return None
        self._looked_for_memory.add((spec.key, family))
        routes = [
            route for route in self._kernel.table(family, table_of(spec)) if is_our_route(route)
        ]
        return inherited_memory(family, link, facts.addresses_of(link.ifindex, family), routes)

    def _state(
        self,
        spec: UplinkSpec,
        specs: list[UplinkSpec],
        facts: Facts,
        plans: dict[tuple[int, int], FamilyPlan],
        problems: dict[tuple[int, int], str],
        *,
        permitted: bool,
    ) -> UplinkState:
        link = facts.links.get(spec.interface)
        if spec.mode is ProbeRouteMode.NONE:
            return unmanaged_state(spec, link)
        problem = _unusable_because(spec, specs, permitted=permitted)
        if problem:
            return unusable_state(spec, link, problem)
        if link is None or not link.up:
            return pending_state(spec, link, link_problem(spec, link))
        if spec.mode is ProbeRouteMode.EXTERNAL:
            verdicts = [self._external(spec, link, family, facts) for family in FAMILIES]
        else:
            verdicts = [
                self._managed(spec, link, plans[at], problems.get(at, ""))
                for at in ((spec.key, family) for family in FAMILIES)
            ]
        return routed_state(spec, link, *verdicts)

    def _external(self, spec: UplinkSpec, link: Link, family: int, facts: Facts) -> FamilyVerdict:
        before = self._sources.get((spec.key, family), "")
        verdict = verify_external(self._kernel, spec, link, family, facts, before)
        self._sources[spec.key, family] = verdict.source
        return verdict

    def _managed(
        self, spec: UplinkSpec, link: Link, plan: FamilyPlan, refused: str
    ) -> FamilyVerdict:
        if refused:
            return FamilyVerdict(RouteState.UNUSABLE, plan.source, "", refused, plan.absent)
        return verify(self._kernel, spec, link, plan, mark_of(spec))


def is_addressless(spec: UplinkSpec, facts: Facts) -> bool:
    """Nothing can leave over this uplink, of whatever family: it has no address of its own.

    Where an operator names a source, its absence is a fault of the configuration.
    """
    link = facts.links.get(spec.interface)
    if (
        link is None
        or spec.mode is ProbeRouteMode.NONE
        or (spec.source, spec.source6) != (AUTO,) * 2
    ):
        return False
    own = [*facts.addresses_of(link.ifindex, 4), *facts.addresses_of(link.ifindex, 6)]
    return not any(one.usable for one in own)


def _unusable_because(spec: UplinkSpec, specs: list[UplinkSpec], *, permitted: bool) -> str:
    """What the operator must do before anything can be made or verified; "" when nothing."""
    if not spec.interface:
        return "the uplink has a probe route but no interface: enter its interface"
    if spec.mode is ProbeRouteMode.EXTERNAL:
        return malformed(spec)
    return conflict_among(spec, specs) or ("" if permitted else permission_problem())
