"""Uplinks as plain dictionaries: their present and their traffic, no serializer.

Names of the fields are a contract (docs/api.md); the schema in
``export.api.uplink_descriptions`` describes them and a test holds the two together.
"""

from __future__ import annotations

from typing import Any

from export.moments import iso
from health.domain.probe_budget import ProbeBudget
from health.domain.traffic import Counts, utilisation_pct
from health.models import Uplink
from health.selectors.uplinks import (
    RESOLUTIONS,
    TrafficPoint,
    UplinkNow,
    chosen_resolution,
    traffic_history,
)


def uplink_present(uplink: UplinkNow) -> dict[str, Any]:
    """The present of one uplink; null where nobody knows."""
    totals = dict.fromkeys(Counts._fields) if uplink.totals is None else uplink.totals._asdict()
    return {
        "updated_at": iso(uplink.updated_at),
        "link": uplink.link,
        "route": uplink.route,
        "route6": uplink.route6,
        "source": uplink.source or None,
        "source6": uplink.source6 or None,
        "gateway": uplink.gateway or None,
        "gateway6": uplink.gateway6 or None,
        "detail": uplink.detail or None,
        "receive_bps": uplink.receive_bps,
        "transmit_bps": uplink.transmit_bps,
        "receive_utilisation_pct": uplink.receive_utilisation_pct,
        "transmit_utilisation_pct": uplink.transmit_utilisation_pct,
        "counted_at": iso(uplink.counted_at),
        **totals,
    }


def uplink_traffic(
    uplink: Uplink, *, since: float, until: float, resolution: str
) -> dict[str, Any]:
    """The traffic of steps that begin in [since, until) (seconds since 1970); one query.

    ``resolution`` is a key of ``RESOLUTIONS`` or ``auto``. Raises ``ValueError`` with the
    cure when the span is reversed or too long.
    """
    chosen = chosen_resolution(resolution, since=since, until=until)
    points = traffic_history(uplink.pk, since=since, until=until, resolution=chosen)
    return {
        "uplink_id": uplink.pk,
        "uid": uplink.uid,
        "since": iso(since),
        "until": iso(until),
        "resolution": chosen,
        "interval_secs": RESOLUTIONS[chosen],
        "points": [_point(point, uplink) for point in points],
    }


def _point(point: TrafficPoint, uplink: Uplink) -> dict[str, Any]:
    down, up = uplink.bandwidth_down_mbps, uplink.bandwidth_up_mbps
    return {
        "timestamp": iso(point.timestamp),
        "secs": round(point.secs, 3),
        "receive_bps": point.receive_bps,
        "transmit_bps": point.transmit_bps,
        "receive_utilisation_pct": utilisation_pct(point.receive_bps, down),
        "transmit_utilisation_pct": utilisation_pct(point.transmit_bps, up),
        **point.counts._asdict(),
    }


def budget_line(budget: ProbeBudget) -> dict[str, Any]:
    """What probing a path costs."""
    return {
        "probes_per_sec": budget.probes_per_sec,
        "mb_per_month": budget.mb_per_month,
        "is_exact": budget.is_exact,
    }
