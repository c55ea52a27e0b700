"""The wished rows of django-q2's schedule, and making the database equal to them.

Rows are named ``pathwarden: …``; others are left alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django_q.models import Schedule

from health.models import Vantage

PREFIX = "pathwarden: "


class WishedSchedule(NamedTuple):
    """One row; ``every_minutes`` of the given task on a cluster."""

    name: str
    func: str
    kwargs: dict[str, Any]
    every_minutes: int
    cluster: str | None


def wished_schedules() -> list[WishedSchedule]:
    """What must run: a guard of the monitor on every vantage, and housekeeping once."""
    guards = [
        WishedSchedule(
            f"{PREFIX}monitor of {name}",
            "sdwan_site.tasks.ensure_monitor",
            {"vantage": name, "max_secs": settings.MONITOR_LOOP_SECS},
            1,
            name,
        )
        for name in Vantage.objects.values_list("name", flat=True)
    ]
    hooks = [
        WishedSchedule(
            f"{PREFIX}hooks of {guard.cluster}",
            "failover.tasks.run_hooks",
            {"vantage": guard.cluster},
            1,
            guard.cluster,
        )
        for guard in guards
    ]
    return [
        *guards,
        *hooks,
        # The monitor calls when messages are due; this finds what nobody was called for.
        WishedSchedule(f"{PREFIX}messages", "failover.tasks.deliver_messages", {}, 1, None),
        # A probe host added in the admin gets its guard without anybody's help.
        WishedSchedule(f"{PREFIX}schedules", "sdwan_site.tasks.sync_all_schedules", {}, 5, None),
        WishedSchedule(f"{PREFIX}retention", "health.tasks.purge_history", {}, 10, None),
        WishedSchedule(f"{PREFIX}queue", "sdwan_site.tasks.purge_task_records", {}, 60, None),
    ]


@transaction.atomic
def sync_schedules(*, now: datetime) -> None:
    """Make the schedule equal to what is wished; idempotent."""
    wished = {one.name: one for one in wished_schedules()}
    Schedule.objects.filter(name__startswith=PREFIX).exclude(name__in=wished).delete()
    for one in wished.values():
        values = {
            "func": one.func,
            "kwargs": repr(one.kwargs),
            "schedule_type": Schedule.MINUTES,
            "minutes": one.every_minutes,
            "repeats": -1,
            "cluster": one.cluster,
        }
        row = Schedule.objects.filter(name=one.name).first()
        if row is None:
            Schedule.objects.create(name=one.name, next_run=now, **values)
        else:
            Schedule.objects.filter(pk=row.pk).update(**values)
