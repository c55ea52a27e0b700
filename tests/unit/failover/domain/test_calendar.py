"""Weekly windows and recurring work, also across midnight and daylight saving time."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failover.domain.calendar import (
    ALWAYS,
    EVERY_DAY,
    Recurrence,
    Repeats,
    Weekly,
    WeeklySchedule,
    parse_windows,
)

BERLIN = ZoneInfo("Europe/Berlin")
"""Skips 02:00 to 03:00 on 2026-03-29 and repeats it on 2026-10-25."""
AUCKLAND = ZoneInfo("Pacific/Auckland")


def at(text: str, zone: dt.tzinfo = BERLIN, fold: int = 0) -> dt.datetime:
    """A local time such as ``2026-03-29 03:00``."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def is_open(text: str, moment: dt.datetime, zone: dt.tzinfo = BERLIN) -> bool:
    return WeeklySchedule(parse_windows(text), zone).is_open(moment.timestamp())


def minutes_open(text: str, day: str, zone: dt.tzinfo = BERLIN) -> list[str]:
    """Every local minute of a day on which the schedule is open, first and last of each run."""
    schedule = WeeklySchedule(parse_windows(text), zone)
    begin = at(f"{day} 00:00", zone).astimezone(dt.UTC)
    local: list[str] = []
    was = False
    for minute in range(27 * 60):
        moment = begin + dt.timedelta(minutes=minute)
        now = schedule.is_open(moment.timestamp())
        if now != was:
            local.append(moment.astimezone(zone).strftime("%H:%M%z"))
        was = now
    return local


# --- reading ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("", ()),
        (" ; ", ()),
        ("08:00-18:00", (Weekly(EVERY_DAY, 480, 1080),)),
        ("Mon-Fri 08:00-18:00", (Weekly(frozenset(range(5)), 480, 1080),)),
        ("Sat,Sun 8:00 - 18:00", (Weekly(frozenset({5, 6}), 480, 1080),)),
        ("fri-mon 22:00–06:00", (Weekly(frozenset({4, 5, 6, 0}), 1320, 360),)),
        ("Tuesday 00:00-24:00", (Weekly(frozenset({1}), 0, 1440),)),
        (
            "Mon,Wed-Thu 01:00-02:00; Sun 03:30-04:00",
            (Weekly(frozenset({0, 2, 3}), 60, 120), Weekly(frozenset({6}), 210, 240)),
        ),
    ],
)
def test_windows_are_read_as_people_write_them(text: str, windows: tuple[Weekly, ...]) -> None:
    assert parse_windows(text) == windows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("always", "'always' is not a time window: write such as"),
        ("Mon-Fri 08:00", "is not a time window"),
        ("Mon 25:00-26:00", "'25:00' is not a time of day from 00:00 to 24:00"),
        ("Mon 08:60-09:00", "'08:60' is not a time of day"),
        ("Mon 8-9", "'8' is not a time of day"),
        ("Foo 08:00-09:00", "'Foo' is not a weekday: use Mon, Tue, Wed"),
        ("Mon-Foo 08:00-09:00", "'Foo' is not a weekday"),
        ("Mon, 08:00-09:00", "'' is not a weekday"),
        ("Mon Tue 08:00-09:00", "'Mon Tue' is not a weekday"),
        ("Mon 08:00-08:00", "is empty: for a whole day write 00:00-24:00"),
        ("Mon 24:00-08:00", "is empty"),
    ],
)
def test_what_is_no_window_is_refused_with_the_value_and_the_cure(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_windows(text)
    assert message in str(refused.value)


days = st.frozensets(st.integers(0, 6), min_size=1)
weeklies = st.builds(Weekly, days, st.integers(0, 1439), st.integers(1, 1440)).filter(
    lambda window: window.begins != window.ends
)


@given(st.lists(weeklies, max_size=3))
def test_a_schedule_is_written_as_it_is_read(windows: list[Weekly]) -> None:
    schedule = WeeklySchedule(tuple(windows))
    assert parse_windows(str(schedule)) == schedule.windows


def test_runs_of_days_are_written_short() -> None:
    text = "Mon-Wed,Fri 08:00-18:00; Sat 00:00-24:00; 22:00-06:00"
    assert str(WeeklySchedule(parse_windows(text))) == text


# --- open or not ------------------------------------------------------------------------------
def test_without_windows_it_is_always_open() -> None:
    assert ALWAYS.is_open(0.0)
    assert ALWAYS.is_open(4e9)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-23 07:59", False),  # a Monday
        ("2026-11-23 08:00", True),
        ("2026-11-23 17:59", True),
        ("2026-11-23 18:00", False),
        ("2026-11-27 12:00", True),
        ("2026-11-28 12:00", False),
    ],
)
def test_a_window_begins_on_time_and_its_end_is_outside(moment: str, expected: bool) -> None:
    assert is_open("Mon-Fri 08:00-18:00", at(moment)) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-27 21:59", False),  # a Friday
        ("2026-11-27 22:00", True),
        ("2026-11-28 05:59", True),
        ("2026-11-28 06:00", False),
        ("2026-11-28 22:00", False),
    ],
)
def test_a_window_across_midnight_belongs_to_the_day_on_which_it_begins(
    moment: str, expected: bool
) -> None:
    assert is_open("Fri 22:00-06:00", at(moment)) is expected


def test_a_whole_day_is_open_up_to_its_last_minute() -> None:
    assert is_open("Mon 00:00-24:00", at("2026-11-23 00:00"))
    assert is_open("Mon 00:00-24:00", at("2026-11-23 23:59"))
    assert not is_open("Mon 00:00-24:00", at("2026-11-24 00:00"))


def test_the_time_zone_decides_which_day_it_is() -> None:
    moment = at("2026-11-24 08:00", AUCKLAND)  # still Monday in Berlin
    assert is_open("Tue 07:00-09:00", moment, AUCKLAND)
    assert not is_open("Tue 07:00-09:00", moment, BERLIN)


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        # The night in which 02:00 to 03:00 does not exist:
        ("01:00-04:00", "2026-03-29", ["01:00+0100", "04:00+0200"]),
        ("02:15-02:45", "2026-03-29", ["03:15+0200", "03:45+0200"]),
        ("02:30-03:15", "2026-03-29", ["03:30+0200", "04:15+0200"]),
        ("22:00-06:00", "2026-03-28", ["06:00+0100", "22:00+0100"]),
        # The night in which 02:00 to 03:00 comes twice:
        ("01:00-04:00", "2026-10-25", ["01:00+0200", "04:00+0100"]),
        ("02:15-02:45", "2026-10-25", ["02:15+0200", "02:45+0200"]),
        ("02:30-03:30", "2026-10-25", ["02:30+0200", "03:30+0100"]),
    ],
)
def test_windows_follow_the_wall_clock_through_daylight_saving_time(
    text: str, day: str, expected: list[str]
) -> None:
    found = minutes_open(text, day)
    assert [change for change in found if change != "00:00+0100"][: len(expected)] == expected


@given(weeklies, st.integers(1_767_225_600, 1_830_297_600))
def test_a_window_is_open_as_long_as_it_says_outside_of_clock_changes(
    window: Weekly, wall: int
) -> None:
    local = dt.datetime.fromtimestamp(wall, dt.UTC)
    minute = local.hour * 60 + local.minute
    today, yesterday = local.weekday() in window.days, (local.weekday() - 1) % 7 in window.days
    if window.begins < window.ends:
        expected = today and window.begins <= minute < window.ends
    else:
        expected = (today and minute >= window.begins) or (yesterday and minute < window.ends)
    assert WeeklySchedule((window,)).is_open(wall) is expected


# --- recurring work ---------------------------------------------------------------------------
def work(repeats: Repeats, last_day: dt.date | None = None) -> Recurrence:
    """Every Monday (or day) from 23:00 to 01:00 in Berlin, since 2026-03-23."""
    begin, end = at("2026-03-23 23:00"), at("2026-03-24 01:00")
    return Recurrence(begin, end, repeats, BERLIN, last_day)


@pytest.mark.parametrize(
    ("repeats", "moment", "expected"),
    [
        (Repeats.NONE, "2026-03-23 22:59", False),
        (Repeats.NONE, "2026-03-24 00:59", True),
        (Repeats.NONE, "2026-03-24 01:00", False),
        (Repeats.NONE, "2026-03-30 23:30", False),
        (Repeats.DAILY, "2026-03-22 23:30", False),
        (Repeats.DAILY, "2026-03-25 00:59", True),
        (Repeats.DAILY, "2026-03-25 01:00", False),
        (Repeats.DAILY, "2026-03-30 23:00", True),  # after the clocks changed
        (Repeats.DAILY, "2026-03-30 22:59", False),
        (Repeats.WEEKLY, "2026-03-24 23:30", False),
        (Repeats.WEEKLY, "2026-03-30 23:00", True),
        (Repeats.WEEKLY, "2026-03-31 00:59", True),
        (Repeats.WEEKLY, "2026-11-23 23:30", True),
        (Repeats.WEEKLY, "2026-11-22 23:30", False),
    ],
)
def test_work_comes_back_by_the_wall_clock(repeats: Repeats, moment: str, expected: bool) -> None:
    assert (work(repeats).occurrence_at(at(moment)) is not None) is expected


def test_the_last_day_is_the_last_on_which_it_begins() -> None:
    until = work(Repeats.DAILY, dt.date(2026, 3, 25))
    assert until.occurrence_at(at("2026-03-26 00:30")) is not None
    assert until.occurrence_at(at("2026-03-26 23:30")) is None
    assert until.next_after(at("2026-03-25 23:30")) is None


def test_the_next_occurrence_is_known_before_during_and_after_one() -> None:
    weekly = work(Repeats.WEEKLY)
    first, second = at("2026-03-23 23:00"), at("2026-03-30 23:00")
    assert weekly.next_after(at("2026-01-01 00:00")) == (first, at("2026-03-24 01:00"))
    assert weekly.next_after(at("2026-03-23 23:30")) == (second, at("2026-03-31 01:00"))
    assert weekly.next_after(at("2026-03-29 12:00")) == (second, at("2026-03-31 01:00"))
    assert work(Repeats.NONE).next_after(at("2026-03-24 00:00")) is None


@given(st.sampled_from([Repeats.DAILY, Repeats.WEEKLY]), st.integers(0, 4_000), st.booleans())
def test_every_occurrence_is_found_at_its_begin_and_not_at_its_end(
    repeats: Repeats, count: int, evening: bool
) -> None:
    begin = at("2026-01-05 20:00") if evening else at("2026-01-05 02:30")
    recurring = Recurrence(begin, begin + dt.timedelta(hours=3), repeats, BERLIN)
    found = recurring.next_after(begin + dt.timedelta(days=count * repeats.days, hours=-12))
    assert found is not None
    assert recurring.occurrence_at(found[0]) == found
    assert recurring.occurrence_at(found[1]) != found
