"""The last hour of an uplink's traffic as a small drawing: an area down, a line up.

Both on one scale that begins at 0; a minute in which nobody counted is a gap.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString

from health.console import words
from health.console.charts.scale import Linear, place

WIDTH, HEIGHT = 120, 24
LEAST_BPS = 1_000.0
"""An idle line is drawn along the ground, not as noise of full height."""

Rates = Sequence[float | None]


def traffic_spark(down: Rates, up: Rates) -> SafeString:
    """Rates in bits per second, oldest first; of equal length."""
    known = [value for value in (*down, *up) if value is not None]
    most = max(known, default=0.0)
    y = Linear(0.0, max(most, LEAST_BPS), HEIGHT - 1.0, 1.5)
    said = "Last hour: not counted"
    if known:
        said = f"Last hour: at most {_most(down)} down, {_most(up)} up"
    return format_html(
        '<svg class="traffic" width="{}" height="{}" role="img" aria-label="{}">'
        '<title>{}</title><path class="traffic-down" d="{}"/>'
        '<path class="traffic-up" d="{}"/></svg>',
        WIDTH, HEIGHT, said, said, _area(down, y), _line(up, y),
    )  # fmt: skip


def _most(rates: Rates) -> str:
    return words.rate(max((value for value in rates if value is not None), default=None))


def _runs(rates: Rates, y: Linear) -> list[list[tuple[float, float]]]:
    step = WIDTH / max(1, len(rates) - 1)
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(rates):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((index * step, y(value)))
    return [run for run in runs if run]


def _line(rates: Rates, y: Linear) -> str:
    return "".join(f"M{_through(run)}h.5" for run in _runs(rates, y))


def _area(rates: Rates, y: Linear) -> str:
    parts = []
    for run in _runs(rates, y):
        wide = run if len(run) > 1 else [run[0], (run[0][0] + 1.5, run[0][1])]
        ends = f"L{place(wide[-1][0])} {HEIGHT}L{place(wide[0][0])} {HEIGHT}Z"
        parts.append("M" + _through(wide) + ends)
    return "".join(parts)


def _through(run: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{place(x)} {place(y)}" for x, y in run)
