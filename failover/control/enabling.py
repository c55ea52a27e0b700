"""Can this host carry a policy? The executor is asked, with what the kernel says of uplinks now.

For forms, pages and the doctor: reads rows that it is given and the kernel of this process,
changes neither. A probe host elsewhere can't be looked at from here, and is not judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from django.conf import settings

from failover.control.intents import (
    NOTHING_KNOWN,
    UplinkStates,
    executor_folder,
    route_of,
    uplink_facts,
)
from failover.executors import EXECUTORS
from failover.executors.base import ExecutorError, Problem, Proposal
from failover.models import FailoverPolicy, PolicyRoute
from health.domain.uplink_state import RouteState, UplinkState
from health.models import Path, ProbeRoute
from health.selectors.configuration import uplink_specs
from health.uplinks.kernel import Kernel
from health.uplinks.reconciler import Reconciler

HARMLESS = "dry_run"


def uplinks_here() -> UplinkStates:
    """The uplinks of this probe host as the kernel has them; empty when it can't be asked."""
    specs = uplink_specs(settings.VANTAGE)
    try:
        kernel = Kernel()
    except OSError:
        return NOTHING_KNOWN
    try:
        return Reconciler(kernel, read_only=True).run(specs, time.monotonic())
    except OSError:
        return NOTHING_KNOWN
    finally:
        kernel.close()


def enabling_problems(
    policy: FailoverPolicy,
    members: Sequence[Path],
    routes: Sequence[PolicyRoute],
    *,
    carried_here: bool = False,
) -> list[Problem]:
    """What the executor of ``policy`` says against carrying ``routes`` over ``members``.

    Members come with uplink and probe host, the primary first. ``carried_here``: this process
    has the rights of the one that would act.
    """
    elsewhere = any(path.uplink.vantage.name != settings.VANTAGE for path in members)
    if policy.executor == HARMLESS or policy.executor not in EXECUTORS or elsewhere:
        return []
    states = uplinks_here()
    executor = EXECUTORS[policy.executor].make(executor_folder())
    families = {route.family for route in routes}
    proposal = Proposal(
        policy_uid=str(policy.uid),
        policy_name=policy.name,
        members=tuple(uplink_facts(path, states) for path in members),
        routes=tuple(route_of(route) for route in routes),
        unverified=dict(_unverified(members, states, families)),
        ipv6_default_declared=policy.ipv6_default_declared,
        carried_here=carried_here,
        options=policy.executor_options,
    )
    try:
        return executor.check(proposal)
    except ExecutorError as error:
        return [Problem("executor", str(error), "")]


def refusals(
    policy: FailoverPolicy, members: Sequence[Path], routes: Sequence[PolicyRoute]
) -> list[tuple[str, str]]:
    """Why ``policy`` may not be saved like that, as (field, sentence).

    Only when an edit makes its executor responsible for something new: a name must be
    editable while a line is down.
    """
    stored = FailoverPolicy.objects.filter(pk=policy.pk).first()
    if not policy.enabled or (stored and _carried(stored) == _wish(policy, members, routes)):
        return []
    return [
        (_FIELDS.get(one.field, one.field), one.text())
        for one in enabling_problems(policy, members, routes)
        if one.blocks
    ]


_FIELDS = {"table": "routes", "rule_dscp": "routes"}
"""Fields of routes, whose form set takes what is said of any of them."""

Wish = tuple[bool, str, object, bool, list[int], list[str]]


def _carried(stored: FailoverPolicy) -> Wish:
    members = [member.path for member in stored.members.order_by("position")]
    return _wish(stored, members, list(stored.routes.all()))


def _wish(policy: FailoverPolicy, members: Sequence[Path], routes: Sequence[PolicyRoute]) -> Wish:
    return (
        policy.enabled,
        policy.executor,
        policy.executor_options,
        policy.ipv6_default_declared,
        [path.pk for path in members],
        sorted(f"IPv{route.family} {route}" for route in routes),
    )


def _unverified(
    members: Iterable[Path], states: UplinkStates, families: set[int]
) -> Iterator[tuple[int, str]]:
    for path in members:
        uplink = path.uplink
        if uplink.probe_route == ProbeRoute.NONE:
            yield path.pk, "its uplink has none"
            continue
        known = states.get(uplink.pk, UplinkState(uplink.pk, route=RouteState.PENDING))
        wanted = {known.route6 if family == 6 else known.route for family in families}
        if wanted - {RouteState.VERIFIED}:
            yield path.pk, known.detail or "nobody has looked at it yet"


def doctor_findings(*, carried_here: bool) -> Iterator[tuple[str, Problem]]:
    """By policy of this probe host, what its executor says; enabled policies only."""
    policies = (
        FailoverPolicy.objects.filter(
            enabled=True, members__path__uplink__vantage__name=settings.VANTAGE
        )
        .exclude(executor=HARMLESS)
        .prefetch_related("members__path__uplink__vantage", "routes")
        .order_by("name")
        .distinct()
    )
    for policy in policies:
        members = sorted(policy.members.all(), key=lambda member: member.position)
        paths = [member.path for member in members]
        for problem in enabling_problems(
            policy, paths, list(policy.routes.all()), carried_here=carried_here
        ):
            yield policy.name, problem
