"""The policies: which path carries their traffic, and what has happened to them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Count, Q, Sum

from export.collectors.family import Family, family
from export.exposition import Total
from failover.models import FailoverEvent, FailoverPolicy, PolicyMember
from failover.models.events import EventType

_COLUMNS = (
    "pk",
    "name",
    "enabled",
    "state__active_path",
    "state__active_path__name",
    "state__generation",
)
PolicyLabels = tuple[object, str]
"""Key ("" when the policy was deleted) and name of a policy."""


def policy_families(now: float) -> Iterator[Family]:
    """All policies and the sums of their events; three queries. Nothing here depends on ``now``."""
    policies = list(FailoverPolicy.objects.order_by("pk").values_list(*_COLUMNS))
    members = _members()
    names = [(key, name) for key, name, *_ in policies]
    yield family("pathwarden_policy_active_path", _active_paths(policies, members))
    yield family(
        "pathwarden_policy_using_primary",
        [
            ((key, name), active == _primary(members[key]))
            for key, name, _, active, *_ in policies
            if active is not None
        ],
    )
    yield family(
        "pathwarden_policy_generation",
        [((key, name), generation) for key, name, *_, generation in policies],
    )
    enabled = Counter(row[2] for row in policies)
    yield family(
        "pathwarden_failover_policies",
        [(("true",), enabled[True]), (("false",), enabled[False])],
    )
    yield from _event_families(names)


def _members() -> dict[int, list[tuple[int, str]]]:
    rows = PolicyMember.objects.order_by("policy", "position")
    members: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for policy, path, name in rows.values_list("policy_id", "path_id", "path__name"):
        members[policy].append((path, name))
    return members


def _primary(members: list[tuple[int, str]]) -> int | None:
    return members[0][0] if members else None


def _active_paths(
    policies: Iterable[tuple[Any, ...]], members: dict[int, list[tuple[int, str]]]
) -> Iterator[tuple[tuple[object, ...], bool]]:
    for key, name, _, active, active_name, _ in policies:
        if active is None:
            continue  # nobody knows, and 0 for all would say "none of them"
        # The active path may have been taken out of the policy a moment ago.
        for path, path_name in dict([*members[key], (active, active_name)]).items():
            yield (key, name, path, path_name), path == active


def _event_families(policies: list[PolicyLabels]) -> Iterator[Family]:
    # From 0 on: increase() sees the first event only if the series was there before it.
    counts: Counter[tuple[PolicyLabels, str]] = Counter(
        {(policy, kind): 0 for policy in policies for kind in EventType.values}
    )
    totals: dict[PolicyLabels, Total] = {}
    for key, name, old_name, kind, count, timed, duration_ms in _event_sums():
        policy: PolicyLabels = ("", old_name) if key is None else (key, name)
        counts[policy, kind] += count
        if timed:
            before = totals.get(policy, Total(0, 0.0))
            totals[policy] = Total(before.count + timed, before.sum + duration_ms / 1000.0)
    yield family(
        "pathwarden_failover_events_total",
        [((*policy, kind), count) for (policy, kind), count in counts.items()],
    )
    yield family("pathwarden_failover_switch_duration_seconds", totals.items())


def _event_sums() -> Iterable[tuple[Any, ...]]:
    switched = Q(event_type=EventType.COMPLETED, duration_ms__isnull=False)
    return (
        FailoverEvent.objects.order_by()
        .values_list("policy_id", "policy__name", "policy_name", "event_type")
        .annotate(
            events=Count("pk"),
            timed=Count("pk", filter=switched),
            spent_ms=Sum("duration_ms", filter=switched),
        )
    )
