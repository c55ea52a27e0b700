"""The product itself: probe hosts, queues and schedules, database, disk and versions.

Reads only, with a fixed number of queries. What can't be known here (queues in Redis, the
size of a database somewhere else) is None.
"""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path as FilePath

import django
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Min
from django_q.models import Failure, OrmQ, Schedule

from health.models import Vantage
from health.selectors.current import MonitorNow, monitor_now

LATE_SECS = 90.0
"""Schedules are looked at each 30 s: later than this, nobody looks."""
FAILURES_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class HostNow:
    """A probe host; ``monitor`` is None when none has ever run there.

    ``notes`` are faults of the host that probing met, as sentences.
    """

    key: int
    name: str
    site: str
    monitor: MonitorNow | None
    acquired_at: float | None
    renewed_at: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueueNow:
    """A cluster's queue; ``late_secs`` since when its earliest schedule should have run.

    ``waiting`` is None when the tasks are in Redis, ``oldest`` when none waits.
    """

    name: str
    schedules: int
    late_secs: float
    waiting: int | None
    oldest: datetime | None

    @property
    def is_late(self) -> bool:
        """Nobody works on this queue."""
        return self.late_secs > LATE_SECS


@dataclass(frozen=True, slots=True)
class SystemNow:
    """Everything but the probe hosts; sizes in bytes."""

    queues: tuple[QueueNow, ...]
    failed_tasks: int
    database: str
    database_bytes: int | None
    disk_free_bytes: int | None
    disk_bytes: int | None
    versions: tuple[tuple[str, str], ...]


def probe_hosts(*, now: float) -> list[HostNow]:
    """Every probe host by name, with its monitor; one query."""
    rows = Vantage.objects.select_related("site", "lease").order_by("name")
    return [_host(row, now) for row in rows]


def _host(row: Vantage, now: float) -> HostNow:
    lease = getattr(row, "lease", None)
    notes = lease.notes if lease is not None and isinstance(lease.notes, dict) else {}
    return HostNow(
        key=row.pk,
        name=row.name,
        site=row.site.name,
        monitor=None if lease is None else monitor_now(lease, now=now),
        acquired_at=(lease.acquired_at or None) if lease else None,
        renewed_at=(lease.renewed_at or None) if lease else None,
        notes=tuple(str(text) for _, text in sorted(notes.items()) if text),
    )


def system_now(*, now: datetime) -> SystemNow:
    """The rest of the product at ``now``; six queries at most."""
    failed = Failure.objects.filter(stopped__gte=now - FAILURES_WITHIN).count()
    kind, size = _database()
    free, total = _disk()
    return SystemNow(
        queues=tuple(_queues(now)),
        failed_tasks=failed,
        database=kind,
        database_bytes=size,
        disk_free_bytes=free,
        disk_bytes=total,
        versions=(
            ("Pathwarden", getattr(apps.get_app_config("sdwan_site").module, "__version__", "")),
            ("Python", platform.python_version()),
            ("Django", django.get_version()),
        ),
    )


def _queues(now: datetime) -> list[QueueNow]:
    waiting: dict[str, tuple[int, datetime]] = {}
    if not settings.REDIS_URL:
        rows = OrmQ.objects.values_list("key").annotate(Count("pk"), Min("lock"))
        waiting = {key: (count, oldest) for key, count, oldest in rows}
    planned = {
        cluster or settings.DEFAULT_CLUSTER: (count, earliest)
        for cluster, count, earliest in Schedule.objects.exclude(repeats=0)
        .values_list("cluster")
        .annotate(Count("pk"), Min("next_run"))
    }
    return [
        _queue(name, planned.get(name), waiting.get(name), now)
        for name in sorted(planned.keys() | waiting.keys())
    ]


def _queue(
    name: str,
    planned: tuple[int, datetime | None] | None,
    waiting: tuple[int, datetime | None] | None,
    now: datetime,
) -> QueueNow:
    count, earliest = planned or (0, None)
    tasks, oldest = waiting or (0, None)
    return QueueNow(
        name=name,
        schedules=count,
        late_secs=max(0.0, (now - earliest).total_seconds()) if earliest else 0.0,
        waiting=None if settings.REDIS_URL else tasks,
        oldest=oldest,
    )


def _database() -> tuple[str, int | None]:
    """Kind with version, and size; of SQLite with its journal."""
    version = ".".join(str(part) for part in connection.get_database_version())
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        files = [FilePath(name + suffix) for suffix in ("", "-wal")]
        sizes = [file.stat().st_size for file in files if file.is_file()]
        return f"SQLite {version}", sum(sizes) or None
    label = f"{connection.display_name} {version}"
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return label, int(cursor.fetchone()[0])
    except DatabaseError:  # a right that this user lacks, or another kind
        return label, None


def _disk() -> tuple[int | None, int | None]:
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError:
        return None, None
    return usage.free, usage.total
