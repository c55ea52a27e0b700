"""Asks the kernel whether probes of an uplink would leave and their answers come in.

Nothing is sent and nothing is changed: the kernel's own look-ups are run on
imagined packets. The judgement is ``health.domain.probe_route_verdict``.
"""

from __future__ import annotations

from dataclasses import dataclass

from health.domain.probe_route import FamilyPlan, no_source
from health.domain.probe_route_choice import NextHop, choose_source, configured
from health.domain.probe_route_facts import Facts, Link
from health.domain.probe_route_verdict import TARGETS, departure_problem, return_problem
from health.domain.uplink_spec import AUTO, UplinkSpec
from health.domain.uplink_state import RouteState
from health.uplinks.kernel import Kernel


@dataclass(frozen=True, slots=True)
class FamilyVerdict:
    """One uplink and family: the state of its probe route, and why it is no better."""

    route: RouteState
    source: str = ""
    gateway: str = ""
    problem: str = ""
    absent: bool = False
    onlink: bool = False


def verify(
    kernel: Kernel, spec: UplinkSpec, link: Link, plan: FamilyPlan, fwmark: int
) -> FamilyVerdict:
    """The verdict about a managed uplink whose plan has been carried out."""
    if plan.problem or plan.next_hop is None:
        return FamilyVerdict(RouteState.UNUSABLE, plan.source, "", plan.problem, absent=plan.absent)
    problem, _ = _ask(kernel, spec, link, plan.family, plan.source, plan.next_hop, fwmark)
    state = RouteState.UNUSABLE if problem else RouteState.VERIFIED
    onlink = any(route.onlink for route in plan.routes)
    return FamilyVerdict(state, plan.source, plan.next_hop.gateway, problem, onlink=onlink)


def verify_external(
    kernel: Kernel, spec: UplinkSpec, link: Link, family: int, facts: Facts, before: str
) -> FamilyVerdict:
    """The verdict about an uplink whose policy routing somebody else has made."""
    wanted_source = spec.source6 if family == 6 else spec.source
    wanted_gateway = spec.gateway6 if family == 6 else spec.gateway
    own = facts.addresses_of(link.ifindex, family)
    candidates = list(facts.addresses) if configured(wanted_source) else own
    source = choose_source(wanted_source, candidates, before)
    unasked = wanted_source == AUTO and wanted_gateway == AUTO
    if not source:
        problem = no_source(spec, family)
        return FamilyVerdict(RouteState.UNUSABLE, problem=problem, absent=unasked)
    expected = NextHop(wanted_gateway) if configured(wanted_gateway) else None
    problem, gateway = _ask(kernel, spec, link, family, source, expected, spec.fwmark)
    if problem:
        absent = unasked and family == 6
        return FamilyVerdict(RouteState.UNUSABLE, source, "", problem, absent=absent)
    return FamilyVerdict(RouteState.VERIFIED, source, gateway)


def _ask(
    kernel: Kernel,
    spec: UplinkSpec,
    link: Link,
    family: int,
    source: str,
    expected: NextHop | None,
    fwmark: int,
) -> tuple[str, str]:
    """The problem of the first target if every target has one, and the gateway taken."""
    problems = []
    for target in TARGETS[family]:
        departure = kernel.departure(target, source, link, fwmark)
        problem = departure_problem(spec, family, expected, departure)
        if not problem and family == 4 and not kernel.lets_in(target, source, link):
            problem = return_problem(link.name)
        if not problem:
            return "", departure.gateway
        problems.append(problem)
    return problems[0], ""
