"""A slot of ten seconds: what it counts, and how two halves of it become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.sample import Sample, TargetSlot, slot_of
from health.domain.status import PathStatus

MS = 1_000_000
SECOND = 1_000_000_000
probes = st.lists(st.none() | st.integers(0, 2_000 * MS), max_size=40)


def fill(slot: TargetSlot, rtts: list[int | None], first: int = 0) -> TargetSlot:
    for number, rtt_ns in enumerate(rtts, first):
        if rtt_ns is None:
            slot.lost(number * SECOND // 2)
        else:
            slot.rtts.append(rtt_ns)
    return slot


def close(slot: TargetSlot, *, score: float | None = 90.0, known_secs: int = 5) -> Sample:
    return slot.sample(
        timestamp=1_700_000_000,
        path=7,
        health_score=score,
        status=PathStatus.UP,
        known_secs=known_secs,
        reachable_secs=known_secs,
    )


def test_slots_are_aligned_to_ten_seconds() -> None:
    assert slot_of(1_700_000_000.0) == 1_700_000_000
    assert slot_of(1_700_000_009.999) == 1_700_000_000
    assert slot_of(1_700_000_010.0) == 1_700_000_010


def test_a_slot_in_which_nothing_was_received_has_loss_but_no_latency() -> None:
    sample = close(fill(TargetSlot(), [None, None]))
    assert (sample.sent, sample.received, sample.packet_loss_pct) == (2, 0, 100.0)
    assert sample.latency_ms is sample.min_latency_ms is sample.max_latency_ms is None
    assert sample.jitter_ms is None
    assert sample.sketch == b""


def test_a_slot_in_which_nothing_was_sent_has_no_loss_either() -> None:
    assert close(TargetSlot()).packet_loss_pct is None


def test_a_slot_keeps_mean_extremes_and_jitter() -> None:
    sample = close(fill(TargetSlot(), [10 * MS, 20 * MS, None, 60 * MS]))
    assert (sample.latency_ms, sample.min_latency_ms, sample.max_latency_ms) == (30, 10, 60)
    assert sample.jitter_ms == 10
    assert sample.packet_loss_pct == 25


def test_bad_seconds_are_distinct_seconds_with_a_loss() -> None:
    slot = TargetSlot()
    for at in (0.1, 0.9, 3.0, 3.5, 7.2):
        slot.lost(round(at * SECOND))
    assert close(slot).bad_secs == 3


def test_no_slot_has_more_than_ten_seconds() -> None:
    slot = TargetSlot()
    for at in range(11):
        slot.lost(at * SECOND)
    sample = close(slot, known_secs=11)
    assert (sample.known_secs, sample.reachable_secs, sample.bad_secs) == (10, 10, 10)
    assert sample.merged_with(sample).known_secs == 10


@given(probes, probes)
def test_two_halves_merge_into_the_sample_of_the_whole(
    earlier: list[int | None], later: list[int | None]
) -> None:
    merged = close(fill(TargetSlot(), earlier)).merged_with(
        close(fill(TargetSlot(), later, first=len(earlier)), score=80.0)
    )
    whole = close(fill(TargetSlot(), earlier + later), score=80.0)
    assert (merged.sent, merged.received) == (whole.sent, whole.received)
    assert merged.min_latency_ms == whole.min_latency_ms
    assert merged.max_latency_ms == whole.max_latency_ms
    assert merged.latency_ms == pytest.approx(whole.latency_ms)
    assert merged.packet_loss_pct == pytest.approx(whole.packet_loss_pct)
    assert merged.sketch == whole.sketch
    assert merged.health_score == 80.0
    assert merged.known_secs == 10


@given(probes, probes)
def test_a_merged_jitter_lies_between_those_of_its_halves(
    earlier: list[int | None], later: list[int | None]
) -> None:
    halves = [close(fill(TargetSlot(), half)) for half in (earlier, later)]
    known = [half.jitter_ms for half in halves if half.jitter_ms is not None]
    merged = halves[0].merged_with(halves[1]).jitter_ms
    if not known:
        assert merged is None
    else:
        assert merged is not None
        assert min(known) - 1e-9 <= merged <= max(known) + 1e-9


def test_the_last_known_score_stands_when_the_later_part_has_none() -> None:
    merged = close(TargetSlot(), score=70.0).merged_with(close(TargetSlot(), score=None))
    assert merged.health_score == 70.0
