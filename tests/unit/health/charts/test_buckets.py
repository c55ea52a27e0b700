"""Buckets hide no extreme, invent nothing, and keep loss apart from silence."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from health.console.charts.buckets import SPANS, buckets, statistics, weighted


@dataclass(frozen=True)
class Slot:
    """A sample of ten seconds."""

    timestamp: int
    sent: int = 20
    received: int = 20
    latency_ms: float | None = 20.0
    min_latency_ms: float | None = 18.0
    max_latency_ms: float | None = 25.0
    jitter_ms: float | None = 1.0
    health_score: float | None = 100.0
    known_secs: int = 10
    reachable_secs: int = 10


OUTAGE = {
    "received": 0,
    "latency_ms": None,
    "min_latency_ms": None,
    "max_latency_ms": None,
    "jitter_ms": None,
    "health_score": 0.0,
    "reachable_secs": 0,
}


def test_no_sample_is_no_bucket() -> None:
    assert buckets([], since=0, until=60, secs=10) == [None] * 6


def test_a_slot_in_which_nothing_was_sent_is_no_data() -> None:
    idle = Slot(0, sent=0, received=0, latency_ms=None)
    assert buckets([idle], since=0, until=10, secs=10) == [None]


def test_total_loss_has_no_latency() -> None:
    (bucket,) = buckets([Slot(0, **OUTAGE)], since=0, until=10, secs=10)
    assert bucket is not None
    assert bucket.is_outage
    assert (bucket.latency, bucket.loss) == (None, 100.0)


def test_means_are_weighted_by_answers_and_extremes_stay() -> None:
    slots = [
        Slot(0, latency_ms=10.0, min_latency_ms=9.0, max_latency_ms=11.0),
        Slot(10, received=10, latency_ms=40.0, min_latency_ms=30.0, max_latency_ms=400.0),
    ]
    (bucket,) = buckets(slots, since=0, until=60, secs=60)
    assert bucket is not None
    assert bucket.latency == pytest.approx(20.0)
    assert (bucket.least, bucket.most) == (9.0, 400.0)
    assert bucket.loss == pytest.approx(25.0)


def test_every_span_fits_into_360_buckets() -> None:
    for span in SPANS.values():
        assert span.secs / span.bucket_secs <= 360


def test_statistics_tell_known_time_from_reachable_time() -> None:
    slots = [Slot(0), Slot(10, **OUTAGE)]
    figures = statistics(slots, secs=40)
    assert figures.known_pct == pytest.approx(50.0)
    assert figures.reachable_pct == pytest.approx(50.0)
    assert figures.loss == pytest.approx(50.0)
    assert figures.latency == 20.0


def test_statistics_of_nothing_are_missing_not_zero() -> None:
    figures = statistics([], secs=3600)
    assert (figures.latency, figures.loss, figures.score, figures.reachable_pct) == (None,) * 4
    assert figures.known_pct == 0.0


def test_weights_of_zero_still_give_a_mean_of_what_is_known() -> None:
    assert weighted([(10.0, 0.0), (None, 5.0), (20.0, 0.0)]) == 15.0
    assert weighted([(None, 1.0)]) is None
