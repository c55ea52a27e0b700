"""Pens for charts: lines with honest gaps, bands, bars, marks. SVG text, no inline style.

Coordinates come from scales, classes from the style sheet. Names of people and paths enter
only through ``format_html``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from health.console.charts.scale import place


@dataclass(frozen=True, slots=True)
class Width:
    """A class of widths a chart is drawn for.

    ``ticks`` of time fit beside each other; a ``letter`` is so wide, in units.
    """

    name: str
    units: float
    ticks: int
    letter: float


WIDE, NARROW = Width("wide", 860, 8, 6.2), Width("narrow", 440, 4, 7.4)
"""Text of one drawing for all screens would shrink beyond reading on a phone."""

Point = tuple[float, float | None]
"""A moment and a value, None for a gap."""
Scale = Callable[[float], float]


def line(points: Iterable[Point], x: Scale, y: Scale) -> str:
    """Path data of a line that is interrupted where there is no value."""
    parts: list[str] = []
    pen_down = False
    for moment, value in points:
        if value is None:
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{place(x(moment))} {place(y(value))}")
        if not pen_down:
            parts.append("h.5")
        pen_down = True
    return "".join(parts)


def band(points: Sequence[tuple[float, float | None, float | None]], x: Scale, y: Scale) -> str:
    """Path data of the area between two values, one shape for each run without a gap."""
    parts: list[str] = []
    run: list[tuple[float, float, float]] = []
    for moment, low, high in [*points, (0.0, None, None)]:
        if low is not None and high is not None:
            run.append((moment, low, high))
            continue
        if len(run) > 1:
            there = [f"{place(x(t))} {place(y(high))}" for t, _, high in run]
            back = [f"{place(x(t))} {place(y(low))}" for t, low, _ in reversed(run)]
            parts.append(f"M{'L'.join(there)}L{'L'.join(back)}Z")
        run.clear()
    return "".join(parts)


def path(css_class: str, data: str) -> SafeString:
    """A path element; nothing when there is nothing to draw."""
    return format_html('<path class="{}" d="{}"/>', css_class, data) if data else SafeString("")


def rect(css_class: str, x: float, y: float, width: float, height: float) -> SafeString:
    """A rectangle."""
    return format_html(
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>',
        css_class, place(x), place(y), place(max(0.0, width)), place(max(0.0, height)),
    )  # fmt: skip


def block(css_class: str, x: float, y: float, width: float, height: float) -> SafeString:
    """A rectangle filled with the page's hatching unless its class has a colour."""
    return format_html(
        '<rect class="{}" fill="url(#hatch)" x="{}" y="{}" width="{}" height="{}"/>',
        css_class,
        place(x),
        place(y),
        place(width),
        place(height),
    )


def text(css_class: str, x: float, y: float, content: str) -> SafeString:
    """A line of text."""
    return format_html(
        '<text class="{}" x="{}" y="{}">{}</text>', css_class, place(x), place(y), content
    )


def mark(tone: str, x: float, top: float, bottom: float, content: str) -> SafeString:
    """A moment: a flag above a dashed line, its text as tooltip."""
    return format_html(
        '<g class="mark tone-{}"><title>{}</title><path class="mark-line" d="M{} {}V{}"/>'
        '<path class="mark-flag" d="M{} {}h10l-5 8z"/></g>',
        tone, content, place(x), place(top), place(bottom), place(x - 5), place(top - 9),
    )  # fmt: skip


def joined(parts: Iterable[SafeString]) -> SafeString:
    """Several elements as one."""
    return mark_safe("".join(parts))  # noqa: S308 - every part was made by format_html
