"""The score: its fixed points, its shape, and the defects of the weighted mean it replaces."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.path_spec import SlaLimits
from health.domain.scoring import health_score, score_breakdown

DEFAULTS = SlaLimits()
latencies = st.floats(0, 20_000)
losses = st.floats(0, 100)
jitters = st.floats(0, 5_000)


@st.composite
def sla_limits(draw: st.DrawFn) -> SlaLimits:
    weights = [draw(st.integers(0, 100)) for _ in range(3)]
    total = sum(weights) or 1
    parts = [weight / total for weight in weights] if sum(weights) else [1.0, 0.0, 0.0]
    return SlaLimits(
        draw(st.floats(1, 1_000)), draw(st.floats(0.1, 50)), draw(st.floats(1, 100)), *parts
    )


@pytest.mark.parametrize(
    ("latency_ms", "packet_loss_pct", "jitter_ms", "score"),
    [
        (20, 0, 1, 100.0),
        (100, 2, 10, 100.0),
        (150, 0, 0, 81.9),
        (200, 0, 0, 67.0),
        (273.3, 0, 0, 50.0),
        (20, 3, 0, 81.9),
        (20, 5, 0, 54.9),
        (20, 5.466, 0, 50.0),
        (20, 10, 0, 20.2),
        (20, 20, 0, 2.7),
        (20, 0, 20, 81.9),
        (20, 0, 44.7, 50.0),
    ],
)
def test_the_fixed_points_of_the_formula(
    latency_ms: float, packet_loss_pct: float, jitter_ms: float, score: float
) -> None:
    found = health_score(latency_ms, packet_loss_pct, jitter_ms, DEFAULTS)
    assert found == pytest.approx(score, abs=0.05)


def test_a_path_that_loses_eighty_percent_does_not_pass_as_usable() -> None:
    assert health_score(20, 80, 1, DEFAULTS) < 0.001  # a weighted mean says 60


def test_a_path_that_loses_everything_is_worth_nothing() -> None:
    assert health_score(0, 100, 0, DEFAULTS) < 0.001  # a weighted mean says 20


def test_there_is_no_cliff_just_beyond_a_limit() -> None:
    at_limit = health_score(100.0, 0, 0, DEFAULTS)
    beyond = health_score(100.1, 0, 0, DEFAULTS)
    assert at_limit == 100.0
    assert 99.9 < beyond < at_limit  # the original fell from 100 to 75 here


def test_one_perfect_metric_cannot_hide_a_terrible_one() -> None:
    assert health_score(5_000, 0, 0, DEFAULTS) < 1


def test_unknown_jitter_drops_its_term_and_renormalises_the_others() -> None:
    found = health_score(200, 0, None, DEFAULTS)
    assert found == pytest.approx(100 * math.exp(-0.4 / 0.8 * 1.0))


def test_unknown_jitter_costs_nothing_when_it_has_all_the_weight() -> None:
    only_jitter = SlaLimits(latency_weight=0, packet_loss_weight=0, jitter_weight=1)
    assert health_score(9_000, 50, None, only_jitter) == 100.0
    assert score_breakdown(9_000, 50, None, only_jitter).score == 100.0


@given(latencies, losses, jitters | st.none(), sla_limits())
def test_a_score_lies_between_0_and_100(
    latency_ms: float, packet_loss_pct: float, jitter_ms: float | None, limits: SlaLimits
) -> None:
    assert 0 <= health_score(latency_ms, packet_loss_pct, jitter_ms, limits) <= 100


@given(
    st.tuples(latencies, losses, jitters),
    st.tuples(st.floats(0, 1_000), st.floats(0, 50), st.floats(0, 500)),
    sla_limits(),
)
def test_a_worse_metric_never_gives_a_better_score(
    metrics: tuple[float, float, float], worse_by: tuple[float, float, float], limits: SlaLimits
) -> None:
    (latency, loss, jitter), (more_latency, more_loss, more_jitter) = metrics, worse_by
    worse = health_score(latency + more_latency, loss + more_loss, jitter + more_jitter, limits)
    assert worse <= health_score(latency, loss, jitter, limits)


@given(latencies, losses, jitters)
def test_a_hair_more_of_anything_costs_a_hair(
    latency_ms: float, packet_loss_pct: float, jitter_ms: float
) -> None:
    before = health_score(latency_ms, packet_loss_pct, jitter_ms, DEFAULTS)
    after = health_score(latency_ms + 1e-4, packet_loss_pct + 1e-5, jitter_ms + 1e-4, DEFAULTS)
    assert abs(before - after) < 0.01


@given(latencies, losses, jitters | st.none(), sla_limits())
def test_the_parts_multiply_to_the_score(
    latency_ms: float, packet_loss_pct: float, jitter_ms: float | None, limits: SlaLimits
) -> None:
    breakdown = score_breakdown(latency_ms, packet_loss_pct, jitter_ms, limits)
    product = 100 * math.prod(part.kept for part in breakdown.parts)
    assert product == pytest.approx(breakdown.score, rel=1e-6, abs=1e-9)
    assert breakdown.score == health_score(latency_ms, packet_loss_pct, jitter_ms, limits)
    assert all(0 <= part.points_lost <= 100 for part in breakdown.parts)


def test_the_breakdown_names_the_metric_that_costs_the_points() -> None:
    parts = {part.metric: part for part in score_breakdown(20, 5.0, None, DEFAULTS).parts}
    assert parts["packet_loss_pct"].points_lost > 50
    assert parts["latency_ms"].points_lost == 0
    assert parts["jitter_ms"].value is None
    assert parts["jitter_ms"].points_lost == 0
