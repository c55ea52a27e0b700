"""What happened, newest first: switches of policies and changes of paths in one list.

Reads a page of each kind and merges them; two queries, whatever the filters.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from failover.console.ways import ways
from failover.models import Direction, EventType, FailoverEvent, OutboxMessage, OutboxTopic
from health.console import words
from health.domain.status import FACES, Face, face_of
from health.models import StatusChange

PAGE = 60
PATH_CHANGE = "path_status"
INFO = Face("info", "Note", "circle-info", "quiet", 6)

_EVENT_FACES: dict[str, Face] = {
    EventType.TRIGGERED: INFO,
    EventType.FAILED: FACES["down"],
    EventType.NO_VIABLE_PATH: FACES["down"],
    EventType.ALL_PATHS_DOWN: FACES["down"],
    EventType.DRIFT_FAILED: FACES["down"],
    EventType.MONITOR_BLIND: FACES["unknown"],
    EventType.DRIFT_REPAIRED: FACES["up"],
    EventType.PAUSED: FACES["paused"],
    EventType.PINNED: FACES["paused"],
    EventType.POLICY_DISABLED: FACES["paused"],
}
_COMPLETED_FACES: dict[str, Face] = {
    Direction.FAILOVER: FACES["degraded"],
    Direction.FAILBACK: FACES["up"],
    Direction.OPERATOR: INFO,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; ``at`` in seconds since 1970, UTC; ``evidence`` name and value pairs."""

    dom_id: str
    at: float
    face: Face
    kind: str
    text: str
    detail: str
    policy_url: str
    path_url: str
    actor: str
    evidence: tuple[tuple[str, str], ...]

    @property
    def cursor(self) -> str:
        """The place of the line in the list, for the address of the next page."""
        return f"{self.at!r}-{self.dom_id}"

    @property
    def v(self) -> str:
        """Events never change, but that a traceroute comes a moment later."""
        return str(len(self.evidence))


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last line of a page: what is older comes on the next one.

    Time alone is not enough, many lines may share a moment. At one moment events come before
    changes, and of each kind the higher key first.
    """

    at: float
    kind: str
    key: int

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """The cursor that ``Entry.cursor`` wrote; ValueError for anything else."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise ValueError("This is no place in the list of events; start with the newest page.")
        return cls(float(found[1]), found[2], int(found[3]))


_CURSOR = re.compile(r"(\d{1,11}(?:\.\d{1,9})?)-(event|change)-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class TimelineFilter:
    """What is asked for; None and "" mean anything. Moments in seconds since 1970, UTC."""

    policy_id: int | None = None
    path_id: int | None = None
    kind: str = ""
    since: float | None = None
    until: float | None = None
    before: Cursor | None = None


ANYTHING = TimelineFilter()


def kind_choices() -> list[tuple[str, str]]:
    """What can be asked for by type."""
    return [(PATH_CHANGE, "Path changed state"), *EventType.choices]


def timeline(wanted: TimelineFilter = ANYTHING, *, limit: int = PAGE) -> list[Entry]:
    """At most ``limit`` entries, newest first."""
    entries: list[Entry] = []
    if wanted.kind != PATH_CHANGE:
        entries += [event_entry(event) for event in _events(wanted)[:limit]]
    if wanted.kind in {"", PATH_CHANGE} and wanted.policy_id is None:
        entries += [_change_entry(change) for change in _changes(wanted)[:limit]]
    return _newest(entries, limit)


def latest(*, limit: int, counts: Mapping[str, Subquery]) -> tuple[list[Entry], dict[str, int]]:
    """The latest entries of any kind, and ``counts`` made by the query that reads them."""
    events = list(_events(ANYTHING).annotate(**counts)[:limit])
    entries = [event_entry(event) for event in events]
    entries += [_change_entry(change) for change in _changes(ANYTHING)[:limit]]
    # No event at all, nothing to be counted.
    counted = {name: (getattr(events[0], name) or 0) if events else 0 for name in counts}
    return _newest(entries, limit), counted


def _newest(entries: list[Entry], limit: int) -> list[Entry]:
    # Stable: events precede changes of the same moment, and each kind is in its order already.
    return sorted(entries, key=lambda entry: -entry.at)[:limit]


def told(events: Iterable[FailoverEvent]) -> list[FailoverEvent]:
    """``events`` without the begin of switches whose end is among them: each is told once."""
    found = list(events)
    ended = {
        (event.policy_uid, event.generation)
        for event in found
        if event.event_type in {EventType.COMPLETED, EventType.FAILED, EventType.SUPERSEDED}
    }
    return [
        event
        for event in found
        if event.event_type != EventType.TRIGGERED
        or (event.policy_uid, event.generation) not in ended
    ]


def _events(wanted: TimelineFilter) -> QuerySet[FailoverEvent]:
    rows = FailoverEvent.objects.order_by("-timestamp", "-id")
    # Every switch that ended is told once: by its end.
    rows = rows.filter(event_type=wanted.kind) if wanted.kind else rows.exclude(_told_by_its_end())
    if wanted.policy_id is not None:
        rows = rows.filter(policy_id=wanted.policy_id)
    if wanted.path_id is not None:
        rows = rows.filter(Q(from_path_id=wanted.path_id) | Q(to_path_id=wanted.path_id))
    if wanted.since is not None:
        rows = rows.filter(timestamp__gte=_moment(wanted.since))
    if wanted.until is not None:
        rows = rows.filter(timestamp__lte=_moment(wanted.until))
    if wanted.before is not None:
        rows = rows.filter(_events_after(wanted.before))
    return rows


def _events_after(cursor: Cursor) -> Q:
    moment = _moment(cursor.at)
    if moment.timestamp() < cursor.at:  # a change between two microseconds
        moment += dt.timedelta(microseconds=1)
    older = Q(timestamp__lt=moment)
    return older | Q(timestamp=moment, pk__lt=cursor.key) if cursor.kind == "event" else older


def _changes_after(cursor: Cursor) -> Q:
    if cursor.kind == "event":
        return Q(timestamp__lte=cursor.at)
    return Q(timestamp__lt=cursor.at) | Q(timestamp=cursor.at, pk__lt=cursor.key)


def _told_by_its_end() -> Q:
    # Of the switch itself: messages and hooks of its event may be under way for long.
    under_way = OutboxMessage.objects.filter(
        event=OuterRef("pk"), topic=OutboxTopic.ACTUATE, done_at__isnull=True
    )
    return Q(~Exists(under_way), event_type=EventType.TRIGGERED)


def _changes(wanted: TimelineFilter) -> QuerySet[StatusChange]:
    rows = StatusChange.objects.select_related("path").order_by("-timestamp", "-id")
    if wanted.path_id is not None:
        rows = rows.filter(path_id=wanted.path_id)
    if wanted.since is not None:
        rows = rows.filter(timestamp__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(timestamp__lte=wanted.until)
    if wanted.before is not None:
        rows = rows.filter(_changes_after(wanted.before))
    return rows


def event_entry(event: FailoverEvent) -> Entry:
    """The line of one event of a policy."""
    is_switch = bool(event.direction)
    completed = event.event_type == EventType.COMPLETED
    face = _COMPLETED_FACES.get(event.direction, INFO) if completed else _face(event.event_type)
    way = f"{event.from_path_name or 'no path'} → {event.to_path_name}" if is_switch else ""
    return Entry(
        dom_id=f"event-{event.pk}",
        at=event.timestamp.timestamp(),
        face=face,
        kind=_kind_word(event),
        text=f"{event.policy_name}: {way or event.reason}",
        detail=event.reason if way else "",
        policy_url=reverse("policy", args=[event.policy_id]) if event.policy_id else "",
        path_url="",
        actor="" if event.actor == "pathwarden" else event.actor,
        evidence=tuple(_evidence(event)),
    )


def _kind_word(event: FailoverEvent) -> str:
    if event.event_type == EventType.COMPLETED:
        return event.get_direction_display() or "Switch"
    if event.event_type == EventType.FAILED and event.direction:
        return f"{event.get_direction_display()} failed"
    return event.get_event_type_display()


def _face(event_type: str) -> Face:
    return _EVENT_FACES.get(event_type, INFO)


def _evidence(event: FailoverEvent) -> list[tuple[str, str]]:
    pairs: list[tuple[str, Any]] = [
        ("Score of the primary", _shown(event.primary_health_score)),
        ("Score of the backup", _shown(event.backup_health_score)),
        ("Duration", None if event.duration_ms is None else f"{event.duration_ms:.1f} ms"),
        ("Generation", event.generation),
    ]
    pairs += [
        (key.replace("_", " ").capitalize(), value)
        for key, value in event.evidence.items()
        if key != "traceroute"
    ]
    pairs += ways(event.evidence.get("traceroute", {}))
    return [(name, text) for name, value in pairs if (text := _text(value))]


def _shown(score: float | None) -> str | None:
    return None if score is None else words.points(score)


def _text(value: Any) -> str:
    """JSON for people: a list as lines, a dictionary as name and value."""
    if value is None or value in ({}, [], ""):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_text(one)}" for key, one in value.items())
    if isinstance(value, list):
        return "\n".join(_text(one) for one in value)
    return str(value)


def _change_entry(change: StatusChange) -> Entry:
    face = face_of(change.new_status, reachable=change.reachable)
    before = FACES.get(change.old_status)
    score = "" if change.health_score is None else f", score {words.points(change.health_score)}"
    return Entry(
        dom_id=f"change-{change.pk}",
        at=change.timestamp,
        face=face,
        kind=f"Path {face.label.lower()}",
        text=f"{change.path.name} is {face.label.lower()}",
        detail=f"before: {before.label.lower() if before else change.old_status}{score}"
        + (f"; {change.detail}" if change.detail else ""),
        policy_url="",
        path_url=reverse("path", args=[change.path_id]),
        actor="",
        evidence=(),
    )


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
