"""What ``decide()`` says now from what is stored: health, states, evidence. Changes nothing.

A second opinion beside the running monitor, and the only one when none runs. Wall-clock
seconds stand for monotonic ones, as in the stored records. What is not stored (the run of
answers or losses of this second) is taken from what the monitor concluded from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings

from failover.domain.decision import Decision, decide
from failover.domain.evidence import NONE, Evidence
from failover.domain.holds import is_plausible, settle_until
from failover.domain.policy import PolicySpec
from failover.domain.record import from_record
from failover.domain.situation import Phase
from failover.domain.state import PolicyState, initial_state
from failover.domain.views import ALIVE_AFTER, FRESH_INTERVALS, MemberView, in_policy
from failover.models import FailoverPolicy, FailoverState
from failover.roles import role_of
from failover.selectors import paths_in_maintenance, policies_with_members, policy_spec
from health.domain.status import PathStatus, Reason
from health.models import Path
from health.selectors.current import STALE_ROW_SECS, PathNow, current_paths


class Evaluation(NamedTuple):
    """A policy with the judgement about it."""

    policy: FailoverPolicy
    spec: PolicySpec
    decision: Decision


def evaluate_policies(*, now: datetime) -> list[Evaluation]:
    """Judge every policy that has members as of ``now``, by name."""
    rows = [row for row in policies_with_members() if row.members.all()]
    specs = {row.pk: policy_spec(row) for row in rows}
    states = {row.pk: _state(row, specs[row.pk], now) for row in rows}
    keys = {member.path_key for spec in specs.values() for member in spec.members}
    paths = current_paths(now=now.timestamp(), only=Path.objects.filter(pk__in=keys))
    maintained = paths_in_maintenance(now=now)
    seen = {path.path_id: _view(path, maintained) for path in paths}
    return [Evaluation(row, specs[row.pk], _judged(row, specs, states, seen, now)) for row in rows]


def _judged(
    row: FailoverPolicy,
    specs: Mapping[int, PolicySpec],
    states: Mapping[int, PolicyState],
    seen: Mapping[int, MemberView],
    now: datetime,
) -> Decision:
    spec, state, wall = specs[row.pk], states[row.pk], now.timestamp()
    proofs = _stored_evidence(row, now)
    views = {
        member.path_key: in_policy(
            seen[member.path_key],
            *proofs.get(member.path_key, (NONE, None)),
            in_schedule=member.schedule.is_open(wall),
            cost=member.cost,
        )
        for member in spec.members
    }
    index = spec.index_of(state.active)
    below = None if index is None else spec.members[index].rides_on
    carriers = [states[key] for key, other in specs.items() if other.index_of(below) is not None]
    return decide(
        spec,
        state,
        views,
        wall,
        standby=_is_standby(row, spec),
        clock_ok=is_plausible(wall),
        in_failback_window=spec.failback_window.is_open(wall),
        settle_until=settle_until(state.active, spec, carriers),
    )


def _is_standby(row: FailoverPolicy, spec: PolicySpec) -> bool:
    """What the role file of this host says about a policy that this host decides."""
    return spec.members[0].vantage == settings.VANTAGE and role_of(row.role_source).standby


def _state(row: FailoverPolicy, spec: PolicySpec, now: datetime) -> PolicyState:
    stored: FailoverState | None = getattr(row, "state", None)
    wall = now.timestamp()
    if stored is None:
        return initial_state(spec.members[0].path_key, wall)
    if not stored.record:
        active = stored.active_path_id or spec.members[0].path_key
        return replace(initial_state(active, wall), generation=stored.generation)
    state = from_record(stored.record, now=wall, wall_offset=0.0)
    # A monitor that runs has seen every member once; after its start it waits for that.
    warmed = _is_recent(stored, now) and stored.phase != Phase.WARMING_UP
    return replace(state, warmed=warmed)


def _is_recent(stored: FailoverState, now: datetime) -> bool:
    at = stored.evaluated_at
    return at is not None and (now - at).total_seconds() <= STALE_ROW_SECS


def _view(path: PathNow, maintained: set[int]) -> MemberView:
    usable = (path.path_id in maintained, path.enabled)
    if path.is_stale or path.status is PathStatus.UNKNOWN:
        reason = Reason.STALE if path.is_stale else path.reason
        return MemberView(
            PathStatus.UNKNOWN, None, None, path.sent, 0, 0, False, None, reason, *usable
        )
    answers = path.reachable is True
    return MemberView(
        path.status,
        path.reachable,
        path.health_score,
        path.sent,
        ALIVE_AFTER if answers else 0,
        0 if answers else 1,
        answers and _was_fresh(path),
        path.latency_ms,
        path.reason,
        *usable,
    )


def _was_fresh(path: PathNow) -> bool:
    """Whether a probe had settled lately when the row was written."""
    if path.last_checked is None or path.updated_at is None:
        return False
    return path.updated_at - path.last_checked <= FRESH_INTERVALS * path.interval_ms / 1000


def _stored_evidence(
    row: FailoverPolicy, now: datetime
) -> dict[int, tuple[Evidence, float | None]]:
    """The evidence as the monitor published it with its judgement, if that is recent."""
    stored: FailoverState | None = getattr(row, "state", None)
    if stored is None or not _is_recent(stored, now):
        return {}
    told: Sequence[Mapping[str, Any]] = stored.judgement.get("evidence", ())
    return {
        one["path_id"]: (
            Evidence(
                one["proven"],
                one["sentence"],
                one["strength"],
                one["needed"],
                one["theta_pct"],
                one["bad_secs"],
            ),
            one["recent_score"],
        )
        for one in told
    }
