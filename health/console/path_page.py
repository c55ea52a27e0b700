"""The parts of the page of one path: chart with figures, score card, targets, configuration.

Made from a ``PathNow`` and its history; views decide nothing and templates decide little.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from health.console import words
from health.console.charts.buckets import (
    LONGEST,
    SLOT_SECS,
    Bucket,
    Span,
    Statistics,
    buckets,
    span_for,
    statistics,
)
from health.console.charts.path_chart import LOSS_LABELS, Chart, Limits, path_chart
from health.console.direction_words import DirectionWords, direction_words
from health.console.live import checksum
from health.console.neighbours import Neighbours
from health.console.target_notes import target_notes
from health.domain.path_spec import SlaLimits
from health.domain.probe_budget import ProbeBudget
from health.domain.scoring import score_breakdown
from health.domain.status import FACES, Face, face_of
from health.models import HealthSample, SlaProfile, StatusChange
from health.probers import PROBERS
from health.selectors.current import PathNow
from health.selectors.directions import KINDS_THAT_TELL, directions_of
from health.selectors.history import HistoryPoint

TABLE_ROWS = 30


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, the statistics of its range, and its latest points as a table, newest first."""

    chart: Chart
    statistics: Statistics
    points: tuple[Bucket, ...]
    span: Span
    loss_labels: tuple[str, ...]
    data_id: str
    v: str


def figure(path: PathNow, asked: Span | None, neighbours: Neighbours, *, now: float) -> Figure:
    """The chart of ``path`` for the last ``asked``, up to the last whole bucket.

    Without a range it is the shortest that holds the stored history of the path.
    """
    known = [] if asked else _history(path.path_id, now - LONGEST.secs, now)
    span = asked or span_for(known[0].timestamp if known else None, now=now)
    until = now - now % span.bucket_secs
    since = until - span.secs
    if asked:
        known = _history(path.path_id, since, until)
    slots = [slot for slot in known if since <= slot.timestamp < until]
    points = buckets(slots, since=since, until=until, secs=span.bucket_secs)
    chart = path_chart(
        points,
        since=since,
        until=until,
        secs=span.bucket_secs,
        limits=Limits(path.latency_limit_ms, path.packet_loss_limit_pct, path.jitter_limit_ms),
        marks=neighbours.marks_of(path.path_id, since=since, until=until),
        zone=timezone.get_current_timezone(),
        name=path.name,
    )
    latest = tuple(point for point in reversed(points) if point is not None)
    return Figure(
        chart=chart,
        statistics=statistics(slots, secs=span.secs),
        points=latest[:TABLE_ROWS],
        span=span,
        loss_labels=LOSS_LABELS,
        data_id="chart-data",
        v=checksum(until, len(latest), latest[:1]),
    )


def _history(path_id: int, since: float, until: float) -> list[HistoryPoint]:
    """The samples of a range of any length, oldest first; one query.

    The slots are named one by one, because the key of the samples leads with time.
    """
    first = -int(-since // SLOT_SECS) * SLOT_SECS
    slots = range(first, -int(-until // 1), SLOT_SECS)
    rows = HealthSample.objects.filter(path_id=path_id, timestamp__in=slots).order_by("timestamp")
    return [HistoryPoint(*row) for row in rows.values_list(*HistoryPoint.__dataclass_fields__)]


@dataclass(frozen=True, slots=True)
class ScorePart:
    """What one metric costs; texts are final."""

    name: str
    value: str
    limit: str
    lost: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class ScoreCard:
    """The score with its parts; without a score, why there is none.

    ``directions`` is None where the kind of probes can't tell them apart.
    """

    score: str
    mos: str
    parts: tuple[ScorePart, ...]
    sent: int
    received: int
    face: Face
    directions: DirectionWords | None

    @property
    def v(self) -> str:
        """The checksum of what is shown."""
        return checksum(
            self.score, self.mos, self.parts, self.sent, self.received, self.face, self.directions
        )


_METRICS = {
    "latency_ms": ("Latency", "ms"),
    "packet_loss_pct": ("Loss", "%"),
    "jitter_ms": ("Jitter", "ms"),
}


def score_card(path: PathNow) -> ScoreCard:
    """Where the points of the present score went."""
    return ScoreCard(
        score=words.points(path.health_score),
        mos=words.number(path.mos),
        parts=_score_parts(path),
        sent=path.sent,
        received=path.received,
        face=path.face,
        directions=_directions(path),
    )


def _directions(path: PathNow) -> DirectionWords | None:
    if path.kind not in KINDS_THAT_TELL:
        return None
    is_measured = path.enabled and not path.is_stale
    return direction_words(directions_of(path), is_measured=is_measured, reachable=path.reachable)


def _score_parts(path: PathNow) -> tuple[ScorePart, ...]:
    """Each metric beside its limit, and what it costs."""
    values: dict[str, tuple[float | None, float]] = {
        "latency_ms": (path.latency_ms, path.latency_limit_ms),
        "packet_loss_pct": (path.packet_loss_pct, path.packet_loss_limit_pct),
        "jitter_ms": (path.jitter_ms, path.jitter_limit_ms),
    }
    lost = _points_lost(path)
    return tuple(
        ScorePart(
            name=_METRICS[metric][0],
            value=words.MISSING
            if value is None
            else f"{words.number(value)} {_METRICS[metric][1]}",
            limit=f"limit {limit:g}",
            lost=lost.get(metric, words.MISSING),
            is_over=value is not None and value > limit,
        )
        for metric, (value, limit) in values.items()
    )


def _points_lost(path: PathNow) -> dict[str, str]:
    if path.health_score is None or path.latency_ms is None or path.packet_loss_pct is None:
        return {}
    profile = SlaProfile.objects.get(name=path.sla_profile)
    limits = SlaLimits(
        profile.latency_ms,
        profile.packet_loss_pct,
        profile.jitter_ms,
        profile.latency_weight,
        profile.packet_loss_weight,
        profile.jitter_weight,
    )
    parts = score_breakdown(path.latency_ms, path.packet_loss_pct, path.jitter_ms, limits).parts
    return {
        part.metric: "0" if part.points_lost < 0.05 else f"−{part.points_lost:.1f}"
        for part in parts
        if part.value is not None
    }


@dataclass(frozen=True, slots=True)
class TargetRow:
    """One target as measured now."""

    address: str
    face: Face
    score: str
    latency: str
    loss: str
    jitter: str
    detail: str
    dom_id: str
    v: str


def targets(path: PathNow) -> list[TargetRow]:
    """The targets with what the engine last said about each."""
    if path.targets:
        return [_target_row(n, target, path) for n, target in enumerate(path.targets)]
    unknown = {"alive": None, "score": None}
    return [_target_row(n, {"address": a, **unknown}, path) for n, a in enumerate(path.addresses)]


def _target_row(number: int, target: dict[str, Any], path: PathNow) -> TargetRow:
    alive = target.get("alive")
    face = FACES["unknown" if alive is None else "up" if alive else "down"]
    score = words.points(target.get("score"))
    latency, loss, jitter = (
        words.number(target.get(key)) for key in ("latency_ms", "packet_loss_pct", "jitter_ms")
    )
    notes = target_notes(target, interval_ms=path.interval_ms, hold_ms=path.hold_ms)
    detail = "; ".join(part for part in (str(target.get("detail") or ""), *notes) if part)
    address = str(target.get("address", ""))
    return TargetRow(
        address=address,
        face=face,
        score=score,
        latency=latency,
        loss=loss,
        jitter=jitter,
        detail=detail,
        dom_id=f"target-{number}",
        v=checksum(address, face, score, latency, loss, jitter, detail),
    )


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change of status; ``at`` in seconds since 1970, UTC."""

    dom_id: str
    at: float
    face: Face
    before: str
    note: str

    @property
    def v(self) -> str:
        """Changes never change."""
        return "1"


def changes(rows: Iterable[StatusChange]) -> list[ChangeRow]:
    """Changes of status as lines."""
    return [
        ChangeRow(
            dom_id=f"change-{row.pk}",
            at=row.timestamp,
            face=face_of(row.new_status, reachable=row.reachable),
            before=face_of(row.old_status, reachable=None).label.lower(),
            note=row.detail
            or ("" if row.health_score is None else f"score {words.points(row.health_score)}"),
        )
        for row in rows
    ]


def configuration(path: PathNow, budget: ProbeBudget) -> list[tuple[str, str]]:
    """How the path is measured, as name and value; ``budget`` is what that costs."""
    prober = PROBERS.get(path.kind)
    return [
        ("Probe", f"{prober.label if prober else path.kind}, every {path.interval_ms:g} ms"),
        ("Probe budget", budget_text(budget)),
        ("Targets", ", ".join(path.addresses) or "none: nothing can be measured"),
        ("Uplink", " · ".join(part for part in (path.uplink, path.transport) if part)),
        ("Provider", path.provider or words.MISSING),
        ("From", path.site),
        ("To", path.destination or "the Internet"),
        ("SLA profile", path.sla_profile),
    ]


def budget_text(budget: ProbeBudget) -> str:
    """Probes a second and megabytes a month, such as ``6 probes/s · about 1,369 MB a month``."""
    rate = f"{budget.probes_per_sec:.3g} probes/s"
    mb = budget.mb_per_month
    if mb is None:
        return rate
    roughly = "" if budget.is_exact else "about "
    return f"{rate} · {roughly}{mb:,.0f} MB a month"
