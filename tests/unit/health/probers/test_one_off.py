"""A one-off measurement: every kind along the one contract, and figures that are not rounded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from health.domain.directions import DirectionStamps
from health.domain.measurement import Outcome
from health.engine.clock import SystemClock
from health.engine.fakes import SILENCE, Behaviour, ScriptedProber
from health.probers.base import WireTarget
from health.probers.one_off import Attempt, by_target, measure, summarise

HERE, THERE = WireTarget("192.0.2.1"), WireTarget("192.0.2.2")


def answered(*rtts: float | None) -> list[Attempt]:
    return [
        Attempt(i, Outcome.LOST if rtt is None else Outcome.ANSWERED, rtt)
        for i, rtt in enumerate(rtts, 1)
    ]


def stamped(number: int, reflector_sequence: int | None, *, target: int = 0) -> Attempt:
    stamps = DirectionStamps(number, reflector_sequence, 0, 0)
    return Attempt(number, Outcome.ANSWERED, 1.0, "", target, stamps)


@pytest.fixture
def prober() -> Iterator[ScriptedProber]:
    """Answers after 1 ms unless told otherwise."""
    made = ScriptedProber(SystemClock())
    for target in (HERE, THERE):
        made.script(target.address, Behaviour(after_ms=1.0))
    yield made
    made.close()


def test_one_lost_probe_of_four_hundred_is_not_rounded_away() -> None:
    assert summarise(answered(*[1.0] * 399, None)).packet_loss_pct == pytest.approx(0.25)


def test_jitter_is_the_mean_change_between_neighbours_that_were_both_answered() -> None:
    summary = summarise(answered(10, 14, None, 50, 48))
    assert summary.jitter_ms == pytest.approx((4 + 2) / 2)
    assert (summary.min_ms, summary.avg_ms, summary.max_ms) == (10, 30.5, 50)


def test_the_order_of_arrival_changes_no_figure() -> None:
    attempts = answered(10, 14, None, 50, 48)
    assert summarise(attempts[::-1]) == summarise(attempts)


def test_neighbours_are_probes_to_the_same_target() -> None:
    near, far = answered(1, 2), [one._replace(target=1) for one in answered(100, 103)]
    summary = summarise([near[0], far[0], near[1], far[1]])
    assert summary.jitter_ms == pytest.approx((1 + 3) / 2)


def test_nothing_received_is_no_latency_rather_than_zero() -> None:
    summary = summarise(answered(None, None))
    assert summary.packet_loss_pct == 100
    assert (summary.min_ms, summary.avg_ms, summary.max_ms, summary.jitter_ms) == (None,) * 4


def test_a_probe_that_could_not_be_sent_is_no_loss() -> None:
    summary = summarise([Attempt(1, Outcome.MISCONFIGURED), *answered(5)])
    assert (summary.sent, summary.received, summary.packet_loss_pct) == (1, 1, 0)


def test_nothing_sent_is_no_loss_figure_at_all() -> None:
    assert summarise([Attempt(1, Outcome.DENIED)]).packet_loss_pct is None


def test_the_loss_of_each_direction_follows_from_what_the_reflector_counted() -> None:
    # Eleven sent, 10 steps: the reflector counted 8 of them, we heard 6.
    numbers = ((0, 0), (2, 1), (4, 3), (5, 4), (7, 6), (9, 7), (10, 8))
    summary = summarise([stamped(ours, theirs) for ours, theirs in numbers])
    assert summary.forward_loss_pct == pytest.approx(20)
    assert summary.backward_loss_pct == pytest.approx(25)


@pytest.mark.parametrize(
    "attempts",
    [
        answered(1, 2, 3),
        [stamped(1, None), stamped(2, None)],
        [stamped(1, 0)],
        [stamped(1, 50), stamped(2, 0), stamped(3, 1)],
    ],
    ids=["a kind that cannot tell", "a stateless reflector", "one answer", "a restart"],
)
def test_what_the_far_end_did_not_count_has_no_loss_by_direction(attempts: list[Attempt]) -> None:
    summary = summarise(attempts)
    assert (summary.forward_loss_pct, summary.backward_loss_pct) == (None, None)


def test_every_target_gets_as_many_probes_as_were_asked_for(prober: ScriptedProber) -> None:
    attempts = list(measure(prober, [HERE, THERE], 3, interval_secs=0.005, timeout_secs=5))
    assert [one.rtt_ms for one in attempts] == [1.0] * 6
    for group in by_target(attempts, 2):
        assert [one.number for one in group] == [1, 2, 3]
    assert len(prober.sent_to(THERE.address)) == 3


def test_a_silent_target_delays_no_other_and_its_probes_are_given_back(
    prober: ScriptedProber,
) -> None:
    prober.script(HERE.address, SILENCE)
    attempts = list(measure(prober, [HERE, THERE], 2, interval_secs=0.005, timeout_secs=0.1))
    assert [one.target for one in attempts] == [1, 1, 0, 0]
    assert attempts[-1].detail == "no answer within 0.1 s"
    assert len(prober.forgotten) == 2


def test_what_cannot_be_sent_is_told_and_the_others_are_measured(prober: ScriptedProber) -> None:
    prober.script(HERE.address, Behaviour(Outcome.DENIED, detail="not allowed"))
    attempts = list(measure(prober, [HERE, THERE], 1, interval_secs=0.001, timeout_secs=5))
    denied, fine = attempts
    assert (denied.outcome, denied.detail) == (Outcome.DENIED, "not sent: not allowed")
    assert fine.outcome is Outcome.ANSWERED


def test_a_measurement_that_is_broken_off_gives_everything_back(prober: ScriptedProber) -> None:
    prober.script(HERE.address, SILENCE)
    running = measure(prober, [HERE, THERE], 100, interval_secs=10, timeout_secs=60)
    assert next(running).target == 1
    running.close()
    assert len(prober.forgotten) == 1


def test_without_targets_nothing_is_measured(prober: ScriptedProber) -> None:
    assert list(measure(prober, [], 3, interval_secs=0.001, timeout_secs=1)) == []
