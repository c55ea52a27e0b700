"""The pacer: even spacing, no bursts after a stall, and an honest count of what was missed."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.engine.pacer import Pacer

MS = 1_000_000
SECOND = 1_000_000_000
INTERVAL = 500 * MS


class Target:
    """What the pacer needs of a target."""

    def __init__(self, interval_ns: int = INTERVAL) -> None:
        self.interval_ns = interval_ns
        self.grid_ns = self.due_ns = 0
        self.skipped = self.retired = False


def send_times(pacer: Pacer[Target], until_ns: int, step_ns: int = MS) -> list[int]:
    return [now for now in range(0, until_ns, step_ns) for _ in pacer.due(now)]


def test_probes_keep_their_interval_within_the_jitter() -> None:
    pacer = Pacer[Target](random.Random(1).random)
    pacer.add(Target(), 0)
    times = send_times(pacer, 60 * SECOND)
    assert len(times) in {119, 120}
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= 0.9 * INTERVAL - MS
    assert max(gaps) <= 1.1 * INTERVAL + MS
    assert len({gap // MS for gap in gaps}) > 10  # two vantages do not march in step


def test_many_targets_are_spread_over_the_interval() -> None:
    pacer = Pacer[Target](random.Random(2).random)
    for _ in range(1_000):
        pacer.add(Target(SECOND), 0)
    send_times(pacer, SECOND)
    per_tenth = [
        len(send_times_from(pacer, n * SECOND // 10, SECOND // 10, MS)) for n in range(10, 20)
    ]
    assert max(per_tenth) < 200


def test_a_long_stall_is_not_caught_up_in_a_burst() -> None:
    pacer = Pacer[Target](random.Random(3).random)
    for _ in range(100):
        pacer.add(Target(), 0)
    send_times(pacer, 5 * SECOND)
    after_stall = [sum(1 for _ in pacer.due(65 * SECOND + n * INTERVAL)) for n in range(4)]
    assert all(sent <= 110 for sent in after_stall)


def test_lateness_below_an_interval_sends_late_and_misses_nothing() -> None:
    pacer = Pacer[Target](lambda: 0.0)
    target = Target()
    pacer.add(target, 0)
    assert pacer.due(0) == [target]
    assert pacer.due(INTERVAL + 90 * MS) == [target]
    assert pacer.overruns == 0
    assert pacer.take_lag_ns() == 90 * MS
    assert pacer.take_lag_ns() == 0


def test_probes_that_a_stall_made_late_are_spread_over_as_long_as_it_lasted() -> None:
    pacer = Pacer[Target](random.Random(4).random)
    targets = [Target(10 * SECOND) for _ in range(1_000)]
    for target in targets:
        pacer.add(target, 0)
    send_times(pacer, 20 * SECOND, 5 * MS)
    stall_ends = 23 * SECOND
    at_once = pacer.due(stall_ends)
    sent = send_times_from(pacer, stall_ends, 3 * SECOND, 100 * MS)
    assert len(at_once) < 40  # what was due in the last moment
    assert max(Counter(sent).values()) < 60  # of about 300 that were late
    assert pacer.overruns == 0


def send_times_from(pacer: Pacer[Target], from_ns: int, for_ns: int, step_ns: int) -> list[int]:
    return [now for now in range(from_ns, from_ns + for_ns, step_ns) for _ in pacer.due(now)]


@pytest.mark.parametrize("stall_intervals", [1.0, 1.5, 2.0, 7.3])
def test_every_probe_is_either_sent_or_counted_as_an_overrun(stall_intervals: float) -> None:
    pacer = Pacer[Target](lambda: 0.0)
    pacer.add(Target(), 0)
    now = sent = 0
    for _ in range(50):
        sent += sum(1 for _ in pacer.due(now))
        now += round(stall_intervals * INTERVAL)
    sent += sum(1 for _ in pacer.due(now))
    assert sent + pacer.overruns == pytest.approx(now / INTERVAL, abs=2)


@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=60), st.integers(0, 1_000))
def test_no_schedule_of_stalls_loses_count(waits_ms: list[int], seed: int) -> None:
    pacer = Pacer[Target](random.Random(seed).random)
    pacer.add(Target(), 0)
    now = sent = 0
    for wait_ms in waits_ms:
        now += wait_ms * MS
        sent += sum(1 for _ in pacer.due(now))
    assert sent + pacer.overruns == pytest.approx(now / INTERVAL, abs=3)


def test_a_retired_target_is_never_reported_again() -> None:
    pacer = Pacer[Target](lambda: 0.0)
    gone, kept = Target(), Target()
    pacer.add(gone, 0)
    pacer.add(kept, 0)
    gone.retired = True
    assert pacer.due(0) == [kept]
    kept.retired = True
    assert pacer.due(99 * SECOND) == []
    assert pacer.next_due_ns() is None


def test_a_loop_that_is_late_at_every_turn_still_sends() -> None:
    pacer = Pacer[Target](random.Random(5).random)
    for _ in range(100):
        pacer.add(Target(), 0)
    sent = [len(pacer.due(turn * 3 * INTERVAL)) for turn in range(1, 41)]
    assert sum(sent) >= 100 * 40 // 3
    assert max(sent) <= 100
