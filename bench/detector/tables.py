"""The cells as tables in Markdown, and their place in the documentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bench.detector.bounds import CellsByName
from bench.detector.contestants import CONTESTANTS
from bench.detector.plan import COMEBACK, DETECTION, FALSE, OSCILLATION
from bench.detector.scenarios import ADVERSARY, FAULTS, OSCILLATIONS, STEADY, Cell

BEGIN = "<!-- tables: written by `python -m bench.detector --docs` -->"
END = "<!-- end of tables -->"
NOT_COMPUTED = ""


def _seconds(value: float | None) -> str:
    if value is None:
        return "never"
    return f"{value:.2f}" if value < 10.0 else f"{value:.0f}"


def _detected(cell: Cell) -> str:
    if cell["p50"] is None and cell["p95"] is None:
        text = "never"
    else:
        text = f"{_seconds(cell['p50'])} / {_seconds(cell['p95'])}"
    switches = cell.get("switches") or 0
    return f"{text} ({switches:g} moves)" if switches > 1 else text


def _a_day(cell: Cell) -> str:
    per_day = cell["per_day"] or 0.0
    return f"{per_day:.2g}" if per_day < 10 else f"{per_day:.0f}"


def _swings(cell: Cell) -> str:
    return f"{cell['switches']:g} / {_seconds(cell['dead'])}"


def _table(
    cells: CellsByName, part: str, scenarios: Sequence[str], show: Callable[[Cell], str]
) -> list[str]:
    lines = [f"| | {' | '.join(scenarios)} |", "|---" * (len(scenarios) + 1) + "|"]
    for name in CONTESTANTS:
        row = [cells.get((part, name, scenario)) for scenario in scenarios]
        if any(row):
            shown = [NOT_COMPUTED if cell is None else show(cell) for cell in row]
            lines.append(f"| {name} | {' | '.join(shown)} |")
    return lines


def markdown(cells: CellsByName) -> str:
    """All three tables."""
    return "\n".join(
        [
            "### How long until the traffic is moved (seconds, p50 / p95)",
            "",
            *_table(cells, DETECTION, [*FAULTS, COMEBACK], _detected),
            "",
            "### False failovers a day",
            "",
            *_table(cells, FALSE, list(STEADY), _a_day),
            "",
            "### The worst hour of an oscillation (switches / seconds on a dead path)",
            "",
            *_table(cells, OSCILLATION, [*OSCILLATIONS, ADVERSARY], _swings),
        ]
    )


def write_into(page: Path, text: str) -> None:
    """Put ``text`` between the marks of a page of the documentation."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
