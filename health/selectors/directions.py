"""The way there and the way back, as the monitor stored them.

Reads of their own: few kinds of probes tell the directions apart, and the hot
reads of all paths need not carry them. What the figures mean is said in
``health.domain.directions``.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from health.domain.directions import NO_DIRECTIONS, DirectionMetrics
from health.models import CurrentHealth, HealthSample
from health.probers import PROBERS
from health.selectors.current import PathNow

KINDS_THAT_TELL = frozenset(kind for kind, row in PROBERS.items() if row.tells_directions)
"""The kinds of probes whose replies can carry ``directions``."""

_FIELDS = DirectionMetrics._fields
_TOLD = Q(forward_loss_pct__isnull=False) | Q(forward_jitter_ms__isnull=False)


def directions_of(path: PathNow) -> DirectionMetrics:
    """What is known of ``path`` in its window; one query, none where the kind can't tell.

    As with all measurements, nothing is known of a path that is stale or disabled.
    """
    if path.kind not in KINDS_THAT_TELL or path.is_stale or not path.enabled:
        return NO_DIRECTIONS
    row = CurrentHealth.objects.filter(path_id=path.path_id).values_list(*_FIELDS).first()
    return DirectionMetrics(*row) if row else NO_DIRECTIONS


def directions_by_path() -> dict[int, DirectionMetrics]:
    """Whatever was told last, of every path that tells; one query.

    Nothing here says whether it still holds: ask only for paths that are known.
    """
    rows = CurrentHealth.objects.filter(_TOLD).values_list("path_id", *_FIELDS)
    return {path_id: DirectionMetrics(*values) for path_id, *values in rows}


def directions_by_slot(path_id: int, slots: Collection[int]) -> dict[int, DirectionMetrics]:
    """What was known at the end of each of ``slots`` (their starts, seconds since 1970).

    One query; slots in which nothing was told are absent. The figures are those of
    the window, as ten seconds alone have too few probes to tell directions.
    """
    rows = HealthSample.objects.filter(_TOLD, path_id=path_id, timestamp__in=slots)
    return {
        timestamp: DirectionMetrics(*values)
        for timestamp, *values in rows.values_list("timestamp", *_FIELDS)
    }
