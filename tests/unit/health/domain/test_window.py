"""The window in examples: what it counts, what it forgets, what it calls jitter."""

from __future__ import annotations

import pytest

from health.domain.window import EMPTY_METRICS, MIN_WINDOW_PROBES, ProbeWindow

MS = 1_000_000
SECOND = 1_000_000_000


def window(
    *, span_secs: int = 60, interval_ms: int = 1_000, timeout_ms: int = 1_000
) -> ProbeWindow:
    return ProbeWindow(span_secs * SECOND, interval_ms * MS, timeout_ms * MS)


def play(ring: ProbeWindow, *rtts_ms: float | None) -> list[int]:
    """One probe a second, settled at once: an RTT, or None for a loss."""
    numbers = []
    for at, rtt_ms in enumerate(rtts_ms):
        number = ring.open(at * SECOND)
        if rtt_ms is None:
            ring.lose(number)
        else:
            ring.answer(number, round(rtt_ms * MS))
        numbers.append(number)
    return numbers


def test_an_empty_window_says_nothing() -> None:
    assert window().metrics() == EMPTY_METRICS


def test_a_lost_probe_is_not_a_latency_of_zero() -> None:
    ring = window()
    play(ring, 20, None, 40)
    metrics = ring.metrics()
    assert metrics.latency_ms == 30
    assert (metrics.min_latency_ms, metrics.max_latency_ms) == (20, 40)
    assert metrics.packet_loss_pct == pytest.approx(100 / 3)


def test_when_nothing_is_received_there_is_neither_latency_nor_jitter() -> None:
    ring = window()
    play(ring, None, None)
    assert ring.metrics() == EMPTY_METRICS._replace(sent=2, packet_loss_pct=100.0)


def test_jitter_is_null_below_two_neighbouring_answers() -> None:
    ring = window()
    play(ring, 20)
    assert ring.metrics().jitter_ms is None


def test_a_lost_probe_between_two_answers_leaves_their_variation_undefined() -> None:
    ring = window()
    play(ring, 20, None, 90, 95)
    assert ring.metrics().jitter_ms == 5


def test_neighbours_are_neighbours_by_sending_whatever_order_they_settle_in() -> None:
    ring = window()
    first, second, third = (ring.open(at * SECOND) for at in range(3))
    ring.answer(third, 30 * MS)
    ring.answer(first, 10 * MS)
    assert ring.metrics().jitter_ms is None
    ring.answer(second, 15 * MS)
    assert ring.metrics().jitter_ms == (5 + 15) / 2


def test_an_unsettled_probe_is_neither_sent_nor_lost() -> None:
    ring = window()
    play(ring, 20)
    ring.open(SECOND)
    assert ring.metrics().sent == 1
    assert ring.metrics().packet_loss_pct == 0


def test_a_probe_settles_once() -> None:
    ring = window()
    (number,) = play(ring, 20)
    ring.lose(number)
    ring.answer(number, 99 * MS)
    ring.ignore(number)
    assert ring.metrics()[:3] == (1, 1, 20)


def test_an_ignored_probe_leaves_no_trace_but_parts_its_neighbours() -> None:
    ring = window()
    first, void, last = (ring.open(at * SECOND) for at in range(3))
    ring.answer(first, 10 * MS)
    ring.ignore(void)
    ring.answer(last, 50 * MS)
    ring.answer(void, 30 * MS)
    assert ring.metrics()[:3] == (2, 2, 30)
    assert ring.metrics().jitter_ms is None


def test_probes_older_than_the_span_are_forgotten() -> None:
    ring = window()
    play(ring, *[10] * 30, *[20] * 31)
    ring.expire(90 * SECOND)
    assert ring.metrics()[:3] == (31, 31, 20)
    ring.expire(1_000 * SECOND)
    assert ring.metrics() == EMPTY_METRICS
    assert len(ring) == 0


def test_extremes_are_found_again_when_the_extreme_probe_has_left() -> None:
    ring = window()
    play(ring, 90, 1, 20, 30)
    assert (ring.metrics().min_latency_ms, ring.metrics().max_latency_ms) == (1, 90)
    ring.restart_after(0)
    assert (ring.metrics().min_latency_ms, ring.metrics().max_latency_ms) == (1, 30)
    ring.restart_after(1)
    assert (ring.metrics().min_latency_ms, ring.metrics().max_latency_ms) == (20, 30)


def test_an_answer_to_a_probe_that_has_left_the_window_changes_nothing() -> None:
    ring = window()
    number = ring.open(0)
    play(ring, 10)
    ring.restart_after(number)
    ring.answer(number, 99 * MS)
    assert ring.metrics()[:3] == (1, 1, 10)


@pytest.mark.parametrize(
    ("interval_ms", "span_secs", "expected_secs"),
    [(200, 60, 60), (1_000, 60, 60), (5_000, 60, 300), (10_000, 600, 600), (60_000, 60, 3_600)],
)
def test_a_window_is_never_shorter_than_sixty_probes(
    interval_ms: int, span_secs: int, expected_secs: int
) -> None:
    ring = window(interval_ms=interval_ms, span_secs=span_secs)
    assert ring.span_ns == expected_secs * SECOND
    for at in range(10 * MIN_WINDOW_PROBES):
        ring.answer(ring.open(at * interval_ms * MS), 10 * MS)
        ring.expire(at * interval_ms * MS)
    assert ring.metrics().sent >= MIN_WINDOW_PROBES


def test_a_ring_that_is_overrun_drops_its_oldest_probe() -> None:
    ring = window(interval_ms=1_000)
    for _ in range(1_000):  # all at once, as no pacer would
        ring.answer(ring.open(0), 10 * MS)
    assert len(ring) < 100
    assert ring.metrics().sent == len(ring)


def test_a_refilled_window_says_what_the_first_one_said() -> None:
    ring, heir = window(), window()
    play(ring, 20, None, 40, 45)
    ring.ignore(ring.open(4 * SECOND))
    ring.answer(ring.open(5 * SECOND), 80 * MS)
    ring.open(6 * SECOND)
    heir.refill(ring.history())
    assert heir.metrics() == ring.metrics()
    heir.expire(61 * SECOND + 1)
    ring.expire(61 * SECOND + 1)
    assert heir.metrics() == ring.metrics()
