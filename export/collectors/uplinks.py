"""The uplinks: what their lines are configured to carry."""

from __future__ import annotations

from collections.abc import Iterator

from export.collectors.family import Family, family
from health.models import Uplink

_BYTES_PER_MEGABIT = 1e6 / 8
_COLUMNS = ("pk", "name", "vantage__site__name", "bandwidth_down_mbps", "bandwidth_up_mbps")


def uplink_families(now: float) -> Iterator[Family]:
    """All uplinks; one query. ``now`` changes nothing: this is configuration."""
    rows = Uplink.objects.order_by("pk").values_list(*_COLUMNS)
    yield family(
        "pathwarden_uplink_bandwidth_bytes_per_second",
        [
            ((*labels, direction), None if mbps is None else mbps * _BYTES_PER_MEGABIT)
            for *labels, down, up in rows
            for direction, mbps in (("down", down), ("up", up))
        ],
    )
