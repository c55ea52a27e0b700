"""The estimate of voice quality stays within its scale and follows the measurements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.emodel import mean_opinion_score, r_factor

metrics = st.tuples(st.floats(0, 5_000), st.floats(0, 100), st.floats(0, 1_000))


@given(metrics)
def test_a_mean_opinion_score_lies_between_1_and_4_5(figures: tuple[float, float, float]) -> None:
    assert 1.0 <= mean_opinion_score(*figures) <= 4.5


@given(metrics, st.floats(0, 500), st.floats(0, 50), st.floats(0, 100))
def test_worse_figures_never_sound_better(
    figures: tuple[float, float, float], latency: float, loss: float, jitter: float
) -> None:
    worse = (figures[0] + latency, figures[1] + loss, figures[2] + jitter)
    assert mean_opinion_score(*worse) <= mean_opinion_score(*figures)
    assert r_factor(*worse) <= r_factor(*figures)


def test_a_clean_short_path_sounds_good_and_a_lossy_one_bad() -> None:
    assert mean_opinion_score(20, 0, 1) == pytest.approx(4.4, abs=0.05)
    assert mean_opinion_score(20, 10, 1) < 3.6
    assert mean_opinion_score(2_000, 50, 100) == 1.0


def test_delay_hurts_more_beyond_its_knee() -> None:
    before = r_factor(100, 0, 0) - r_factor(150, 0, 0)
    beyond = r_factor(500, 0, 0) - r_factor(550, 0, 0)
    assert beyond > 4 * before
