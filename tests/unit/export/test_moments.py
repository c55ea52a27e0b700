"""Moments in requests and answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.moments import EPOCH, LAST, iso, parse_moment, utc_text

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31t12:00:00z",
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00.000Z",
        "2026-01-31T14:00:00+02:00",
        "2026-01-31T05:30-06:30",
        str(int(NOON.timestamp())),
        f"{NOON.timestamp():.3f}",
    ],
)
def test_one_moment_may_be_written_in_many_ways(text):
    assert parse_moment(text) == NOON


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T12:00:00"])
def test_a_time_without_a_zone_is_refused_with_the_cure(text):
    with pytest.raises(ValueError, match=f"'{text}' has no time zone; add Z"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["yesterday", "nan", "inf", "1e9", "١٢", "12:00", "2026-13-01Z"])
def test_nonsense_is_refused_with_the_value_and_the_cure(text):
    with pytest.raises(ValueError, match=f"'{text}' is no moment; write"):
        parse_moment(text)


def test_a_plus_that_became_a_blank_is_explained():
    with pytest.raises(ValueError, match="%2B"):
        parse_moment("2026-01-31T14:00:00 02:00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0001-01-01T00:00:00+23:59", EPOCH),
        ("-5", EPOCH),
        ("9" * 400, LAST),
        ("9999-12-31T23:59:59-23:59", LAST),
    ],
)
def test_moments_beyond_all_data_count_as_the_nearest_that_can_be_told(text, expected):
    assert parse_moment(text) == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))
def test_what_is_written_is_read_back_to_the_millisecond(moment):
    assert abs(parse_moment(utc_text(moment)) - moment) <= timedelta(milliseconds=1)
    assert utc_text(moment).endswith("Z")


def test_answers_are_in_utc_whatever_the_zone_of_the_moment():
    berlin = NOON.astimezone(timezone(timedelta(hours=1)))
    assert utc_text(berlin) == "2026-01-31T12:00:00.000Z"
    assert iso(NOON.timestamp()) == "2026-01-31T12:00:00.000Z"
    assert iso(None) is None
