"""The pacer: even spacing, no bursts after a stall, and an honest count of what was missed."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.engine.pacer import Pacer

MS = 1_000_000
SECOND = 1_000_000_000
INTERVAL = 500 * MS


def send_times(pacer: Pacer, until_ns: int, step_ns: int = MS) -> list[int]:
    return [now for now in range(0, until_ns, step_ns) for _ in pacer.due(now)]


def test_probes_keep_their_interval_within_the_jitter() -> None:
    pacer = Pacer(random.Random(1).random)
    pacer.add(INTERVAL, 0)
    times = send_times(pacer, 60 * SECOND)
    assert len(times) in {119, 120}
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= 0.9 * INTERVAL - MS
    assert max(gaps) <= 1.1 * INTERVAL + MS
    assert len({gap // MS for gap in gaps}) > 20  # two vantages do not march in step


def test_many_targets_are_spread_over_the_interval() -> None:
    pacer = Pacer(random.Random(2).random)
    for _ in range(1_000):
        pacer.add(SECOND, 0)
    per_tenth = [sum(1 for _ in pacer.due(n * SECOND // 10)) for n in range(10, 20)]
    pacer_burst = max(per_tenth[1:])
    assert pacer_burst < 200


def test_a_long_stall_is_not_caught_up_in_a_burst() -> None:
    pacer = Pacer(random.Random(3).random)
    for _ in range(100):
        pacer.add(INTERVAL, 0)
    send_times(pacer, 5 * SECOND)
    after_stall = [sum(1 for _ in pacer.due(65 * SECOND + n * INTERVAL)) for n in range(4)]
    assert all(sent <= 110 for sent in after_stall)


def test_lateness_below_an_interval_sends_late_and_misses_nothing() -> None:
    pacer = Pacer(lambda: 0.0)
    pacer.add(INTERVAL, 0)
    assert list(pacer.due(0)) == [0]
    assert list(pacer.due(INTERVAL + 400 * MS)) == [0]
    assert pacer.overruns == 0
    assert pacer.take_lag_ns() == 400 * MS
    assert pacer.take_lag_ns() == 0


@pytest.mark.parametrize("stall_intervals", [1.0, 1.5, 2.0, 7.3])
def test_every_probe_is_either_sent_or_counted_as_an_overrun(stall_intervals: float) -> None:
    pacer = Pacer(lambda: 0.0)
    pacer.add(INTERVAL, 0)
    now = sent = 0
    for _ in range(50):
        sent += sum(1 for _ in pacer.due(now))
        now += round(stall_intervals * INTERVAL)
    sent += sum(1 for _ in pacer.due(now))
    assert sent + pacer.overruns == pytest.approx(now / INTERVAL, abs=2)


@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=60), st.integers(0, 1_000))
def test_no_schedule_of_stalls_loses_count(waits_ms: list[int], seed: int) -> None:
    pacer = Pacer(random.Random(seed).random)
    pacer.add(INTERVAL, 0)
    now = sent = 0
    for wait_ms in waits_ms:
        now += wait_ms * MS
        sent += sum(1 for _ in pacer.due(now))
    assert sent + pacer.overruns == pytest.approx(now / INTERVAL, abs=1.2)


def test_a_removed_ticket_is_never_reported_again() -> None:
    pacer = Pacer(lambda: 0.0)
    gone, kept = pacer.add(INTERVAL, 0), pacer.add(INTERVAL, 0)
    pacer.remove(gone)
    pacer.remove(gone)
    assert set(pacer.due(0)) == {kept}
    pacer.remove(kept)
    assert pacer.next_due_ns() is None
    assert list(pacer.due(99 * SECOND)) == []
