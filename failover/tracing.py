"""At each switch: which routers stand on the old path and on the new one, kept as evidence.

Carried out by the probe host's cluster after the event has been committed, so no switch ever
waits for it. Decides nothing and moves nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction

from failover.hops import MOST_HOPS, TraceError, Way, trace
from failover.models import EventType, FailoverEvent, OutboxMessage, OutboxTopic
from health.probers.resolve import ResolveError
from health.selectors.probe_plan import ProbePlan, family_of, probe_plan, probeable_address

log = logging.getLogger(__name__)

CLAIM_SECS = 120
"""Longer than the two ways can take side by side."""
LATE_SECS = 120
"""A way that is looked at so long after its switch says nothing about it."""
MOST_AT_ONCE = 20
ENDS = (EventType.COMPLETED, EventType.FAILED, EventType.SUPERSEDED)
Trace = Callable[..., Way]


class _Start(NamedTuple):
    """A path that can be traced: how its packets leave, and where they go."""

    name: str
    target: str
    source: str
    interface: str
    fwmark: int


def trace_switches(vantage_id: int, *, now: datetime, tracer: Trace = trace) -> int:
    """Trace what is due on this probe host; returns for how many switches."""
    due = OutboxMessage.objects.filter(
        topic=OutboxTopic.TRACE,
        payload__vantage_id=vantage_id,
        done_at__isnull=True,
        next_attempt_at__lte=now,
    )
    traced = 0
    for row in due.select_related("event").order_by("id")[:MOST_AT_ONCE]:
        if not _is_ours(row, now):
            continue
        late = now - row.created_at > timedelta(seconds=LATE_SECS)
        found = {"why": _LATE} if late else _both_ways(row.event, now, tracer)
        _keep(row, found, now)
        traced += not late
    return traced


_LATE = f"no cluster of the probe host was free within {LATE_SECS} s of the switch"


def _is_ours(row: OutboxMessage, now: datetime) -> bool:
    """Two workers never trace the same switch at a time."""
    return bool(
        OutboxMessage.objects.filter(pk=row.pk, done_at__isnull=True, attempts=row.attempts).update(
            attempts=row.attempts + 1, next_attempt_at=now + timedelta(seconds=CLAIM_SECS)
        )
    )


def _both_ways(event: FailoverEvent, now: datetime, tracer: Trace) -> dict[str, Any]:
    """By "old" and "new" what was found; side by side, as both are about this moment."""
    starts = {
        side: _start(path_id, name, now)
        for side, path_id, name in (
            ("old", event.from_path_id, event.from_path_name),
            ("new", event.to_path_id, event.to_path_name),
        )
        if name
    }
    # Threads that touch no database: it was asked before.
    with ThreadPoolExecutor(max_workers=2) as pool:
        running = {side: pool.submit(_traced, start, tracer) for side, start in starts.items()}
        return {side: one.result() for side, one in running.items()}


def _start(path_id: int | None, name: str, now: datetime) -> _Start | dict[str, Any]:
    """Where to begin, or why there is nothing to trace."""
    plan = probe_plan(path_id, now=now.timestamp()) if path_id is not None else None
    if plan is None:
        return {"path": name, "why": "the path was deleted"}
    if not plan.targets:
        return {"path": name, "why": "the path has no target"}
    try:
        return _resolved(plan)
    except ResolveError as error:
        return {"path": name, "why": str(error)}


def _resolved(plan: ProbePlan) -> _Start | dict[str, Any]:
    target = probeable_address(plan.targets[0].address)
    family = family_of(target)
    obstacle = plan.obstacles.get(family)
    if obstacle is not None:
        return {"path": plan.name, "target": target, "why": obstacle.sentence}
    return _Start(plan.name, target, plan.sources[family], plan.interface, plan.fwmark)


def _traced(start: _Start | dict[str, Any], tracer: Trace) -> dict[str, Any]:
    if isinstance(start, dict):
        return start
    said = {"path": start.name, "target": start.target}
    try:
        way = tracer(
            start.target, source=start.source, interface=start.interface, fwmark=start.fwmark
        )
    except TraceError as error:
        return {**said, "why": str(error)}
    except Exception as error:
        log.exception("the way over %s could not be traced", start.name)
        return {**said, "why": f"{type(error).__name__}: {error}"}
    hops = [hop._asdict() for hop in way.hops]
    why = {} if way.reached else {"why": _ended(way)}
    return {**said, "reached": way.reached, "hops": hops, **why}


def _ended(way: Way) -> str:
    last = way.hops[-1].distance if way.hops else 0
    if last == way.asked and way.asked < MOST_HOPS:
        return f"{way.hops[-1].address} says that there is no way on"
    return f"nobody answered beyond hop {last} of {way.asked}"


@transaction.atomic
def _keep(row: OutboxMessage, found: dict[str, Any], now: datetime) -> None:
    """Beside the evidence of the switch, and of its end, which is what people are shown."""
    switch = row.event
    events = FailoverEvent.objects.filter(
        policy_uid=switch.policy_uid, generation=switch.generation, event_type__in=ENDS
    )
    for event in [switch, *events]:
        event.evidence = {**event.evidence, "traceroute": found}
        event.save(update_fields=["evidence"])
    OutboxMessage.objects.filter(pk=row.pk).update(done_at=now)
