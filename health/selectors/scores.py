"""The scores of several paths over a range: what the chart of a policy is drawn from."""

from __future__ import annotations

from collections.abc import Collection

from health.domain.sample import SLOT_SECS
from health.models import HealthSample


def score_history(
    path_ids: Collection[int], *, since: float, until: float
) -> dict[int, list[tuple[int, float | None]]]:
    """(slot, score) of each path for the slots that begin in [since, until), oldest first.

    Slots in seconds since 1970, UTC; a score is None when nothing supported one. One query;
    the slots are named one by one, because the key of the samples leads with time.
    """
    first = -int(-since // SLOT_SECS) * SLOT_SECS
    slots = range(first, -int(-until // 1), SLOT_SECS)
    rows = (
        HealthSample.objects.filter(timestamp__in=slots, path_id__in=list(path_ids))
        .order_by("timestamp")
        .values_list("path_id", "timestamp", "health_score")
    )
    found: dict[int, list[tuple[int, float | None]]] = {path_id: [] for path_id in path_ids}
    for path_id, timestamp, score in rows:
        found[path_id].append((timestamp, score))
    return found
