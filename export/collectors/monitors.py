"""The monitors: whether they live, and whether they keep up."""

from __future__ import annotations

from collections.abc import Iterator

from export.collectors.family import Family, family
from health.selectors.current import current_monitors


def monitor_families(now: float) -> Iterator[Family]:
    """The monitor of every probe host that ever had one; one query."""
    monitors = current_monitors(now=now)
    yield family(
        "pathwarden_monitor_lease_age_seconds",
        [((monitor.vantage,), monitor.age_secs) for monitor in monitors],
    )
    yield family(
        "pathwarden_monitor_overruns_total",
        [((monitor.vantage,), monitor.overruns_total) for monitor in monitors],
    )
    yield family(
        "pathwarden_monitor_dropped_samples_total",
        [((monitor.vantage,), monitor.figures.dropped_samples) for monitor in monitors],
    )
    yield family(
        "pathwarden_monitor_lag_seconds",
        # What a dead monitor said last about its own lateness is not known any more.
        [((monitor.vantage,), monitor.lag_secs if monitor.alive else None) for monitor in monitors],
    )
