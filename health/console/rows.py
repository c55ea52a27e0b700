"""Rows of the table of paths: what is shown about one path, ready for the template.

Decides words, marks and order; draws through ``health.console.charts``. No query may enter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.safestring import SafeString

from health.console import words
from health.console.charts.small import score_bar, sparkline, strip
from health.console.explain import why
from health.console.live import checksum
from health.domain.status import FACES, Face, PathStatus
from health.selectors.current import PathNow

FRESH_SECS = 5.0
"""Younger results are shown as "now": a counter that only ever says 1 s is noise."""


@dataclass(frozen=True, slots=True)
class PathRow:
    """One row; texts are final, ``checked`` and ``since`` are seconds since 1970 or None."""

    path: PathNow
    face: Face
    url: str
    place: str
    via: str
    reason: str
    score: str
    latency: str
    jitter: str
    loss: str
    over: frozenset[str]
    is_fresh: bool
    bar: SafeString
    spark: SafeString
    strip: SafeString
    v: str

    @property
    def dom_id(self) -> str:
        """The row's id in the page."""
        return f"path-{self.path.path_id}"

    @property
    def search_text(self) -> str:
        """What the filter box looks into."""
        path = self.path
        words_of = (path.name, path.site, path.destination, path.provider, path.uplink)
        return " ".join((*words_of, path.transport, *path.addresses)).lower()


def path_rows(
    paths: Iterable[PathNow], *, now: float, paused: Collection[int] = frozenset()
) -> list[PathRow]:
    """Rows for ``paths``, worst first."""
    rows = [path_row(path, now=now, in_maintenance=path.path_id in paused) for path in paths]
    return sorted(rows, key=_worst_first)


def path_row(path: PathNow, *, now: float, in_maintenance: bool = False) -> PathRow:
    """The row of one path at ``now``."""
    texts = {
        "score": words.score(path.health_score),
        "latency": words.number(path.latency_ms),
        "jitter": words.number(path.jitter_ms),
        "loss": words.number(path.packet_loss_pct),
    }
    reason = why(path, in_maintenance=in_maintenance)
    fresh = _is_fresh(path, now)
    shown = (path.face, path.name, reason, tuple(texts.values()), path.strip, path.spark)
    old = None if fresh else path.last_checked
    return PathRow(
        path=path,
        face=path.face,
        url=reverse("path", args=[path.path_id]),
        place=f"{path.site} → {path.destination or 'Internet'}",
        via=" · ".join(part for part in (path.uplink, path.provider) if part),
        reason=reason,
        **texts,
        over=_over_limit(path),
        is_fresh=fresh,
        bar=score_bar(path.health_score, path.face.tone),
        spark=sparkline(path.spark),
        strip=strip(path.strip),
        v=checksum(shown, path.status_since, old, path.uplink, path.provider),
    )


def matching(rows: Iterable[PathRow], *, state: str, text: str) -> list[PathRow]:
    """Rows with the face ``state`` ("" for any) whose names contain every word of ``text``."""
    needles = text.lower().split()
    return [
        row
        for row in rows
        if (not state or row.face.key == state)
        and all(needle in row.search_text for needle in needles)
    ]


def count_by_face(rows: Iterable[PathRow]) -> dict[str, int]:
    """How many rows have each face, in the order of the faces, worst first."""
    counts = dict.fromkeys(FACES, 0)
    for row in rows:
        counts[row.face.key] += 1
    return counts


def _worst_first(row: PathRow) -> tuple[int, float, str]:
    rank = row.path.health_score if row.path.health_score is not None else -1.0
    # Healthy paths differ by noise only: by name they are found.
    return (row.face.order, 0.0 if row.face.key == "up" else rank, row.path.name.lower())


def _is_fresh(path: PathNow, now: float) -> bool:
    if path.last_checked is None:
        return False
    return now - path.last_checked <= max(FRESH_SECS, 3 * path.interval_ms / 1000)


def _over_limit(path: PathNow) -> frozenset[str]:
    if path.status is PathStatus.UNKNOWN:
        return frozenset()
    pairs = (
        ("latency", path.latency_ms, path.latency_limit_ms),
        ("loss", path.packet_loss_pct, path.packet_loss_limit_pct),
        ("jitter", path.jitter_ms, path.jitter_limit_ms),
    )
    return frozenset(name for name, value, limit in pairs if value is not None and value > limit)
