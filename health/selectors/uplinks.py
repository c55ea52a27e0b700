"""The uplinks: their present as pages and exports show it, and what they carried.

What no monitor has renewed for ``STALE_UPLINK_SECS`` is not known any more, whatever it
said last. Totals stay: they say when they were counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet, Sum

from health.domain.sample import SLOT_SECS
from health.domain.traffic import CounterReading, Counts, bits_per_second, utilisation_pct
from health.domain.uplink_meter import UplinkMeter
from health.domain.uplink_state import LinkState, RouteState
from health.models import Uplink
from health.models.uplink_measurements import CurrentUplink, UplinkTraffic

STALE_UPLINK_SECS = 25.0
"""Two slots, and time for a restart: the present is written at least once a slot."""
MAX_POINTS = 5_000
RESOLUTIONS = {"raw": SLOT_SECS, "1m": 60, "1h": 3_600, "1d": 86_400}
NAMED_SLOTS = 20_000
"""So many slots are asked for one by one; beyond that a walk through the time is cheaper."""


@dataclass(frozen=True, slots=True)
class UplinkNow:
    """One uplink at one moment; rates in bits per second, moments in seconds since 1970, UTC.

    Everything but ``row`` is None (``detail`` "") when nobody has looked lately; ``totals``
    only when its interface was never counted.
    """

    row: Uplink
    is_known: bool
    updated_at: float | None
    link: LinkState | None
    route: RouteState | None
    route6: RouteState | None
    source: str | None
    source6: str | None
    gateway: str | None
    gateway6: str | None
    detail: str
    receive_bps: float | None
    transmit_bps: float | None
    totals: Counts | None
    counted_at: float | None

    @property
    def receive_utilisation_pct(self) -> float | None:
        """Of the configured bandwidth down; None when it is not configured."""
        return utilisation_pct(self.receive_bps, self.row.bandwidth_down_mbps)

    @property
    def transmit_utilisation_pct(self) -> float | None:
        """Of the configured bandwidth up; None when it is not configured."""
        return utilisation_pct(self.transmit_bps, self.row.bandwidth_up_mbps)


def current_uplinks(*, now: float, only: QuerySet[Uplink] | None = None) -> list[UplinkNow]:
    """Every uplink (or those of ``only``) as it is at ``now``, by host and name; one query."""
    rows = (Uplink.objects.all() if only is None else only).select_related(
        "vantage__site", "current"
    )
    return [uplink_now(row, now=now) for row in rows.order_by("vantage__name", "name")]


def uplink_now(row: Uplink, *, now: float) -> UplinkNow:
    """One uplink at ``now``; no query when ``current`` is there already."""
    current: CurrentUplink | None = getattr(row, "current", None)
    counted = current is not None and current.counted_at is not None
    known = current is not None and now - current.updated_at <= STALE_UPLINK_SECS
    fresh = current if known else None
    return UplinkNow(
        row=row,
        is_known=known,
        updated_at=current.updated_at if current else None,
        link=LinkState(fresh.link) if fresh else None,
        route=RouteState(fresh.route) if fresh else None,
        route6=RouteState(fresh.route6) if fresh else None,
        source=fresh.source if fresh else None,
        source6=fresh.source6 if fresh else None,
        gateway=fresh.gateway if fresh else None,
        gateway6=fresh.gateway6 if fresh else None,
        detail=fresh.detail if fresh else "",
        receive_bps=fresh.receive_bps if fresh else None,
        transmit_bps=fresh.transmit_bps if fresh else None,
        totals=_counts(current) if current and counted else None,
        counted_at=current.counted_at if current else None,
    )


def uplink_meters(keys: Collection[int], *, identity: str) -> dict[int, UplinkMeter]:
    """Meters that go on where the last monitor of these uplinks stopped, by key.

    The kernel's counters are taken up only where they are the same ones: ``identity``.
    """
    return {
        row.uplink_id: UplinkMeter(_counts(row), row.counted_at, _last(row.baseline, identity))
        for row in CurrentUplink.objects.filter(uplink_id__in=list(keys))
    }


def _last(baseline: dict[str, Any], identity: str) -> CounterReading | None:
    if not baseline or baseline["identity"] != identity:
        return None
    return CounterReading(baseline["at_ns"], baseline["index"], Counts(*baseline["counts"]))


def _counts(row: CurrentUplink) -> Counts:
    return Counts(*(getattr(row, name) for name in Counts._fields))


@dataclass(frozen=True, slots=True)
class TrafficPoint:
    """What was carried from ``timestamp`` (seconds since 1970, UTC) on; ``secs`` were observed."""

    timestamp: int
    secs: float
    counts: Counts

    @property
    def receive_bps(self) -> float | None:
        """The mean over the observed time."""
        return bits_per_second(self.counts.receive_bytes, self.secs)

    @property
    def transmit_bps(self) -> float | None:
        """The mean over the observed time."""
        return bits_per_second(self.counts.transmit_bytes, self.secs)


RECENT_MINUTES = 60


def recent_traffic(*, now: float) -> dict[int, list[TrafficPoint | None]]:
    """The last hour of every uplink by whole minutes, oldest first, None for gaps; one query."""
    end = int(now // 60) * 60
    begin = end - RECENT_MINUTES * 60
    found: dict[int, list[TrafficPoint | None]] = {}
    rows = UplinkTraffic.objects.filter(timestamp__gte=begin, timestamp__lt=end)
    for uplink_id, point in _by_steps(rows, 60):
        minutes = found.setdefault(uplink_id, [None] * RECENT_MINUTES)
        minutes[(point.timestamp - begin) // 60] = point
    return found


class TooManyPoints(ValueError):
    """More than ``MAX_POINTS`` points were asked for; the message has the cure."""


def chosen_resolution(asked: str, *, since: float, until: float) -> str:
    """The key of ``RESOLUTIONS`` to answer with; ``auto`` is the finest that fits.

    Raises ``ValueError`` for a reversed span and ``TooManyPoints`` for one that is too long.
    """
    if until < since:
        raise ValueError("until lies before since; exchange the two.")
    fitting = [
        key for key, secs in RESOLUTIONS.items() if len(_starts(since, until, secs)) <= MAX_POINTS
    ]
    if asked in fitting:
        return asked
    if not fitting:
        raise TooManyPoints(f"Ask for at most {MAX_POINTS} days.")
    if asked == "auto":
        return fitting[0]
    points = len(_starts(since, until, RESOLUTIONS[asked]))
    raise TooManyPoints(
        f"{points} points of {asked} lie between since and until; ask for at most {MAX_POINTS}, "
        f"or for resolution={fitting[0]}."
    )


def traffic_history(
    uplink_id: int, *, since: float, until: float, resolution: str
) -> list[TrafficPoint]:
    """The traffic of one uplink by steps that begin in [since, until), oldest first; one query.

    ``resolution`` is a key of ``RESOLUTIONS``; days are those of UTC. A step in which
    nothing was counted is absent.
    """
    secs = RESOLUTIONS[resolution]
    steps = _starts(since, until, secs)
    if not steps:
        return []
    slots = range(steps[0], steps[-1] + secs, SLOT_SECS)
    rows = UplinkTraffic.objects.filter(**_within(slots), uplink_id=uplink_id)
    return [point for _, point in _by_steps(rows, secs)]


def _by_steps(rows: QuerySet[UplinkTraffic], secs: int) -> Iterator[tuple[int, TrafficPoint]]:
    """``rows`` summed up by uplink and step, oldest first."""
    sums = {f"sum_{name}": Sum(name) for name in ("secs", *Counts._fields)}
    found = (
        rows.annotate(step=F("timestamp") - F("timestamp") % secs)
        .order_by("step")
        .values("step", "uplink_id")
        .annotate(**sums)
        .values_list("uplink_id", "step", *sums)
    )
    for uplink_id, step, observed, *counts in found:
        yield uplink_id, TrafficPoint(step, observed, Counts(*counts))


def _within(slots: Sequence[int]) -> dict[str, Any]:
    """The key of the rows leads with time: a slot that is named is one short step in the index."""
    if len(slots) <= NAMED_SLOTS:
        return {"timestamp__in": slots}
    return {"timestamp__gte": slots[0], "timestamp__lte": slots[-1]}


def _starts(since: float, until: float, secs: int) -> range:
    return range(-int(-since // secs) * secs, -int(-until // 1), secs)
