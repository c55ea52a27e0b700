"""What the project has set itself, and whether the cells keep to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bench.detector.plan import DETECTION, FALSE, OSCILLATION
from bench.detector.scenarios import ADVERSARY, OSCILLATIONS, Cell
from bench.report import Figure

CellsByName = Mapping[tuple[str, str, str], Cell]
"""Cells by part, contestant and scenario."""


class Bound(NamedTuple):
    """A value of one cell that may be ``most`` at most."""

    figure: str
    part: str
    contestant: str
    scenario: str
    value: str
    most: float
    unit: str = "s"


def _detection(figure: str, name: str, scenario: str, p50: float, p95: float = 0.0) -> list[Bound]:
    bounds = [
        Bound(figure, DETECTION, name, scenario, "p50", p50),
        Bound(figure, DETECTION, name, scenario, "switches", 1, "switches"),
    ]
    if p95:
        bounds.append(Bound(figure, DETECTION, name, scenario, "p95", p95))
    return bounds


def _slow(name: str) -> list[Bound]:
    reroute = "reroute +130 ms"
    return [
        *_detection("D8", name, "RTT +400 ms", 15.0),
        *_detection("D8", name, "jitter +60 ms", 20.0),
        Bound("D8", DETECTION, name, reroute, "switches", 0, "switches"),
        Bound("D8", DETECTION, name, reroute, "deaths", 0, "deaths"),
    ]


def _calm(name: str) -> list[Bound]:
    return [
        Bound("D4", OSCILLATION, name, scenario, value, most, unit)
        for scenario in OSCILLATIONS
        for value, most, unit in (
            ("switches", 8.0, "switches/h"),
            ("dead", 8.0 if name == "frugal" else 7.0, "s/h"),
        )
    ]


BOUNDS: list[Bound] = [
    *_detection("D1", "realtime", "blackhole", 0.7, 0.85),
    *_detection("D1", "balanced", "blackhole", 0.9, 1.2),
    *_detection("D1", "fast", "blackhole", 0.3, 0.35),
    *_detection("D2", "realtime", "loss 30 %", 12.0),
    *_detection("D2", "realtime", "loss 20 %", 24.0),
    *_detection("D2", "balanced", "loss 30 %", 25.0),
    *_detection("D2", "balanced", "loss 20 %", 50.0),
    *[
        Bound("D3", FALSE, name, scenario, "per_day", most, "a day")
        for name in ("realtime", "balanced")
        for scenario, most in (("2 % loss", 0.0), ("5 % loss", 0.2))
    ],
    *[bound for name in ("realtime", "balanced", "fast", "frugal") for bound in _calm(name)],
    *[bound for name in ("realtime", "balanced", "frugal") for bound in _slow(name)],
    Bound("D8", DETECTION, "fast", "reroute +130 ms", "deaths", 0, "deaths"),
]
REPORTED_BESIDE = (ADVERSARY,)
"""Scenarios whose figures are shown but bind nobody."""


def measured(bound: Bound, cells: CellsByName) -> float | None:
    """The value that ``bound`` is about; infinite for never, None when it was not computed."""
    cell = cells.get((bound.part, bound.contestant, bound.scenario))
    if cell is None:
        return None
    value = cell[bound.value]
    return float("inf") if value is None else float(value)


def broken(cells: CellsByName) -> list[str]:
    """A line for every bound that its cell exceeds."""
    lines = []
    for bound in BOUNDS:
        value = measured(bound, cells)
        if value is not None and value > bound.most:
            lines.append(
                f"{bound.figure} {bound.contestant}, {bound.scenario}: {bound.value} "
                f"{value:g} {bound.unit}, must be at most {bound.most:g}"
            )
    return lines


def unknown(cells: CellsByName) -> list[str]:
    """A line for every bound whose cell has not been computed."""
    lines = [
        f"{bound.figure} {bound.contestant}, {bound.scenario}: not computed"
        for bound in BOUNDS
        if measured(bound, cells) is None
    ]
    return list(dict.fromkeys(lines))


def figures(cells: CellsByName, trials: int) -> list[Figure]:
    """The worst value of every figure, profile and kind, beside its bound."""
    worst: dict[tuple[str, str, str, str], tuple[float, Bound]] = {}
    for bound in BOUNDS:
        value = measured(bound, cells)
        what = "any oscillation" if bound.part == OSCILLATION else bound.scenario
        key = (bound.figure, bound.contestant, what, bound.value)
        if value is not None and (key not in worst or value > worst[key][0]):
            worst[key] = (value, bound)
    return [
        Figure(
            f"{name} {who}, {what}: {value_name}", value, bound.unit, trials, f"≤ {bound.most:g}"
        )
        for (name, who, what, value_name), (value, bound) in worst.items()
    ]
