"""Times that people plan by the clock on the wall: weekly windows and recurring work.

Everything is an interval between two local times, laid into real time by the rules of the
zone: it begins and ends when the clock on the wall says so. In an hour that is repeated the
first one counts, and what falls into an hour that is skipped comes after it. Pure: the
moment and the zone are arguments; no clock and no decision may enter.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY_DAY = frozenset(range(7))
_DAY = dt.timedelta(days=1)
_FORM = "write such as 'Mon-Fri 08:00-18:00; Sat 22:00-06:00'"
_WINDOW = re.compile(r"(?:(?P<days>[^\d]+?)\s+)?(?P<begins>[\d:]+)\s*[-–]\s*(?P<ends>[\d:]+)")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")

Interval = tuple[dt.datetime, dt.datetime]
"""Begin and end as times with a zone; the end is outside."""


class Weekly(NamedTuple):
    """One window of every week: ``days`` on which it begins (0 is Monday), minutes of the day.

    ``ends`` is at most 1440; when it is not after ``begins`` it belongs to the next day.
    """

    days: frozenset[int]
    begins: int
    ends: int

    @property
    def length(self) -> int:
        """Minutes on the wall clock, 1 to 1440."""
        return (self.ends - self.begins - 1) % 1440 + 1


@dataclass(frozen=True, slots=True)
class WeeklySchedule:
    """Windows in one time zone; without windows it is always open."""

    windows: tuple[Weekly, ...] = ()
    zone: dt.tzinfo = dt.UTC

    def is_open(self, wall: float) -> bool:
        """True when a window is open at ``wall`` (seconds since 1970, UTC)."""
        if not self.windows:
            return True
        moment = dt.datetime.fromtimestamp(wall, dt.UTC)
        today = moment.astimezone(self.zone).date()
        return any(
            begin <= moment < end
            for window in self.windows
            for begin, end in _beginning_near(window, today, self.zone)
        )

    def __str__(self) -> str:
        """As ``parse_windows`` reads it."""
        return "; ".join(_window_text(window) for window in self.windows)


ALWAYS = WeeklySchedule()


def parse_windows(text: str) -> tuple[Weekly, ...]:
    """The windows that ``text`` names, separated by semicolons; none for an empty text.

    A window is days (``Mon-Fri``, ``Sat,Sun``, left out for every day) and two times of day;
    ``22:00-06:00`` ends on the next day. Raises ``ValueError`` with the value and the cure.
    """
    return tuple(_parsed(part.strip()) for part in text.split(";") if part.strip())


class Repeats(StrEnum):
    """How often planned work comes back."""

    NONE = "none"
    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def days(self) -> int:
        """Days between two occurrences; 0 when there is only one."""
        return {Repeats.NONE: 0, Repeats.DAILY: 1, Repeats.WEEKLY: 7}[self]


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Work from ``starts_at`` to ``ends_at`` (with zones), repeated by the clock of ``zone``.

    ``last_day`` is the last local day on which it may begin; None: for ever.
    """

    starts_at: dt.datetime
    ends_at: dt.datetime
    repeats: Repeats = Repeats.NONE
    zone: dt.tzinfo = dt.UTC
    last_day: dt.date | None = None

    def occurrence_at(self, moment: dt.datetime) -> Interval | None:
        """The occurrence that is under way at ``moment``, None between them."""
        for occurrence in self._around(moment):
            if occurrence[0] <= moment < occurrence[1]:
                return occurrence
        return None

    def next_after(self, moment: dt.datetime) -> Interval | None:
        """The first occurrence that begins after ``moment``, None when there is none left."""
        for occurrence in self._around(moment):
            if occurrence[0] > moment:
                return occurrence
        return None

    def _around(self, moment: dt.datetime) -> list[Interval]:
        """The occurrences near ``moment``, in order: the ones before, the present, the next."""
        step = self.repeats.days
        if not step:
            return [(self.starts_at, self.ends_at)]
        begin, end = _local(self.starts_at, self.zone), _local(self.ends_at, self.zone)
        passed = (_local(moment, self.zone) - begin) // (step * _DAY)
        near: list[Interval] = []
        for count in range(max(0, passed - 1), max(0, passed + 1) + 1):
            shift = count * step * _DAY
            if self.last_day is not None and (begin + shift).date() > self.last_day:
                break
            near.append(_laid(begin + shift, end + shift, self.zone))
        return near


def _beginning_near(window: Weekly, today: dt.date, zone: dt.tzinfo) -> list[Interval]:
    """The window's intervals that begin today or yesterday."""
    found: list[Interval] = []
    for day in (today - _DAY, today):
        if day.weekday() in window.days:
            begin = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=window.begins)
            found.append(_laid(begin, begin + dt.timedelta(minutes=window.length), zone))
    return found


def _laid(begin: dt.datetime, end: dt.datetime, zone: dt.tzinfo) -> Interval:
    first = begin.replace(tzinfo=zone).astimezone(dt.UTC)
    last = end.replace(tzinfo=zone).astimezone(dt.UTC)
    return first, last if last > first else first + (end - begin)


def _local(moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _parsed(text: str) -> Weekly:
    match = _WINDOW.fullmatch(text)
    if match is None:
        message = f"{text!r} is not a time window: {_FORM}."
        raise ValueError(message)
    window = Weekly(_days(match["days"]), _minutes(match["begins"]), _minutes(match["ends"]))
    if window.begins == 1440 or window.begins == window.ends:
        message = f"{text!r} is empty: for a whole day write 00:00-24:00."
        raise ValueError(message)
    return window


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return EVERY_DAY
    found: set[int] = set()
    for part in text.replace("–", "-").split(","):
        first, dash, last = part.partition("-")
        begin = _weekday(first)
        end = _weekday(last) if dash else begin
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(found)


def _weekday(text: str) -> int:
    name = text.strip()[:3].capitalize()
    if name not in DAYS or not text.strip().isalpha():
        message = f"{text.strip()!r} is not a weekday: use {', '.join(DAYS)}."
        raise ValueError(message)
    return DAYS.index(name)


def _minutes(text: str) -> int:
    if _CLOCK.fullmatch(text) is None:
        message = f"{text!r} is not a time of day from 00:00 to 24:00: {_FORM}."
        raise ValueError(message)
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _window_text(window: Weekly) -> str:
    begins, ends = (f"{m // 60:02}:{m % 60:02}" for m in (window.begins, window.ends))
    days = "" if window.days == EVERY_DAY else _days_text(window.days) + " "
    return f"{days}{begins}-{ends}"


def _days_text(days: frozenset[int]) -> str:
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    names = [DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs]
    return ",".join(names)
