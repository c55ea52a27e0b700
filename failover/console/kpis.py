"""The few figures above the overview. Each is counted, none is estimated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count, Q, Subquery, Value

from failover.console.policy_rows import PolicyRow
from failover.models import Direction, EventType, FailoverEvent
from health.console.live import checksum

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
    policies: Sequence[PolicyRow], counts: Mapping[str, int], day: Mapping[str, int]
) -> list[Kpi]:
    """Paths up, policies on primary, failovers and failed switches of the ``day``."""
    working = [row for row in policies if row.policy.enabled]
    off = sum(row.is_on_backup for row in working)
    total = sum(counts.values())
    down = counts["down"]
    return [
        Kpi(
            "Paths up",
            str(counts["up"]),
            f"/{total}",
            f"{down} unreachable" if down else "none unreachable",
        ),
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


def day_counts(*, now: dt.datetime) -> dict[str, Subquery]:
    """Switches of the last 24 h, to be counted by the query that reads the latest events."""
    completed = Q(event_type=EventType.COMPLETED)
    return {
        "failovers": _count(completed & Q(direction=Direction.FAILOVER), now - _DAY),
        "failbacks": _count(completed & Q(direction=Direction.FAILBACK), now - _DAY),
        "failed": _count(Q(event_type=EventType.FAILED), now - _DAY),
    }


def _count(wanted: Q, since: dt.datetime) -> Subquery:
    rows = FailoverEvent.objects.filter(wanted, timestamp__gte=since).order_by()
    return Subquery(rows.values(all=Value(1)).annotate(n=Count("pk")).values("n"))
