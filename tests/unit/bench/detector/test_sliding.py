"""The worst hour, against counting by brute force."""

from __future__ import annotations

import random

import pytest

from bench.detector.sliding import HOUR, most_in_an_hour, most_secs_in_an_hour, overlap


def test_the_fullest_hour_is_found_wherever_it_is() -> None:
    assert most_in_an_hour([0.0, 10.0, 3605.0, 3609.0, 9000.0]) == 3
    assert most_in_an_hour([]) == 0


def test_overlaps_are_what_both_have_in_common() -> None:
    assert overlap([(0.0, 10.0), (20.0, 30.0)], [(5.0, 25.0)]) == [(5.0, 10.0), (20.0, 25.0)]
    assert overlap([], [(0.0, 1.0)]) == []


def test_a_span_longer_than_the_hour_fills_it() -> None:
    assert most_secs_in_an_hour([(0.0, 3.0), (10.0, 20_000.0)]) == HOUR


@pytest.mark.parametrize("seed", range(20))
def test_the_seconds_of_the_fullest_hour_are_those_of_brute_force(seed: int) -> None:
    chance = random.Random(seed)
    spans, at = [], 0.0
    for _ in range(12):
        at += chance.choice((5.0, 400.0, 3000.0))
        spans.append((at, at + chance.choice((1.0, 90.0, 5000.0))))
        at = spans[-1][1]
    starts = [edge for began, ended in spans for edge in (began, ended - HOUR)]
    brute = max(
        sum(max(0.0, min(ended, start + HOUR) - max(began, start)) for began, ended in spans)
        for start in starts
    )
    assert most_secs_in_an_hour(spans) == pytest.approx(brute)
