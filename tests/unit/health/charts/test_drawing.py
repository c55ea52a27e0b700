"""Lines break where nothing is known; axes have round numbers; names can't carry markup."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from health.console.charts import drawing
from health.console.charts.path_chart import Limits, loss_class, path_chart
from health.console.charts.scale import Linear, nice_step, time_ticks, value_ticks
from health.console.charts.shares import share_bar
from health.console.charts.small import score_bar, sparkline, strip
from health.console.neighbours import Mark

LIMITS = Limits(100.0, 2.0, 10.0)


def same(value: float) -> float:
    """A scale that changes nothing."""
    return value


def test_a_line_is_interrupted_where_there_is_no_value() -> None:
    points = [(0.0, 1.0), (1.0, None), (2.0, 3.0), (3.0, 4.0)]
    assert drawing.line(points, same, same) == "M0 1h.5M2 3h.5L3 4"


def test_a_band_has_one_shape_for_each_stretch() -> None:
    points = [(0.0, 1.0, 2.0), (1.0, 1.0, 3.0), (2.0, None, None), (3.0, 1.0, 2.0)]
    assert drawing.band(points, same, same) == "M0 2L1 3L1 1L0 1Z"


@pytest.mark.parametrize(
    ("loss", "expected"),
    [(0.0, 0), (0.5, 1), (1.0, 2), (2.9, 2), (3.0, 3), (10.0, 4), (25.0, 5), (99.9, 5), (100.0, 6)],
)
def test_loss_has_seven_classes(loss: float, expected: int) -> None:
    assert loss_class(loss) == expected


def test_a_scale_holds_values_at_its_ends() -> None:
    scale = Linear(0.0, 10.0, 100.0, 0.0)
    assert [scale(v) for v in (-5.0, 0.0, 5.0, 50.0)] == [100.0, 100.0, 50.0, 0.0]


@pytest.mark.parametrize("high", [0.04, 1.0, 12.3, 99.0, 100.0, 1234.0])
def test_value_ticks_are_round_and_reach_the_top(high: float) -> None:
    ticks = value_ticks(high)
    assert ticks[0] == 0
    assert ticks[-1] >= high * (1 - 1e-9)
    assert len(ticks) <= 6
    assert nice_step(high) > 0


def test_time_ticks_are_round_in_the_readers_zone() -> None:
    zone = ZoneInfo("Asia/Kolkata")  # half an hour off
    since = dt.datetime(2026, 11, 23, 9, 10, tzinfo=zone).timestamp()
    labels = [label for _, label in time_ticks(since, since + 6 * 3600, zone)]
    assert labels == ["10:00", "11:00", "12:00", "13:00", "14:00", "15:00"]


def test_midnight_shows_the_date() -> None:
    since = dt.datetime(2026, 11, 23, 22, 0, tzinfo=dt.UTC).timestamp()
    labels = [label for _, label in time_ticks(since, since + 4 * 3600, dt.UTC)]
    assert "Tue 24 Nov" in labels


def test_a_name_in_a_chart_cannot_carry_markup() -> None:
    mark = Mark(30.0, "bad", "<script>x</script>")
    chart = path_chart(
        [None] * 6, since=0.0, until=60.0, secs=10, limits=LIMITS, marks=[mark], zone=dt.UTC,
        name="<b>&",
    )  # fmt: skip
    ET.fromstring(chart.svg)
    assert "<script>" not in chart.svg
    assert "<b>" not in chart.svg
    assert chart.is_empty


def test_a_sparkline_keeps_gaps_and_draws_level_stretches_in_one_step() -> None:
    drawn = sparkline([20.0, 20.0, 20.0, None, 20.0])
    assert 'd="M0 18h.5H42M84 18h.5"' in drawn
    assert 'd=""' in sparkline([None, None])


def test_a_strip_says_in_words_what_it_shows() -> None:
    drawn = strip("u" * 27 + "ddd")
    assert drawn.count("<path") == 2
    assert "Last hour: Up 54 min, Down 6 min" in drawn
    assert "nothing recorded" in strip("")


def test_a_missing_score_is_an_empty_bar() -> None:
    assert 'width="0.0"' in score_bar(None, "none")
    assert 'width="44.0"' in score_bar(100.0, "ok")


def test_every_state_that_occurs_is_wide_enough_to_be_seen() -> None:
    svg = ET.fromstring(share_bar({"down": 1, "up": 999, "paused": 0}))
    widths = [float(one.get("width", "0")) for one in svg]
    assert len(widths) == 2
    assert min(widths) >= 8.0
    assert share_bar({"up": 0}) == ""
