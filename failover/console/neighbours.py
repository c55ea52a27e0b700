"""What ``failover`` tells the pages of ``health``: maintenance, policies of a path, switches."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q
from django.urls import reverse

from failover import selectors
from failover.models import EventType, FailoverEvent, PolicyMember
from health.console.neighbours import Mark, PolicyUse

MAX_MARKS = 60
"""More switches than this in one chart could not be told apart anyway."""


class FailoverNeighbours:
    """Implements ``health.console.neighbours.Neighbours``; one query for each answer."""

    def paths_in_maintenance(self, *, now: dt.datetime) -> set[int]:
        """Keys of the paths that a maintenance window covers."""
        return selectors.paths_in_maintenance(now=now)

    def policies_of(self, path_id: int) -> list[PolicyUse]:
        """The policies that may send traffic over the path."""
        members = (
            PolicyMember.objects.filter(path_id=path_id)
            .select_related("policy__state")
            .order_by("policy__name")
        )
        return [_use(member) for member in members]

    def marks_of(self, path_id: int, *, since: float, until: float) -> list[Mark]:
        """Completed switches to and from the path, oldest first."""
        switches = FailoverEvent.objects.filter(
            Q(from_path_id=path_id) | Q(to_path_id=path_id),
            event_type=EventType.COMPLETED,
            timestamp__gte=dt.datetime.fromtimestamp(since, dt.UTC),
            timestamp__lte=dt.datetime.fromtimestamp(until, dt.UTC),
        ).order_by("-timestamp")[:MAX_MARKS]
        return [_mark(event, path_id) for event in reversed(switches)]


def _use(member: PolicyMember) -> PolicyUse:
    policy = member.policy
    state = getattr(policy, "state", None)
    return PolicyUse(
        name=policy.name,
        url=reverse("policy", args=[policy.pk]),
        role=role_name(member.position),
        carries_traffic=state is not None and state.active_path_id == member.path_id,
        enabled=policy.enabled,
    )


def role_name(position: int) -> str:
    """What people call the member at ``position`` of a policy."""
    return "primary" if position == 0 else f"backup {position}"


def _mark(event: FailoverEvent, path_id: int) -> Mark:
    left = event.from_path_id == path_id
    return Mark(
        at=event.timestamp.timestamp(),
        tone="bad" if left else "ok",
        text=f"{event.policy_name}: {'left this path' if left else 'moved to this path'}",
    )
