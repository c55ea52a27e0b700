"""The chart of one path: latency with its spread, loss, jitter and score on one time axis.

The latency line is coloured and thickened by loss; nothing is drawn where nothing is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from health.console.charts import drawing
from health.console.charts.buckets import Bucket
from health.console.charts.drawing import NARROW, WIDE
from health.console.charts.scale import Linear, place, time_ticks, value_ticks
from health.console.neighbours import Mark
from health.domain.status import DEGRADED_FROM, UP_FROM

LEFT = 46.0
LATENCY = (24.0, 254.0)
LOSS = (282.0, 328.0)
JITTER = (352.0, 398.0)
SCORE = (422.0, 478.0)
HEIGHT = 500
TOP, BOTTOM = LATENCY[0], SCORE[1]

LOSS_CLASSES = ((1e-9, 0), (1.0, 1), (3.0, 2), (10.0, 3), (25.0, 4), (100.0, 5))
LOSS_LABELS = ("0 %", "<1 %", "<3 %", "<10 %", "<25 %", "<100 %", "100 %")
LOSS_TOPS = (5.0, 10.0, 25.0, 100.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """The path's SLA limits, drawn into their lanes."""

    latency_ms: float
    packet_loss_pct: float
    jitter_ms: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing for wide and one for narrow screens, and their numbers for the page's cursor."""

    svg: SafeString
    narrow: SafeString
    data: dict[str, Any]
    is_empty: bool


def loss_class(loss: float) -> int:
    """0 without loss … 6 for total loss."""
    return next((number for below, number in LOSS_CLASSES if loss < below), 6)


def path_chart(
    points: Sequence[Bucket | None],
    *,
    since: float,
    until: float,
    secs: int,
    limits: Limits,
    marks: Sequence[Mark] = (),
    zone: dt.tzinfo,
    name: str,
) -> Chart:
    """Draw ``points``, the buckets of ``secs`` seconds between ``since`` and ``until``.

    Drawn once for each width of screen; the style sheet shows one of them.
    """
    first = int(since // secs) * secs
    drawings: dict[str, SafeString] = {}
    for width in (WIDE, NARROW):
        x = Linear(since, until, LEFT, width.units - 10.0)
        ticks = time_ticks(since, until, zone, width.ticks)
        drawn = _Drawing(points, x, first, secs, limits)
        drawings[width.name] = _svg(width, drawn, ticks, marks, name)
    return Chart(
        svg=drawings[WIDE.name],
        narrow=drawings[NARROW.name],
        data=_data(points, first, secs),
        is_empty=all(point is None for point in points),
    )


def _svg(
    width: drawing.Width,
    drawn: _Drawing,
    ticks: Sequence[tuple[float, str]],
    marks: Sequence[Mark],
    name: str,
) -> SafeString:
    ident = f"chart-{width.name}"
    return format_html(
        '<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc"'
        ' data-left="{}" data-right="{}" data-since="{}" data-until="{}">'
        '<title id="{}-title">Latency, loss, jitter and score of {}</title>'
        '<desc id="{}-desc">{} The same numbers are in the table below the chart.</desc>'
        '{}<g class="cursor"><path d="M0 {}V{}"/></g></svg>',
        width.name, width.units, HEIGHT, ident, ident,
        LEFT, drawn.right, drawn.x.low, drawn.x.high, ident, name, ident, drawn.spoken(),
        drawing.joined([
            *_time_grid(ticks, drawn.x),
            *drawn.silence(drawn.x.high),
            *drawn.latency(),
            *drawn.loss(),
            *drawn.jitter(),
            *drawn.score(),
            *(drawing.mark(m.tone, drawn.x(m.at), TOP, BOTTOM, m.text) for m in marks),
        ]),
        place(TOP), place(BOTTOM),
    )  # fmt: skip


def _time_grid(ticks: Sequence[tuple[float, str]], x: Linear) -> list[SafeString]:
    grid = drawing.path("grid", "".join(f"M{place(x(at))} {TOP}V{BOTTOM}" for at, _ in ticks))
    # The last label must not leave the drawing.
    places = [(min(x(at), x.end - 8.0), label) for at, label in ticks]
    return [grid, *(drawing.text("tick-x", at, HEIGHT - 6, label) for at, label in places)]


def _data(points: Sequence[Bucket | None], first: float, secs: int) -> dict[str, Any]:
    return {
        "first": first,
        "secs": secs,
        "columns": ["min", "average", "max", "loss", "jitter", "score"],
        "units": [" ms", " ms", " ms", " %", " ms", ""],
        "rows": [
            None
            if p is None
            else [_rounded(v) for v in (p.least, p.latency, p.most, p.loss, p.jitter, p.score)]
            for p in points
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


class _Drawing:
    """The lanes of one chart; all share the time scale ``x``."""

    def __init__(
        self,
        points: Sequence[Bucket | None],
        x: Linear,
        first: float,
        secs: int,
        limits: Limits,
    ) -> None:
        self.points = points
        self.x = x
        self.right = x.end
        self.secs = secs
        self.limits = limits
        self.starts = [first + n * secs for n in range(len(points))]
        self.known = [point for point in points if point is not None]
        self.middles = [start + secs / 2 for start in self.starts]

    def spoken(self) -> str:
        answered = [point for point in self.known if point.latency is not None]
        if not answered:
            return "No answers in this range."
        received = sum(point.received for point in answered)
        mean = sum(p.latency * p.received for p in answered if p.latency is not None) / received
        sent = sum(point.sent for point in self.known)
        return f"Average latency {mean:.1f} ms, loss {100 * (sent - received) / sent:.2f} percent."

    def silence(self, until: float) -> list[SafeString]:
        """Blocks over all lanes: nothing sent (no data), nothing answered (outage)."""
        found: list[SafeString] = []
        for css_class, applies in (
            ("block-none", lambda point: point is None),
            ("block-outage", lambda point: point is not None and point.is_outage),
        ):
            for start, end in self._runs(applies, until):
                left, right = self.x(start), self.x(end)
                width = max(1.5, right - left)
                found.append(drawing.block(css_class, left, TOP, width, BOTTOM - TOP))
        return found

    def _runs(self, applies: Any, until: float) -> list[tuple[float, float]]:
        runs: list[tuple[float, float]] = []
        for start, point in zip(self.starts, self.points, strict=True):
            if not applies(point) or start >= until:
                continue
            if runs and runs[-1][1] == start:
                runs[-1] = (runs[-1][0], start + self.secs)
            else:
                runs.append((start, start + self.secs))
        return [(start, min(end, until)) for start, end in runs]

    def latency(self) -> list[SafeString]:
        top, y = self._latency_scale()
        limit = self.limits.latency_ms
        bands = [
            (middle, point.least if point else None, point.most if point else None)
            for middle, point in zip(self.middles, self.points, strict=True)
        ]
        clipped = "".join(
            f"M{place(self.x(middle) - 3)} {LATENCY[0] + 5}l3 -5l3 5z"
            for middle, point in zip(self.middles, self.points, strict=True)
            if point is not None and point.most is not None and point.most > top
        )
        return [
            drawing.text("lane", LEFT, 12, "Latency ms"),
            *_value_grid(value_ticks(top), y, self.right),
            drawing.path("band", drawing.band(bands, self.x, y)),
            *self._latency_line(y),
            drawing.path("clipped", clipped),
            *self._limit(limit, top, y, f"limit {limit:g} ms", 12),
        ]

    def _latency_scale(self) -> tuple[float, Linear]:
        highest = sorted(point.most for point in self.known if point.most is not None)
        # The rare spike must not flatten the rest: it is clipped and marked.
        usual = highest[int((len(highest) - 1) * 0.985)] if highest else self.limits.latency_ms
        near = self.limits.latency_ms <= usual * 1.3
        wanted = max(usual, self.limits.latency_ms * 1.06 if near else 0.0, 1.0) * 1.04
        top = value_ticks(wanted)[-1]
        return top, Linear(0.0, top, LATENCY[1], LATENCY[0])

    def _latency_line(self, y: Linear) -> list[SafeString]:
        """One path for each loss class; a piece has the worse class of its two ends."""
        pieces: dict[int, list[str]] = {}
        before: tuple[str, int] | None = None
        for middle, point in zip(self.middles, self.points, strict=True):
            if point is None or point.latency is None:
                before = None
                continue
            here = f"{place(self.x(middle))} {place(y(point.latency))}"
            worst = loss_class(point.loss or 0.0)
            if before is None:
                pieces.setdefault(worst, []).append(f"M{here}h.5")
            else:
                joint = max(worst, before[1])
                pieces.setdefault(joint, []).append(f"M{before[0]}L{here}")
            before = (here, worst)
        return [drawing.path(f"mean loss-{n}", "".join(pieces[n])) for n in sorted(pieces)]

    def _limit(
        self, limit: float, top: float, y: Linear, label: str, label_y: float
    ) -> list[SafeString]:
        if limit > top:
            return [drawing.text("limit-text end", self.right, label_y, f"{label}, off scale")]
        line = drawing.path("limit", f"M{LEFT} {place(y(limit))}H{self.right}")
        return [line, drawing.text("limit-text", LEFT + 4, y(limit) - 4, label)]

    def loss(self) -> list[SafeString]:
        worst = max((point.loss or 0.0 for point in self.known), default=0.0)
        top = next(n for n in LOSS_TOPS if worst <= n)
        y = Linear(0.0, top, LOSS[1], LOSS[0])
        bars: dict[int, list[str]] = {}
        for start, point in zip(self.starts, self.points, strict=True):
            if point is not None and point.loss:
                left, right = self.x(start), self.x(start + self.secs)
                height = max(1.5, LOSS[1] - y(point.loss))
                bar = f"M{place(left)} {LOSS[1]}v-{place(height)}h{place(max(1.0, right - left))}"
                bars.setdefault(loss_class(point.loss), []).append(f"{bar}v{place(height)}z")
        shapes = [drawing.path(f"bar-loss loss-{n}", "".join(bars[n])) for n in sorted(bars)]
        limit = self.limits.packet_loss_pct
        line = (
            [drawing.path("limit", f"M{LEFT} {place(y(limit))}H{self.right}")]
            if limit < top
            else []
        )
        return [*_lane("Loss %", LOSS, self.right, f"{top:g}"), *shapes, *line]

    def jitter(self) -> list[SafeString]:
        highest = max((p.jitter for p in self.known if p.jitter is not None), default=0.0)
        top = value_ticks(max(highest, self.limits.jitter_ms * 1.2), 2)[-1]
        y = Linear(0.0, top, JITTER[1], JITTER[0])
        return [
            *_lane("Jitter ms", JITTER, self.right, f"{top:g}"),
            drawing.path("thin", drawing.line(self._values("jitter"), self.x, y)),
            drawing.path("limit", f"M{LEFT} {place(y(self.limits.jitter_ms))}H{self.right}"),
        ]

    def score(self) -> list[SafeString]:
        y = Linear(0.0, 100.0, SCORE[1], SCORE[0])
        width = self.right - LEFT
        return [
            drawing.rect("zone-bad", LEFT, y(DEGRADED_FROM), width, y(0) - y(DEGRADED_FROM)),
            drawing.rect("zone-ok", LEFT, y(100), width, y(UP_FROM) - y(100)),
            *_lane("Score", SCORE, self.right, "100"),
            drawing.text("tick-y", LEFT - 6, y(DEGRADED_FROM) + 3, f"{DEGRADED_FROM:g}"),
            drawing.path("thin", drawing.line(self._values("score"), self.x, y)),
        ]

    def _values(self, field: str) -> list[drawing.Point]:
        return [
            (middle, None if point is None else getattr(point, field))
            for middle, point in zip(self.middles, self.points, strict=True)
        ]


def _value_grid(ticks: Sequence[float], y: Linear, right: float) -> list[SafeString]:
    lines = drawing.path("grid", "".join(f"M{LEFT} {place(y(v))}H{right}" for v in ticks))
    return [lines, *(drawing.text("tick-y", LEFT - 6, y(v) + 3.5, f"{v:g}") for v in ticks)]


def _lane(title: str, lane: tuple[float, float], right: float, top_label: str) -> list[SafeString]:
    return [
        drawing.path("grid", f"M{LEFT} {lane[0]}H{right}M{LEFT} {lane[1]}H{right}"),
        drawing.text("lane", LEFT, lane[0] - 6, title),
        drawing.text("tick-y", LEFT - 6, lane[0] + 4, top_label),
        drawing.text("tick-y", LEFT - 6, lane[1] + 3, "0"),
    ]
