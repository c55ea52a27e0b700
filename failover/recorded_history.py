"""Reads what a replay needs of the past: samples, switches, maintenance, metered traffic.

Queries only; what any of it means is decided in ``failover.domain.replay``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from django.db.models import F, QuerySet, Sum

from failover.domain.policy import PolicySpec
from failover.domain.recorded import RecordedSlot
from failover.models import EventType, FailoverEvent, FailoverPolicy, MaintenanceWindow
from health.domain.sample import SLOT_SECS
from health.domain.sketch import Sketch
from health.domain.status import PathStatus
from health.models import HealthSample, Path, UplinkTraffic

SLOTS_PER_QUERY = 1_000

Moves = Sequence[tuple[int, int]]
"""Where traffic was: (from when on, path key), in order; the first is the span's begin."""


def recorded_slots(policy: PolicySpec, first: int, last: int) -> dict[int, dict[int, RecordedSlot]]:
    """The samples of a policy's members in [first, last), and one slot more at each end.

    The neighbours say where within its slot an outage lies. Slots are named one by one,
    because the key of the samples leads with time.
    """
    keys = [member.path_key for member in policy.members]
    history: dict[int, dict[int, RecordedSlot]] = {key: {} for key in keys}
    for slots in _parts(range(first - SLOT_SECS, last + SLOT_SECS, SLOT_SECS)):
        rows = HealthSample.objects.filter(timestamp__in=slots, path_id__in=keys).values_list(
            "path_id", "timestamp", "sent", "received", "latency_ms", "health_score", "status",
            "known_secs", "reachable_secs", "sketch",
        )  # fmt: skip
        for path, timestamp, sent, received, latency, score, status, known, reachable, data in rows:
            rtts = tuple(Sketch.from_bytes(bytes(data or b"")).buckets_ms())
            history[path][timestamp] = RecordedSlot(
                timestamp, sent, received, latency, score, PathStatus(status), known, reachable,
                rtts,
            )  # fmt: skip
    return history


def completed_switches(policy: FailoverPolicy, first: int, last: int) -> QuerySet[FailoverEvent]:
    """The switches that were carried out in [first, last), oldest first."""
    return _completed(policy).filter(timestamp__gte=_moment(first), timestamp__lt=_moment(last))


def moves_of(policy: FailoverPolicy, spec: PolicySpec, first: int, last: int) -> Moves:
    """Where the policy's traffic was in [first, last)."""
    before = _completed(policy).filter(timestamp__lt=_moment(first)).last()
    start = before.to_path_id if before is not None else None
    moves = [(first, spec.members[0].path_key if start is None else start)]
    moves += [
        (int(event.timestamp.timestamp()), event.to_path_id)
        for event in completed_switches(policy, first, last)
        if event.to_path_id is not None
    ]
    return moves


def maintenance_spans(
    policy: PolicySpec, first: int, last: int
) -> dict[int, list[tuple[float, float]]]:
    """By path key, the maintenance windows of the path, its uplink or a site of its."""
    spans: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
    windows = MaintenanceWindow.objects.filter(
        starts_at__lt=_moment(last), ends_at__gt=_moment(first)
    )
    paths = Path.objects.filter(pk__in=[member.path_key for member in policy.members])
    for path in paths.select_related("uplink__vantage"):
        sites = {path.uplink.vantage.site_id, path.destination_id}
        for window in windows:
            if (
                window.path_id == path.pk
                or window.uplink_id == path.uplink_id
                or (window.site_id is not None and window.site_id in sites)
            ):
                spans[path.pk].append((window.starts_at.timestamp(), window.ends_at.timestamp()))
    return dict(spans)


def metered_bytes(policy: PolicySpec, moves: Moves, carried: Moves, last: int) -> int | None:
    """What the uplinks in ``carried`` bore while ``moves`` had the traffic on a metered one.

    None when nothing was counted in that time.
    """
    keys = [member.path_key for member in policy.members]
    uplinks = {
        path.pk: path.uplink for path in Path.objects.filter(pk__in=keys).select_related("uplink")
    }
    counted = None
    for began, ended, key in _stays(moves, last):
        uplink = uplinks.get(key)
        if uplink is None or not uplink.metered:
            continue
        for then, until, bearer in _stays(carried, last):
            first, end = max(began, then), min(ended, until)
            if first >= end or bearer not in uplinks:
                continue
            borne = UplinkTraffic.objects.filter(
                uplink=uplinks[bearer], timestamp__gte=first, timestamp__lt=end
            ).aggregate(total=Sum(F("receive_bytes") + F("transmit_bytes")))["total"]
            if borne is not None:
                counted = (counted or 0) + borne
    return counted


def _stays(moves: Moves, last: int) -> Iterator[tuple[int, int, int]]:
    ends = [at for at, _ in moves[1:]] + [last]
    for (began, key), ended in zip(moves, ends, strict=True):
        yield began, ended, key


def _completed(policy: FailoverPolicy) -> QuerySet[FailoverEvent]:
    return policy.events.filter(event_type=EventType.COMPLETED).order_by("timestamp", "id")


def _moment(secs: int) -> datetime:
    return datetime.fromtimestamp(secs, UTC)


def _parts(slots: range) -> Iterator[range]:
    for first in range(0, len(slots), SLOTS_PER_QUERY):
        yield slots[first : first + SLOTS_PER_QUERY]
