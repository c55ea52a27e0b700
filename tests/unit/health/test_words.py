"""Numbers and durations as people read them."""

from __future__ import annotations

import pytest

from health.console import words


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.0, "0.0"), (0.043, "0.04"), (7.24, "7.2"), (99.94, "99.9"), (428.4, "428")],
)
def test_a_missing_number_is_a_dash_and_never_zero(value: float | None, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (99.96, "99"), (100.0, "100"), (49.99, "49"), (0.0, "0")]
)
def test_a_score_is_never_rounded_over_a_bound(value: float | None, text: str) -> None:
    assert words.score(value) == text


@pytest.mark.parametrize(
    ("secs", "text"),
    [
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (86_400, "1 d"),
        (9 * 86_400 + 7200, "9 d 2 h"),
    ],
)
def test_a_duration_has_at_most_two_units(secs: float, text: str) -> None:
    assert words.duration(secs) == text


def test_counts_have_their_plural() -> None:
    assert [words.count(1, "path"), words.count(2, "policy", "policies")] == [
        "1 path",
        "2 policies",
    ]


@pytest.mark.parametrize(
    ("bps", "text"),
    [
        (None, "–"), (0.0, "0 bit/s"), (999.0, "999 bit/s"), (1_000.0, "1.0 kbit/s"),
        (93_200_000.0, "93.2 Mbit/s"), (999_700.0, "1.0 Mbit/s"), (2.5e9, "2.5 Gbit/s"),
        (3e15, "3000 Tbit/s"),
    ],
)  # fmt: skip
def test_a_rate_has_the_unit_that_fits(bps: float | None, text: str) -> None:
    assert words.rate(bps) == text


def test_sizes_and_shares_are_short_and_what_is_missing_is_a_dash() -> None:
    assert words.size(812 * 10**9) == "812 GB"
    assert words.size(12) == "12 B"
    assert words.size(None) == words.share(None) == "–"
    assert (words.share(93.4), words.share(0.42)) == ("93 %", "0.4 %")
