"""Decisions in the words of rows and events: plain values for pages, programs and restarts.

Made in the loop's thread, written by the decision thread. Decides nothing, reads nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from failover.domain.decision import Decision
from failover.domain.policy import PolicySpec
from failover.domain.record import to_record
from failover.domain.state import PolicyState
from failover.domain.views import MemberView, Views
from failover.services import PublishedState, Scores


def published(
    spec: PolicySpec, state: PolicyState, decision: Decision, *, now: float, wall_offset: float
) -> PublishedState:
    """What is stored of a policy at ``now`` (monotonic seconds; ``wall_offset`` + now is wall)."""
    healthy_since = state.clock(spec.members[0].path_key).healthy_since
    # After a switch: the path that carries the traffic now is no candidate, the one left is.
    situation = decision.situation._replace(state=decision.state)
    return PublishedState(
        policy_id=spec.policy_id,
        generation=state.generation,
        phase=decision.phase.value,
        reason=decision.reason,
        record=to_record(state, now=now, wall_offset=wall_offset),
        judgement=judgement(decision._replace(situation=situation)),
        primary_healthy_since=(
            None
            if healthy_since is None
            else datetime.fromtimestamp(healthy_since + wall_offset, UTC)
        ),
    )


def judgement(decision: Decision) -> dict[str, Any]:
    """Candidates with their first failing gate, countdowns, and the evidence about members."""
    return {
        "candidates": [
            {
                "path_id": candidate.path_key,
                "name": candidate.name,
                "gate": candidate.gate,
                "sentence": candidate.sentence,
            }
            for candidate in decision.candidates
        ],
        "countdowns": [
            {
                "kind": countdown.kind,
                "secs_left": round(countdown.secs_left, 1),
                "path_id": countdown.path_key,
            }
            for countdown in decision.countdowns
        ],
        "evidence": [
            _evidence_about(key, view)
            for key, view in decision.situation.views.items()
            if view.evidence is not None
        ],
    }


def scores(spec: PolicySpec, decision: Decision, views: Views) -> Scores:
    """The primary's score, and the target's or else the best backup's."""
    primary, *backups = (member.path_key for member in spec.members)
    if decision.action is not None and decision.action.to_key != primary:
        return Scores(views[primary].score, views[decision.action.to_key].score)
    known = [score for key in backups if (score := views[key].score) is not None]
    return Scores(views[primary].score, max(known, default=None))


def grounds(spec: PolicySpec, decision: Decision, views: Views) -> dict[str, Any]:
    """What the decision was based on, for the event."""
    return {
        "cause": decision.action.cause if decision.action else None,
        "members": [
            {
                "path_id": member.path_key,
                "name": member.name,
                "status": str(views[member.path_key].status),
                "reachable": views[member.path_key].reachable,
                "score": views[member.path_key].score,
                "latency_ms": views[member.path_key].latency_ms,
            }
            for member in spec.members
        ],
        **judgement(decision),
    }


def _evidence_about(path_key: int, view: MemberView) -> dict[str, Any]:
    evidence = view.evidence
    assert evidence is not None  # noqa: S101 - the caller has asked
    return {
        "path_id": path_key,
        "proven": evidence.value,
        "sentence": evidence.sentence,
        "strength": round(evidence.strength, 2),
        "needed": evidence.needed,
        "theta_pct": None if evidence.theta_pct is None else round(evidence.theta_pct, 3),
        "bad_secs": evidence.bad_secs,
        "recent_score": None if view.recent_score is None else round(view.recent_score, 1),
    }
