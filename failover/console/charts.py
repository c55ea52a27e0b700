"""The chart of a policy: scores of its members between the thresholds, and who carried traffic.

Reads the samples of the last hour (one query) and draws them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from failover.models import EventType, FailoverEvent
from failover.selectors import PolicyNow
from health.console.charts import drawing
from health.console.charts.buckets import weighted
from health.console.charts.scale import Linear, place, time_ticks
from health.console.live import checksum
from health.console.neighbours import Mark
from health.selectors.scores import score_history

SPAN_SECS = 3600
BUCKET_SECS = 20
WIDTH, LEFT, RIGHT = 860, 36.0, 720.0
TOP, BOTTOM = 20.0, 270.0
RIBBON_TOP, RIBBON_HEIGHT = 282.0, 22.0
HEIGHT = 330
LABEL_GAP = 28.0
SERIES = 4
"""Series have a colour and a dash of their own up to this many; the rest share the last."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which one path carried the traffic; seconds since 1970, UTC."""

    start: float
    end: float
    path_id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class PolicyChart:
    """A drawing and the checksum of what it shows."""

    svg: SafeString
    is_empty: bool
    v: str


def policy_chart(policy: PolicyNow, events: Sequence[FailoverEvent], *, now: float) -> PolicyChart:
    """The last hour of ``policy`` up to ``now``; ``events`` are its latest, newest first."""
    until = now - now % BUCKET_SECS
    since = until - SPAN_SECS
    scores = score_history([key for key, _ in policy.members], since=since, until=until)
    switches = _switches(events, since)
    # Before the first sample nobody knows who carried what.
    known_from = min((points[0][0] for points in scores.values() if points), default=until)
    x = Linear(since, until, LEFT, RIGHT)
    y = Linear(0.0, 100.0, BOTTOM, TOP)
    zone = timezone.get_current_timezone()
    series = {key: _series(points, since) for key, points in scores.items()}
    svg = format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="chart-title">'
        '<title id="chart-title">Scores of the members of {} against its thresholds in the last '
        "hour, and which of them carried the traffic</title>{}</svg>",
        WIDTH, HEIGHT, policy.name,
        drawing.joined([
            *_zones(policy, y),
            *_time_grid(since, until, zone, x),
            *_lines(policy, series, x, y),
            *_ribbon(policy, stretches(policy, switches, known_from, until), x),
            *(drawing.mark(m.tone, x(m.at), TOP, RIBBON_TOP, m.text) for m in _marks(switches)),
        ]),
    )  # fmt: skip
    is_empty = not any(scores.values())
    return PolicyChart(svg, is_empty, checksum(until, len(switches), policy.active_path_id))


def _switches(events: Sequence[FailoverEvent], since: float) -> list[FailoverEvent]:
    """The completed switches since ``since``, oldest first."""
    return [
        event
        for event in reversed(events)
        if event.event_type == EventType.COMPLETED and event.timestamp.timestamp() >= since
    ]


def stretches(
    policy: PolicyNow, switches: Sequence[FailoverEvent], since: float, until: float
) -> list[Stretch]:
    """Who carried the traffic when, as the completed switches tell it."""
    names = dict(policy.members)
    if not switches:
        if policy.active_path_id is None or policy.active_since is None:
            return []
        begun = max(since, policy.active_since.timestamp())
        if begun >= until:
            return []
        return [Stretch(begun, until, policy.active_path_id, names.get(policy.active_path_id, ""))]
    found: list[Stretch] = []
    first = switches[0]
    begun, ended = since, first.timestamp.timestamp()
    if first.from_path_name and begun < ended:
        found.append(Stretch(begun, ended, first.from_path_id, first.from_path_name))
    ends = [event.timestamp.timestamp() for event in switches[1:]] + [until]
    for event, end in zip(switches, ends, strict=True):
        begun = event.timestamp.timestamp()
        found.append(Stretch(begun, end, event.to_path_id, event.to_path_name))
    return found


def _series(points: Sequence[tuple[int, float | None]], since: float) -> list[drawing.Point]:
    """Means of buckets; a bucket without a sample is a gap."""
    first = int(since // BUCKET_SECS)
    filled: dict[int, list[tuple[float | None, float]]] = {}
    for timestamp, score in points:
        filled.setdefault(timestamp // BUCKET_SECS, []).append((score, 1.0))
    return [
        ((n + 0.5) * BUCKET_SECS, weighted(filled.get(n, ())))
        for n in range(first, first + SPAN_SECS // BUCKET_SECS)
    ]


def _zones(policy: PolicyNow, y: Linear) -> list[SafeString]:
    low, high = policy.failover_threshold, policy.failback_threshold
    width = RIGHT - LEFT
    return [
        drawing.rect("zone-bad", LEFT, y(low), width, y(0) - y(low)),
        drawing.rect("zone-ok", LEFT, y(100), width, y(high) - y(100)),
        drawing.path("limit", f"M{LEFT} {place(y(low))}H{RIGHT}"),
        drawing.path("limit ok", f"M{LEFT} {place(y(high))}H{RIGHT}"),
        drawing.text("zone-text bad", LEFT + 6, y(low) + 13, f"fail over below {low:g}"),
        drawing.text("zone-text ok", LEFT + 6, y(high) - 5, f"fail back at or above {high:g}"),
        drawing.text("zone-text", LEFT + 6, y((low + high) / 2) + 4, "keep the present path"),
        *(drawing.text("tick-y", LEFT - 6, y(v) + 3.5, f"{v}") for v in (0, 50, 100)),
    ]


def _time_grid(since: float, until: float, zone: dt.tzinfo, x: Linear) -> list[SafeString]:
    ticks = time_ticks(since, until, zone)
    bottom = RIBBON_TOP + RIBBON_HEIGHT
    grid = drawing.path("grid", "".join(f"M{place(x(at))} {TOP}V{bottom}" for at, _ in ticks))
    return [grid, *(drawing.text("tick-x", x(at), HEIGHT - 8, label) for at, label in ticks)]


def _lines(
    policy: PolicyNow, series: dict[int, list[drawing.Point]], x: Linear, y: Linear
) -> list[SafeString]:
    shapes: list[SafeString] = []
    ends: list[tuple[float, int, str, float]] = []
    for index, (key, name) in enumerate(policy.members):
        shapes.append(drawing.path(f"series series-{_hue(index)}", drawing.line(series[key], x, y)))
        known = [value for _, value in series[key] if value is not None]
        if known:
            ends.append((y(known[-1]), index, name, known[-1]))
    return shapes + _end_labels(sorted(ends))


def _end_labels(ends: list[tuple[float, int, str, float]]) -> list[SafeString]:
    """The last score and the name at the end of each line, pushed apart where they would touch."""
    labels: list[SafeString] = []
    lowest = -LABEL_GAP
    for wanted, index, name, score in ends:
        at = max(wanted, lowest + LABEL_GAP)
        lowest = at
        labels.append(
            drawing.text(f"end-score series-{_hue(index)}", RIGHT + 8, at + 2, f"{score:.0f}")
        )
        labels.append(drawing.text("end-name", RIGHT + 8, at + 14, _short(name, 22)))
    return labels


def _ribbon(policy: PolicyNow, found: Sequence[Stretch], x: Linear) -> list[SafeString]:
    order = [key for key, _ in policy.members]
    parts: list[SafeString] = []
    for one in found:
        left, width = x(one.start), x(one.end) - x(one.start) - 1
        hue = _hue(order.index(one.path_id)) if one.path_id in order else "none"
        fits = int((width - 14) / 6.2)
        label = _short(one.name, fits) if fits >= 4 else ""
        parts.append(
            format_html(
                '<g class="ribbon series-{}"><title>{}</title>{}{}</g>',
                hue,
                one.name,
                drawing.rect("ribbon-back", left, RIBBON_TOP, width, RIBBON_HEIGHT),
                drawing.text("ribbon-text", left + 8, RIBBON_TOP + 15, label),
            )
        )
    return parts


def _marks(switches: Sequence[FailoverEvent]) -> list[Mark]:
    return [
        Mark(
            event.timestamp.timestamp(),
            "ok" if event.direction == "failback" else "bad",
            f"{event.get_direction_display()} to {event.to_path_name}: {event.reason}",
        )
        for event in switches
    ]


def _hue(index: int) -> int:
    return min(index, SERIES - 1)


def _short(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: max(1, length - 1)]}…"
