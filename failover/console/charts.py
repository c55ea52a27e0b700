"""The chart of a policy: scores of its members between the thresholds, and who carried traffic.

Reads the samples of a range (one query) and draws them for wide and for narrow
screens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from failover.models import EventType, FailoverEvent
from failover.selectors import PolicyNow
from health.console.charts import drawing
from health.console.charts.buckets import LONGEST, SLOT_SECS, Span, span_for, weighted
from health.console.charts.drawing import NARROW, WIDE
from health.console.charts.scale import Linear, place, time_ticks
from health.console.live import checksum
from health.console.neighbours import Mark
from health.selectors.scores import score_history

POINTS = 180
LEFT = 36.0
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
    """A drawing for wide and one for narrow screens, and the checksum of what they show."""

    svg: SafeString
    narrow: SafeString
    span: Span
    is_empty: bool
    v: str


def policy_chart(
    policy: PolicyNow, events: Sequence[FailoverEvent], asked: Span | None = None, *, now: float
) -> PolicyChart:
    """The last ``asked`` of ``policy`` up to ``now``; ``events`` are its latest, newest first.

    Without a range it is the shortest that holds the stored history of the members.
    """
    keys = [key for key, _ in policy.members]
    reach = asked or LONGEST
    found = score_history(keys, since=now - reach.secs - reach.secs // POINTS, until=now)
    begun = min((points[0][0] for points in found.values() if points), default=None)
    span = asked or span_for(begun, now=now)
    bucket_secs = max(SLOT_SECS, span.secs // POINTS)
    until = now - now % bucket_secs
    since = until - span.secs
    scores = {
        key: [point for point in points if since <= point[0] < until]
        for key, points in found.items()
    }
    switches = _switches(events, since)
    # Before the first sample nobody knows who carried what.
    known_from = min((points[0][0] for points in scores.values() if points), default=until)
    picture = _Picture(
        policy=policy,
        span=span,
        since=since,
        until=until,
        series={key: _series(points, since, until, bucket_secs) for key, points in scores.items()},
        switches=switches,
        stretches=stretches(policy, switches, known_from, until),
    )
    return PolicyChart(
        svg=_svg(picture, WIDE, room=140.0),
        narrow=_svg(picture, NARROW, room=104.0),
        span=span,
        is_empty=not any(scores.values()),
        v=checksum(until, span.key, len(switches), policy.active_path_id),
    )


@dataclass(frozen=True, slots=True)
class _Picture:
    """What is drawn, whatever the width."""

    policy: PolicyNow
    span: Span
    since: float
    until: float
    series: dict[int, list[drawing.Point]]
    switches: Sequence[FailoverEvent]
    stretches: Sequence[Stretch]


def _svg(picture: _Picture, width: drawing.Width, *, room: float) -> SafeString:
    """The drawing with ``room`` for names at its right."""
    policy = picture.policy
    right = width.units - room
    x = Linear(picture.since, picture.until, LEFT, right)
    y = Linear(0.0, 100.0, BOTTOM, TOP)
    ident = f"policy-chart-{width.name}"
    ticks = time_ticks(picture.since, picture.until, timezone.get_current_timezone(), width.ticks)
    return format_html(
        '<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-labelledby="{}">'
        '<title id="{}">Scores of the members of {} against its thresholds in the last '
        "{}, and which of them carried the traffic</title>{}</svg>",
        width.name, width.units, HEIGHT, ident, ident, policy.name, picture.span.label,
        drawing.joined([
            *_zones(policy, y, right),
            *_time_grid(ticks, x),
            *_lines(policy, picture.series, x, y, int((room - 8.0) / width.letter)),
            *_ribbon(policy, picture.stretches, x),
            *(
                drawing.mark(m.tone, x(m.at), TOP, RIBBON_TOP, m.text)
                for m in _marks(picture.switches)
            ),
        ]),
    )  # fmt: skip


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


def _series(
    points: Sequence[tuple[int, float | None]], since: float, until: float, secs: int
) -> list[drawing.Point]:
    """Means of buckets; a bucket without a sample is a gap."""
    first, last = int(since // secs), int(until // secs)
    filled: dict[int, list[tuple[float | None, float]]] = {}
    for timestamp, score in points:
        filled.setdefault(timestamp // secs, []).append((score, 1.0))
    return [((n + 0.5) * secs, weighted(filled.get(n, ()))) for n in range(first, last)]


def _zones(policy: PolicyNow, y: Linear, right: float) -> list[SafeString]:
    low, high = policy.failover_threshold, policy.failback_threshold
    width = right - LEFT
    return [
        drawing.rect("zone-bad", LEFT, y(low), width, y(0) - y(low)),
        drawing.rect("zone-ok", LEFT, y(100), width, y(high) - y(100)),
        drawing.path("limit", f"M{LEFT} {place(y(low))}H{right}"),
        drawing.path("limit ok", f"M{LEFT} {place(y(high))}H{right}"),
        drawing.text("zone-text bad", LEFT + 6, y(low) + 13, f"fail over below {low:g}"),
        drawing.text("zone-text ok", LEFT + 6, y(high) - 5, f"fail back at or above {high:g}"),
        drawing.text("zone-text", LEFT + 6, y((low + high) / 2) + 4, "keep the present path"),
        *(drawing.text("tick-y", LEFT - 6, y(v) + 3.5, f"{v}") for v in (0, 50, 100)),
    ]


def _time_grid(ticks: Sequence[tuple[float, str]], x: Linear) -> list[SafeString]:
    bottom = RIBBON_TOP + RIBBON_HEIGHT
    grid = drawing.path("grid", "".join(f"M{place(x(at))} {TOP}V{bottom}" for at, _ in ticks))
    return [grid, *(drawing.text("tick-x", x(at), HEIGHT - 8, label) for at, label in ticks)]


def _lines(
    policy: PolicyNow,
    series: dict[int, list[drawing.Point]],
    x: Linear,
    y: Linear,
    letters: int,
) -> list[SafeString]:
    shapes: list[SafeString] = []
    ends: list[tuple[float, int, str, float]] = []
    for index, (key, name) in enumerate(policy.members):
        shapes.append(drawing.path(f"series series-{_hue(index)}", drawing.line(series[key], x, y)))
        known = [value for _, value in series[key] if value is not None]
        if known:
            ends.append((y(known[-1]), index, name, known[-1]))
    return shapes + _end_labels(sorted(ends), x.end, letters)


def _end_labels(
    ends: list[tuple[float, int, str, float]], right: float, letters: int
) -> list[SafeString]:
    """The last score and the name at the end of each line, pushed apart where they would touch."""
    labels: list[SafeString] = []
    lowest = -LABEL_GAP
    for wanted, index, name, score in ends:
        at = max(wanted, lowest + LABEL_GAP)
        lowest = at
        labels.append(
            drawing.text(f"end-score series-{_hue(index)}", right + 8, at + 2, f"{score:.0f}")
        )
        labels.append(drawing.text("end-name", right + 8, at + 14, _short(name, letters)))
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
    """Without its middle: names of one policy often differ at their end only."""
    if len(name) <= length:
        return name
    head = max(1, (length - 1) // 2)
    return f"{name[:head]}…{name[len(name) - max(1, length - 1 - head) :]}"
