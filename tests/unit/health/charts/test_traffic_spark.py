"""The small drawing of traffic: from zero, with gaps, and spoken."""

from __future__ import annotations

import re

from health.console.charts.traffic_spark import HEIGHT, traffic_spark


def paths(svg: str) -> tuple[str, str]:
    down, up = re.findall(r' d="([^"]*)"', svg)
    return down, up


def test_a_gap_stays_a_gap() -> None:
    down, up = paths(traffic_spark([1e6, 1e6, None, 1e6], [0.0, 0.0, None, 0.0]))
    assert down.count("M") == up.count("M") == 2
    assert down.count("Z") == 2


def test_both_directions_share_a_scale_that_begins_at_zero() -> None:
    down, up = paths(traffic_spark([0.0, 4e6], [2e6, 2e6]))
    assert down.startswith(f"M0 {HEIGHT - 1}L120 1.5")
    assert up.startswith("M0 12.2L")


def test_a_lone_minute_is_visible() -> None:
    down, up = paths(traffic_spark([None, 5e6, None], [None, 1e6, None]))
    assert down.count("L") == 3
    assert up.endswith("h.5")


def test_an_idle_line_lies_on_the_ground() -> None:
    down, _ = paths(traffic_spark([1.0, 2.0], [0.0, 0.0]))
    assert down.startswith("M0 23L120 23")


def test_nothing_counted_is_said_so_and_draws_nothing() -> None:
    svg = traffic_spark([None, None], [None, None])
    assert paths(svg) == ("", "")
    assert "Last hour: not counted" in svg
