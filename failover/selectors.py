"""Reads of ``failover``: policies for the decision, and their present for pages and exports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from failover.domain.policy import FailbackMode, MemberSpec, PolicyMode, PolicySpec
from failover.models import (
    FailoverEvent,
    FailoverPolicy,
    FailoverState,
    MaintenanceWindow,
    PolicyMember,
    Repeats,
    RouteInForce,
)
from failover.schedules import is_under_way, weekly_schedule
from health.domain.path_spec import NANOSECONDS_PER_MS
from health.models import Path, PathTarget
from health.selectors.configuration import fingerprint_of, quorum_of, sla_limits

LONGEST_REPEATED = timedelta(days=8)
"""A weekly window lasts a week at most, and a day is the most that time zones differ."""


def paths_in_maintenance(*, now: datetime) -> set[int]:
    """Keys of the paths that a maintenance window covers at ``now``; at most two queries."""
    recurring = ~Q(repeats=Repeats.NONE) & (
        Q(last_day__isnull=True) | Q(last_day__gte=now.date() - LONGEST_REPEATED)
    )
    windows = [
        window
        for window in MaintenanceWindow.objects.filter(
            Q(ends_at__gt=now) | recurring, starts_at__lte=now
        )
        if is_under_way(window, now=now)
    ]
    if not windows:
        return set()
    sites = [window.site_id for window in windows if window.site_id]
    covered = (
        Q(pk__in=[window.path_id for window in windows if window.path_id])
        | Q(uplink__in=[window.uplink_id for window in windows if window.uplink_id])
        | Q(uplink__vantage__site__in=sites)
        | Q(destination__in=sites)
    )
    return set(Path.objects.filter(covered).values_list("pk", flat=True))


def policies_with_members() -> QuerySet[FailoverPolicy]:
    """All policies with members (in order), routes and state in a fixed number of queries."""
    targets = PathTarget.objects.filter(path=OuterRef("path")).order_by().values("path")
    target_count = Subquery(targets.annotate(count=Count("pk")).values("count"))
    members = (
        PolicyMember.objects.select_related(
            "path__uplink__vantage", "path__probe_profile", "path__sla_profile"
        )
        .annotate(target_count=Coalesce(target_count, 0))
        .order_by("position")
    )
    return (
        FailoverPolicy.objects.select_related("state__active_path", "in_force")
        .prefetch_related(Prefetch("members", members), "routes")
        .order_by("name")
    )


def policy_spec(policy: FailoverPolicy) -> PolicySpec:
    """A policy as ``decide()`` wants it; its members must be prefetched in order."""
    return _spec(policy, [_member_of(member, policy.time_zone) for member in policy.members.all()])


def policy_spec_over(policy: FailoverPolicy, paths: Iterable[Path]) -> PolicySpec:
    """The same with ``paths`` for members, the primary first: for a policy not yet saved."""
    return _spec(policy, [member_spec(path, path.targets.count()) for path in paths])


def _spec(policy: FailoverPolicy, members: list[MemberSpec]) -> PolicySpec:
    return PolicySpec(
        policy_id=policy.pk or 0,
        uid=str(policy.uid),
        name=policy.name,
        members=tuple(members),
        failover_threshold=policy.failover_threshold,
        failback_threshold=policy.failback_threshold,
        failback_delay_secs=policy.failback_delay_secs,
        failback_mode=FailbackMode(policy.failback_mode),
        damping=policy.damping,
        mode=PolicyMode(policy.mode),
        enabled=policy.enabled,
        strategy=policy.strategy,
        failback_window=weekly_schedule(policy.failback_window, policy.time_zone),
    )


def _member_of(member: PolicyMember, zone_name: str) -> MemberSpec:
    path = member.path
    counted: int | None = getattr(member, "target_count", None)  # of ``policies_with_members``
    spec = member_spec(path, path.targets.count() if counted is None else counted)
    return replace(spec, schedule=weekly_schedule(member.schedule, zone_name))


def member_spec(path: Path, target_count: int) -> MemberSpec:
    """A path as a member of a policy; its uplink, vantage and profiles must be loaded."""
    profile = path.probe_profile
    return MemberSpec(
        path_key=path.pk,
        name=path.name,
        interval_ns=profile.interval_ms * NANOSECONDS_PER_MS,
        vantage=path.uplink.vantage.name,
        limits=sla_limits(path.sla_profile),
        quorum=quorum_of(path.quorum, target_count),
        bad_secs_needed=profile.bad_seconds,
        cost=float(path.uplink.cost),
        rides_on=path.rides_on_id,
    )


POLICY_CONFIGURATION = (
    ("sdwan_failover_policies", "updated_at"),
    ("sdwan_failover_members", "updated_at"),
    ("sdwan_policy_routes", "updated_at"),
    ("sdwan_paths", "updated_at"),
    ("sdwan_uplinks", "updated_at"),
    ("sdwan_probe_profiles", "updated_at"),
    ("sdwan_sla_profiles", "updated_at"),
    ("sdwan_path_targets", "updated_at"),
)
"""Everything whose edit changes what is decided, with the column that tells."""


def decision_fingerprint(*, now: datetime) -> tuple[object, ...]:
    """A value that differs whenever policies, generations or maintenance may have changed."""
    generations = FailoverState.objects.aggregate(total=Sum("generation"), count=Count("pk"))
    return (
        fingerprint_of(POLICY_CONFIGURATION),
        generations["total"],
        generations["count"],
        frozenset(paths_in_maintenance(now=now)),
    )


@dataclass(frozen=True, slots=True)
class PolicyNow:
    """A policy with its state at one moment, for pages and exports.

    ``members`` are (path id, name) in order of preference, the primary first.
    ``candidates`` and ``countdowns`` are the latest judgement as stored by the
    controller: per candidate ``path_id, name, gate (or None), sentence``, per
    countdown ``kind, secs_left, path_id`` as of ``evaluated_at``.
    """

    policy_id: int
    uid: str
    name: str
    description: str
    enabled: bool
    mode: str
    executor: str
    members: tuple[tuple[int, str], ...]
    failover_threshold: float
    failback_threshold: float
    failback_delay_secs: int
    failback_mode: str
    damping: bool
    active_path_id: int | None
    active_since: datetime | None
    generation: int
    phase: str
    reason: str
    failover_count: int
    last_failover: datetime | None
    primary_healthy_since: datetime | None
    candidates: tuple[dict[str, Any], ...]
    countdowns: tuple[dict[str, Any], ...]
    evaluated_at: datetime | None
    routes: tuple[str, ...]
    trouble: str = ""
    """Why the network is not as decided; then the active path is the one really in force."""

    @property
    def primary_path_id(self) -> int | None:
        """The preferred path; None in a policy without members."""
        return self.members[0][0] if self.members else None

    @property
    def using_primary(self) -> bool:
        """True while the primary carries the traffic."""
        return self.active_path_id is not None and self.active_path_id == self.primary_path_id


def policies_now(only: Iterable[int] | None = None) -> list[PolicyNow]:
    """Every policy (or those with the given keys) with its stored state; three queries."""
    policies = policies_with_members()
    if only is not None:
        policies = policies.filter(pk__in=list(only))
    return [_policy_now(policy) for policy in policies]


def _policy_now(policy: FailoverPolicy) -> PolicyNow:
    state: FailoverState = getattr(policy, "state", None) or FailoverState(policy=policy)
    return PolicyNow(
        policy_id=policy.pk,
        uid=str(policy.uid),
        name=policy.name,
        description=policy.description,
        enabled=policy.enabled,
        mode=policy.mode,
        executor=policy.executor,
        members=tuple((member.path_id, member.path.name) for member in policy.members.all()),
        failover_threshold=policy.failover_threshold,
        failback_threshold=policy.failback_threshold,
        failback_delay_secs=policy.failback_delay_secs,
        failback_mode=policy.failback_mode,
        damping=policy.damping,
        active_path_id=_carrying_path_id(policy, state),
        active_since=state.active_since,
        generation=state.generation,
        phase=state.phase if policy.enabled else "disabled",
        reason=state.reason,
        failover_count=state.failover_count,
        last_failover=state.last_failover,
        primary_healthy_since=state.primary_healthy_since,
        candidates=tuple(state.judgement.get("candidates", ())),
        countdowns=tuple(state.judgement.get("countdowns", ())),
        evaluated_at=state.evaluated_at,
        routes=tuple(str(route) for route in policy.routes.all()),
        trouble=_trouble(policy),
    )


def _carrying_path_id(policy: FailoverPolicy, state: FailoverState) -> int | None:
    """What is shown as active is what the executor found, not what was wished."""
    return policy.in_force.path_id if _trouble(policy) else state.active_path_id


def _trouble(policy: FailoverPolicy) -> str:
    row: RouteInForce | None = getattr(policy, "in_force", None)
    return "" if row is None else row.trouble


def recent_events(*, limit: int, policy_id: int | None = None) -> list[FailoverEvent]:
    """The latest events, newest first; one query."""
    events = FailoverEvent.objects.all()
    if policy_id is not None:
        events = events.filter(policy_id=policy_id)
    return list(events.order_by("-timestamp", "-id")[:limit])
