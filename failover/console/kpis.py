"""The few figures above the overview. Each is counted, none is estimated; at most one query."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Q

from failover.console.policy_rows import PolicyRow
from failover.models import Direction, EventType, FailoverEvent
from health.console.live import checksum

KEEP_SECS = 5
"""A count over a day need not be made anew for every reader and poll."""
_CACHE_KEY = "overview-kpis"
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure with what it counts and a line that puts it in place."""

    name: str
    value: str
    of: str
    note: str
    tone: str = ""

    @property
    def dom_id(self) -> str:
        """The figure's id in the page."""
        return f"kpi-{self.name.lower().replace(' ', '-')}"

    @property
    def v(self) -> str:
        """The checksum of what is shown."""
        return checksum(self.value, self.of, self.note)


def overview_kpis(
    policies: Sequence[PolicyRow], counts: Mapping[str, int], *, now: dt.datetime
) -> list[Kpi]:
    """Paths up, policies on primary, failovers and failed switches of the last 24 h."""
    day = cache.get_or_set(_CACHE_KEY, lambda: _events_since(now - _DAY), KEEP_SECS) or {}
    working = [row for row in policies if row.policy.enabled]
    off = sum(row.is_on_backup for row in working)
    total = sum(counts.values())
    down = counts["down"]
    return [
        Kpi("Paths up", str(counts["up"]), f"/{total}", f"{down} unreachable" if down else ""),
        Kpi(
            "Policies on primary",
            str(len(working) - off),
            f"/{len(working)}",
            f"{off} on backup" if off else "none on backup",
        ),
        Kpi("Failovers 24 h", str(day["failovers"]), "", f"{day['failbacks']} failbacks"),
        Kpi(
            "Failed switches 24 h",
            str(day["failed"]),
            "",
            "see events" if day["failed"] else "none",
            "bad" if day["failed"] else "",
        ),
    ]


def _events_since(since: dt.datetime) -> dict[str, int]:
    completed = Q(event_type=EventType.COMPLETED)
    return FailoverEvent.objects.filter(timestamp__gte=since).aggregate(
        failovers=Count("pk", filter=completed & Q(direction=Direction.FAILOVER)),
        failbacks=Count("pk", filter=completed & Q(direction=Direction.FAILBACK)),
        failed=Count("pk", filter=Q(event_type=EventType.FAILED)),
    )
