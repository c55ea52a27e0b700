"""The small drawings of a table row: the bar of a score, the last hour as a line and as a strip.

What colour says, height or length says too. Presentation attributes and classes only: the
content policy allows no inline style.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from health.domain.recent_history import CELL_OF_FACE, CELLS, NO_CELL
from health.domain.status import FACES

BAR_WIDTH, BAR_HEIGHT = 44, 6
SPARK_WIDTH, SPARK_HEIGHT = 84, 20
CELL_WIDTH, STRIP_HEIGHT = 4, 20
CELL_HEIGHTS = {"u": 7, "g": 12, "f": 16, "d": 20, "n": 3, "p": 5}
_FACE_KEYS = {letter: key for key, letter in CELL_OF_FACE.items()}


def score_bar(score: float | None, tone: str) -> SafeString:
    """A score as a filled length; empty when there is no score."""
    filled = 0.0 if score is None else round(BAR_WIDTH * score / 100, 1)
    return format_html(
        '<svg class="bar tone-{}" width="{}" height="{}" aria-hidden="true">'
        '<rect class="bar-back" width="{}" height="{}" rx="3"/>'
        '<rect class="bar-fill" width="{}" height="{}" rx="3"/></svg>',
        tone, BAR_WIDTH, BAR_HEIGHT, BAR_WIDTH, BAR_HEIGHT, filled, BAR_HEIGHT,
    )  # fmt: skip


def sparkline(values: Sequence[float | None]) -> SafeString:
    """Mean latency of the last hour; a gap stays a gap."""
    known = [value for value in values if value is not None]
    drawn = ""
    if known:
        low = min(known)
        # A quarter of the level at least: noise of a quiet line must look quiet.
        high = max(max(known), low * 1.25, low + 1.0)
        drawn = _line(values, low, high)
    return format_html(
        '<svg class="spark" width="{}" height="{}" aria-hidden="true"><path d="{}"/></svg>',
        SPARK_WIDTH, SPARK_HEIGHT, drawn,
    )  # fmt: skip


def _line(values: Sequence[float | None], low: float, high: float) -> str:
    """Path data; a level stretch is one step, and a lone point between gaps shows as a dot."""
    step = SPARK_WIDTH / max(1, len(values) - 1)
    parts: list[str] = []
    for run in _runs(values):
        before: tuple[int, int] | None = None
        for index, value in run:
            x = round(index * step)
            y = round(SPARK_HEIGHT - 2 - (value - low) / (high - low) * (SPARK_HEIGHT - 4))
            if before is None:
                parts.append(f"M{x} {y}h.5")
            elif before[1] == y and parts[-1].startswith("H"):
                parts[-1] = f"H{x}"
            else:
                parts.append(f"H{x}" if before[1] == y else f"L{x} {y}")
            before = (x, y)
    return "".join(parts)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches of known values with their places; a gap stays a gap."""
    runs: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((index, value))
    return runs


def strip(cells: str) -> SafeString:
    """The worst state of each two minutes of the last hour; a run of equal cells is one path."""
    padded = cells.rjust(CELLS, NO_CELL)[-CELLS:]
    paths: list[str] = []
    start = 0
    for letter, run in groupby(padded):
        length = len(list(run))
        if letter in CELL_HEIGHTS:
            paths.append(_cells(letter, start, length))
        start += length
    width = CELLS * CELL_WIDTH
    return format_html(
        '<svg class="strip" width="{}" height="{}" role="img" aria-label="{}">{}</svg>',
        width, STRIP_HEIGHT, _spoken(padded), mark_safe("".join(paths)),  # noqa: S308 - numbers only
    )  # fmt: skip


def _cells(letter: str, start: int, length: int) -> str:
    """A run as one broad dashed line: the style sheet makes the gaps between its cells."""
    middle = STRIP_HEIGHT - CELL_HEIGHTS[letter] / 2
    return (
        f'<path class="cell-{letter}" d="M{start * CELL_WIDTH} {middle:g}h{length * CELL_WIDTH}"/>'
    )


def _spoken(cells: str) -> str:
    """The strip for those who do not see it: how long the path was in which state."""
    said = [
        f"{FACES[_FACE_KEYS[letter]].label} {cells.count(letter) * 2} min"
        for letter in CELL_HEIGHTS
        if letter in cells
    ]
    return f"Last hour: {', '.join(said)}" if said else "Last hour: nothing recorded"
