"""What is wrong with a policy before it is saved; admin and API ask here.

The pure rules are ``failover.domain.policy.validate``; here are those that need other rows:
routes of other policies, probe profiles, and how the primary has been doing. Returns
(field, sentence) pairs and writes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from failover.domain.policy import PolicySpec, Problem, validate
from failover.models import FailoverPolicy, PolicyMember, PolicyRoute
from health.console.charts.buckets import weighted
from health.domain.path_spec import SlaLimits
from health.domain.scoring import health_score
from health.domain.window import MIN_WINDOW_PROBES
from health.models import Path, ProbeRoute, SlaProfile
from health.selectors.history import HistoryPoint, path_history

FIT_SPAN_SECS = 3600
FIT_REACHABLE_SECS = 600
"""Reachable time of the last hour that makes a judgement about the primary possible."""
EXECUTORS_WITHOUT_PROBE_ROUTE = frozenset({"dry_run", "webhook", "command"})

RouteKey = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """A policy as somebody wants it; ``members`` are loaded with uplink and profiles.

    ``was_enabled`` says that the stored policy is enabled with the same primary already,
    so that an edit of something else is not refused for how the line does today.
    """

    spec: PolicySpec
    members: Sequence[Path]
    routes: Sequence[PolicyRoute]
    executor: str
    was_enabled: bool = False


def policy_problems(draft: PolicyDraft, *, now: float) -> list[Problem]:
    """Everything that makes ``draft`` unusable; ``now`` in seconds since 1970, UTC."""
    problems = validate(draft.spec)
    problems += _resolution_problems(draft)
    problems += _probe_route_problems(draft)
    problems += _repeated_route_problems(draft.routes)
    if draft.spec.enabled:
        problems += _route_conflicts(draft)
        if not problems and not draft.was_enabled:
            problems += _fit(draft, now=now).problems
    return problems


def policy_warnings(draft: PolicyDraft, *, now: float) -> list[str]:
    """What is allowed, but should be known."""
    if not draft.spec.enabled or draft.was_enabled or not draft.members:
        return []
    return _fit(draft, now=now).warnings


# --- does the window see what the threshold asks for? ---------------------------------
def _resolution_problems(draft: PolicyDraft) -> list[Problem]:
    """One lost probe of a window must not look like a path below a threshold."""
    problems: list[Problem] = []
    for field in ("failover_threshold", "failback_threshold"):
        threshold = getattr(draft.spec, field)
        for path in draft.members:
            found = _too_fine(path, threshold) if 0 < threshold < 100 else ""
            if found:
                problems.append((field, found))
                break
    return problems


def _too_fine(path: Path, threshold: float) -> str:
    profile, limits = path.probe_profile, limits_of(path.sla_profile)
    if limits.packet_loss_weight <= 0:
        return ""
    probes = max(profile.window_secs * 1000 // profile.interval_ms, MIN_WINDOW_PROBES)
    theta = loss_at(threshold, limits)
    if 100 / probes <= theta:
        return ""
    needed = math.ceil(math.ceil(100 / theta) * profile.interval_ms / 1000)
    return (
        f"{threshold:g} is finer than the window of {path.name} can resolve: one lost probe of "
        f"{probes} is {100 / probes:.2f} % loss, and the threshold is crossed at {theta:.2f} %. "
        f"A window of {needed} s would do (probe profile {profile.name}), or a profile that "
        "probes more often."
    )


def loss_at(score: float, limits: SlaLimits) -> float:
    """The loss in percent at which everything else being well gives ``score`` (0–100)."""
    return limits.packet_loss_pct * (1 + math.log(100 / score) / limits.packet_loss_weight)


def limits_of(profile: SlaProfile) -> SlaLimits:
    """A profile as the scoring wants it."""
    return SlaLimits(
        profile.latency_ms,
        profile.packet_loss_pct,
        profile.jitter_ms,
        profile.latency_weight,
        profile.packet_loss_weight,
        profile.jitter_weight,
    )


# --- may this executor be trusted with these uplinks? ----------------------------------
def _probe_route_problems(draft: PolicyDraft) -> list[Problem]:
    if draft.executor in EXECUTORS_WITHOUT_PROBE_ROUTE:
        return []
    unsure = [p.name for p in draft.members if p.uplink.probe_route == ProbeRoute.NONE]
    if not unsure:
        return []
    return [
        (
            "executor",
            (
                f"{', '.join(unsure)}: the uplink has no probe route, so after a switch its probes "
                "could leave over the other line. Use dry_run, or give the uplink a probe route."
            ),
        )
    ]


# --- routes ------------------------------------------------------------------------------
def route_key(route: PolicyRoute) -> RouteKey:
    """What makes two routes the same traffic: prefix, table and metric, or the rule's selectors."""
    selectors = (
        route.rule_source,
        route.rule_destination,
        route.rule_interface,
        route.rule_dscp,
        route.rule_fwmark,
    )
    return (route.family, route.prefix, route.table, route.metric, selectors)


def _repeated_route_problems(routes: Sequence[PolicyRoute]) -> list[Problem]:
    keys = [route_key(route) for route in routes]
    twice = {route.prefix for route, key in zip(routes, keys, strict=True) if keys.count(key) > 1}
    return [("routes", f"{prefix} is steered twice: keep it once.") for prefix in sorted(twice)]


def _route_conflicts(draft: PolicyDraft) -> list[Problem]:
    mine = {route_key(route): route for route in draft.routes}
    vantages = {member.vantage for member in draft.spec.members}
    others = (
        PolicyRoute.objects.filter(policy__enabled=True)
        .exclude(policy_id=draft.spec.policy_id)
        .filter(policy__members__path__uplink__vantage__name__in=vantages)
        .select_related("policy")
        .distinct()
    )
    return [
        (
            "routes",
            (
                f"{other.prefix} (table {other.table}, metric {other.metric}) is already steered "
                f"by the enabled policy {other.policy.name}: two policies on one route would "
                "fight. Change one of them, or disable the other policy."
            ),
        )
        for other in others
        if route_key(other) in mine
    ]


# --- does the primary fit its profile? ---------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Fit:
    problems: list[Problem]
    warnings: list[str]


def _fit(draft: PolicyDraft, *, now: float) -> _Fit:
    """Refuse a policy that would leave its primary at once because the limits do not fit it."""
    primary = draft.members[0]
    points = path_history(primary.pk, since=now - FIT_SPAN_SECS, until=now)
    reachable = [point for point in points if point.reachable_secs]
    secs = sum(point.reachable_secs for point in reachable)
    if secs < FIT_REACHABLE_SECS:
        text = (
            f"{primary.name} was reachable for {secs // 60} of the last 60 minutes: too little to "
            f"tell whether the profile {primary.sla_profile.name} fits it."
        )
        return _Fit([], [text])
    score = weighted((point.health_score, point.reachable_secs) for point in reachable)
    threshold = draft.spec.failback_threshold
    if score is None or score >= threshold:
        return _Fit([], [])
    text = (
        f"{primary.name} scored {score:.1f} on average over {secs // 60} reachable minutes of the "
        f"last hour, below failback_threshold {threshold:g}: traffic would never return to it. "
        f"{_advice(reachable, threshold)}"
    )
    return _Fit([("enabled", text)], [])


def _advice(points: Sequence[HistoryPoint], threshold: float) -> str:
    latency = weighted((point.latency_ms, point.received) for point in points)
    jitter = weighted((point.jitter_ms, point.received) for point in points)
    sent = sum(point.sent for point in points)
    loss = 100.0 * (sent - sum(point.received for point in points)) / sent if sent else None
    if latency is None or loss is None:
        return "See its page for the reason."
    fitting = [
        profile
        for profile in SlaProfile.objects.all()
        if health_score(latency, loss, jitter, limits_of(profile)) >= threshold
    ]
    if not fitting:
        return "No SLA profile fits the line as it is: repair it, or make a profile of its own."
    closest = min(fitting, key=lambda p: (p.latency_ms, p.packet_loss_pct, p.jitter_ms))
    return f"The SLA profile {closest.name} would fit the line as it is."


# --- deleting ----------------------------------------------------------------------------
def why_path_must_stay(path: Path) -> str:
    """Why ``path`` can't be deleted; "" when nothing speaks against it."""
    members = list(PolicyMember.objects.filter(path=path).select_related("policy__state"))
    carrying = [m.policy for m in members if _carries(m.policy, path)]
    if carrying:
        return (
            f"{path.name} carries the traffic of {_names(carrying)}: move it to another path and "
            "take this one out of the policy first."
        )
    if members:
        policies = [member.policy for member in members]
        return f"{path.name} is a member of {_names(policies)}: take it out there first."
    return ""


def _carries(policy: FailoverPolicy, path: Path) -> bool:
    state = getattr(policy, "state", None)
    return state is not None and state.active_path_id == path.pk


def _names(policies: Iterable[FailoverPolicy]) -> str:
    names = sorted(policy.name for policy in policies)
    return f"the {'policy' if len(names) == 1 else 'policies'} {', '.join(names)}"
