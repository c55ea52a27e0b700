"""The figures of a one-off measurement are its own, not rounded ones of a library."""

from __future__ import annotations

import pytest

from health.domain.measurement import Outcome
from health.probers import PROBERS
from health.probers.one_off import ONE_OFF, Attempt, measure, summarise


def answered(*rtts: float | None) -> list[Attempt]:
    return [
        Attempt(i, Outcome.LOST if rtt is None else Outcome.ANSWERED, rtt)
        for i, rtt in enumerate(rtts, 1)
    ]


class Scripted:
    """Answers each probe with the next of the given times."""

    def __init__(self, *rtts: float | None) -> None:
        self._attempts = iter(answered(*rtts))

    def probe(self, timeout_secs: float) -> Attempt:
        return next(self._attempts)

    def close(self) -> None:
        """Nothing to release."""


def test_one_lost_probe_of_four_hundred_is_not_rounded_away() -> None:
    assert summarise(answered(*[1.0] * 399, None)).packet_loss_pct == pytest.approx(0.25)


def test_jitter_is_the_mean_change_between_neighbours_that_were_both_answered() -> None:
    summary = summarise(answered(10, 14, None, 50, 48))
    assert summary.jitter_ms == pytest.approx((4 + 2) / 2)
    assert (summary.min_ms, summary.avg_ms, summary.max_ms) == (10, 30.5, 50)


def test_nothing_received_is_no_latency_rather_than_zero() -> None:
    summary = summarise(answered(None, None))
    assert summary.packet_loss_pct == 100
    assert (summary.min_ms, summary.avg_ms, summary.max_ms, summary.jitter_ms) == (None,) * 4


def test_a_probe_that_could_not_be_sent_is_no_loss() -> None:
    summary = summarise([Attempt(1, Outcome.MISCONFIGURED), *answered(5)])
    assert (summary.sent, summary.received, summary.packet_loss_pct) == (1, 1, 0)


def test_nothing_sent_is_no_loss_figure_at_all() -> None:
    assert summarise([Attempt(1, Outcome.DENIED)]).packet_loss_pct is None


def test_as_many_probes_are_sent_as_were_asked_for() -> None:
    attempts = list(measure(Scripted(1, 2, None), 3, interval_secs=0.001, timeout_secs=1))
    assert [attempt.rtt_ms for attempt in attempts] == [1, 2, None]


def test_every_kind_can_be_measured_once() -> None:
    assert ONE_OFF.keys() == PROBERS.keys()
