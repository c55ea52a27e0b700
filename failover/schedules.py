"""Texts and rows about times become the calendar that the domain judges.

The edge of ``failover.domain.calendar``: here the names of time zones are looked up. What is
stored was validated; a zone or window that can't be read any longer is logged, and then the
zone of the installation, or no window at all, holds, because a broken row of one policy must
not stop every other.
"""

from __future__ import annotations

import logging
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from django.utils import timezone

from failover.domain.calendar import ALWAYS, Recurrence, Repeats, WeeklySchedule, parse_windows
from failover.models import MaintenanceWindow

log = logging.getLogger(__name__)


def zone_named(name: str) -> tzinfo:
    """The zone of that name; that of the installation for an empty one."""
    if not name:
        return timezone.get_default_timezone()
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.error("time zone %r is not known to this host; its own is used", name)
        return timezone.get_default_timezone()


def weekly_schedule(text: str, zone_name: str) -> WeeklySchedule:
    """The windows of ``text`` by the clock of the zone; always open for an empty text."""
    if not text:
        return ALWAYS
    try:
        return WeeklySchedule(parse_windows(text), zone_named(zone_name))
    except ValueError as error:
        log.error("a time window can't be read and is left out: %s", error)
        return ALWAYS


def recurrence_of(window: MaintenanceWindow) -> Recurrence:
    """The times of a maintenance window."""
    return Recurrence(
        window.starts_at,
        window.ends_at,
        Repeats(window.repeats),
        zone_named(window.time_zone),
        window.last_day,
    )


def is_under_way(window: MaintenanceWindow, *, now: datetime) -> bool:
    """True while the window or one of its repetitions covers ``now``."""
    return recurrence_of(window).occurrence_at(now) is not None
