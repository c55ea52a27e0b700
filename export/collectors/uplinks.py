"""The uplinks: what their lines are configured to carry, and what they carried."""

from __future__ import annotations

from collections.abc import Iterator

from export.collectors.family import Family, family
from health.domain.traffic import Counts
from health.domain.uplink_state import LinkState
from health.models import Uplink
from health.selectors.uplinks import STALE_UPLINK_SECS

_BYTES_PER_MEGABIT = 1e6 / 8
_LABELS = ("pk", "name", "vantage__site__name")
_CONFIGURED = ("bandwidth_down_mbps", "bandwidth_up_mbps")
_PRESENT = ("current__updated_at", "current__counted_at", "current__link")
_TOTALS = tuple(f"current__{name}" for name in Counts._fields)
_UP = {LinkState.UP: True, LinkState.DOWN: False}


def uplink_families(now: float) -> Iterator[Family]:
    """All uplinks as of ``now``; one query. What nobody counted lately has no series."""
    rows = list(
        Uplink.objects.order_by("pk").values_list(*_LABELS, *_CONFIGURED, *_PRESENT, *_TOTALS)
    )
    yield family(
        "pathwarden_uplink_bandwidth_bytes_per_second",
        [
            ((*row[:3], direction), None if mbps is None else mbps * _BYTES_PER_MEGABIT)
            for row in rows
            for direction, mbps in (("down", row[3]), ("up", row[4]))
        ],
    )
    yield family(
        "pathwarden_uplink_up",
        [(row[:3], _UP.get(row[7])) for row in rows if _is_fresh(row[5], now)],
    )
    for position, name in enumerate(Counts._fields, start=8):
        yield family(
            f"pathwarden_uplink_{name}_total",
            [(row[:3], row[position]) for row in rows if _is_fresh(row[6], now)],
        )


def _is_fresh(moment: float | None, now: float) -> bool:
    return moment is not None and now - moment <= STALE_UPLINK_SECS
