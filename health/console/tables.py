"""The table of paths as asked for in the address: state, words, page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from health.console.rows import PathRow, count_by_face, matching
from health.domain.status import FACES, Face

PAGE_ROWS = 100


@dataclass(frozen=True, slots=True)
class Chip:
    """A state as a filter; ``key`` "" stands for all."""

    key: str
    face: Face | None
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class PathTable:
    """One page of the table, and what is needed to ask for another."""

    rows: Sequence[PathRow]
    counts: Mapping[str, int]
    chips: Sequence[Chip]
    state: str
    text: str
    page: int
    pages: int
    matches: int
    total: int

    @property
    def is_filtered(self) -> bool:
        """True when some rows may be hidden."""
        return bool(self.state or self.text)


def table_of(rows: Sequence[PathRow], asked: Mapping[str, str]) -> PathTable:
    """The page of ``rows`` that the query parameters ``state``, ``q`` and ``page`` ask for.

    Nonsense in the address is taken as "not asked for".
    """
    state = asked.get("state", "")
    state = state if state in FACES else ""
    text = asked.get("q", "").strip()[:100]
    found = matching(rows, state=state, text=text)
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(pages, max(1, _number(asked.get("page", ""))))
    counts = count_by_face(rows)
    return PathTable(
        rows=found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        counts=counts,
        chips=_chips(counts, state, len(rows)),
        state=state,
        text=text,
        page=page,
        pages=pages,
        matches=len(found),
        total=len(rows),
    )


def _chips(counts: Mapping[str, int], state: str, total: int) -> list[Chip]:
    chips = [Chip("", None, "All", total, not state)]
    chips += [
        Chip(key, FACES[key], FACES[key].label, count, key == state)
        for key, count in counts.items()
        if count or key == state
    ]
    return chips


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 1
