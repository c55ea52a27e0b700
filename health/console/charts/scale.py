"""Axes: from values to places on the drawing, and where the ticks go. Pure."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)
_TIME_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
TICKS = 8


@dataclass(frozen=True, slots=True)
class Linear:
    """A line from ``low`` at ``start`` to ``high`` at ``end`` (drawing units)."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of ``value``; beyond the ends it stays at the end."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)


def nice_step(span: float, steps: int = 4) -> float:
    """A round step that divides ``span`` into about ``steps`` parts."""
    raw = span / steps
    magnitude = 10.0 ** math.floor(math.log10(raw))
    return next(n * magnitude for n in _NICE if raw <= n * magnitude * (1 + 1e-9))


def value_ticks(high: float, steps: int = 4) -> list[float]:
    """Round values from 0 to at least ``high``."""
    step = nice_step(high, steps)
    return [n * step for n in range(math.ceil(high / step - 1e-9) + 1)]


def time_ticks(
    since: float, until: float, zone: dt.tzinfo, most: int = TICKS
) -> list[tuple[float, str]]:
    """At most about ``most`` round moments in ``zone`` with their labels.

    A change of the day shows its date.
    """
    step = next((s for s in _TIME_STEPS if (until - since) / s <= most), _TIME_STEPS[-1])
    shift = _shift(since, zone)
    moment = math.ceil((since + shift) / step) * step - shift
    ticks: list[tuple[float, str]] = []
    while moment <= until:
        local = dt.datetime.fromtimestamp(moment, zone)
        midnight = local.hour == 0 and local.minute == 0
        ticks.append((moment, f"{local:%a %d %b}" if midnight else f"{local:%H:%M}"))
        moment += step
    return ticks


def _shift(moment: float, zone: dt.tzinfo) -> float:
    offset = dt.datetime.fromtimestamp(moment, zone).utcoffset()
    return offset.total_seconds() if offset else 0.0


def place(value: float) -> str:
    """A coordinate as short text."""
    return f"{value:.1f}".removesuffix(".0")
