"""The past of one path: its samples and its changes of status."""

from __future__ import annotations

from dataclasses import dataclass

from health.domain.sample import SLOT_SECS
from health.models import HealthSample, StatusChange

MAX_POINTS = 5_000
"""Points in one answer: more than a screen shows, less than a server minds."""


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """One slot; ``timestamp`` its start in seconds since 1970, UTC; None: not measured."""

    timestamp: int
    sent: int
    received: int
    latency_ms: float | None
    min_latency_ms: float | None
    max_latency_ms: float | None
    packet_loss_pct: float | None
    jitter_ms: float | None
    health_score: float | None
    status: str
    known_secs: int
    reachable_secs: int


class TooManyPoints(ValueError):
    """The span asked for has more than ``MAX_POINTS`` slots; the message has the cure."""


def path_history(path_id: int, *, since: float, until: float) -> list[HistoryPoint]:
    """The samples of a path whose slots begin in [since, until), oldest first.

    Raises ``ValueError`` when the span is reversed and ``TooManyPoints`` when it
    is too long. The slots are named one by one, because the key of the samples
    leads with time: each is one short step in the index instead of a walk
    through the samples of all paths.
    """
    first = -int(-since // SLOT_SECS) * SLOT_SECS
    slots = range(first, -int(-until // 1), SLOT_SECS)
    if until < since:
        raise ValueError("until lies before since; exchange the two.")
    if len(slots) > MAX_POINTS:
        raise TooManyPoints(
            f"{len(slots)} points of {SLOT_SECS} s lie between since and until; "
            f"ask for at most {MAX_POINTS} ({MAX_POINTS * SLOT_SECS // 3600} hours)."
        )
    rows = HealthSample.objects.filter(path_id=path_id, timestamp__in=slots).order_by("timestamp")
    fields = tuple(HistoryPoint.__dataclass_fields__)
    return [HistoryPoint(*row) for row in rows.values_list(*fields)]


def status_changes(path_id: int, *, limit: int) -> list[StatusChange]:
    """The latest changes of status of a path, newest first."""
    return list(StatusChange.objects.filter(path_id=path_id).order_by("-timestamp")[:limit])
