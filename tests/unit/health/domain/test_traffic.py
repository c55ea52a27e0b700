"""Counters become traffic: nothing is counted that was not carried, whatever drivers do."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from health.domain.traffic import (
    WORD,
    CounterReading,
    Counts,
    Growth,
    bits_per_second,
    growth,
    is_blank,
    merged,
    spread,
    utilisation_pct,
)

SLOT = 1_700_000_000
SECOND = 1_000_000_000


def reading(secs: float = 0.0, *, index: int = 3, **counts: int) -> CounterReading:
    return CounterReading(round(secs * SECOND), index, Counts(**counts))


def carried(before: CounterReading, after: CounterReading) -> Counts:
    grown = growth(before, after)
    assert grown is not None
    return grown.counts


def test_the_growth_is_the_difference_over_the_time_between_the_readings() -> None:
    before = reading(5, receive_bytes=1_000, receive_packets=10, transmit_drops=3)
    after = reading(15, receive_bytes=5_000, receive_packets=15, transmit_drops=4)
    grown = growth(before, after)
    assert grown == Growth(10.0, Counts(receive_bytes=4_000, receive_packets=5, transmit_drops=1))


def test_an_interface_that_was_made_anew_has_nothing_in_common_with_the_old_one() -> None:
    before = reading(0, index=3, receive_bytes=500)
    assert growth(before, reading(10, index=9, receive_bytes=900)) is None


def test_two_readings_of_one_moment_are_no_time_to_count() -> None:
    assert growth(reading(1), reading(1, receive_bytes=10)) is None


def test_a_32_bit_counter_that_wraps_goes_on() -> None:
    before = reading(0, receive_bytes=WORD - 1_000, receive_packets=50)
    after = reading(10, receive_bytes=500, receive_packets=52)
    assert carried(before, after) == Counts(receive_bytes=1_500, receive_packets=2)


def test_packets_of_32_bits_wrap_as_well() -> None:
    before = reading(0, transmit_bytes=WORD * 9, transmit_packets=WORD - 1)
    after = reading(10, transmit_bytes=WORD * 9 + 6_000, transmit_packets=3)
    assert carried(before, after) == Counts(transmit_bytes=6_000, transmit_packets=4)


def test_counters_that_all_begin_again_count_from_zero() -> None:
    before = reading(0, receive_bytes=WORD - 10, receive_packets=900, receive_errors=7)
    after = reading(10, receive_bytes=300, receive_packets=3, receive_errors=1)
    assert carried(before, after) == after.counts


def test_a_64_bit_counter_that_falls_was_reset_and_did_not_wrap() -> None:
    before = reading(0, receive_bytes=WORD + 10, receive_packets=5)
    after = reading(10, receive_bytes=2_000, receive_packets=6)
    assert carried(before, after) == after.counts


def test_few_packets_with_many_bytes_were_a_reset_and_no_wrap() -> None:
    before = reading(0, receive_bytes=15_000, receive_packets=10)
    after = reading(10, receive_bytes=2_000, receive_packets=20)
    assert carried(before, after) == after.counts


def test_a_reset_that_only_one_direction_shows_is_a_reset_of_both() -> None:
    before = reading(0, receive_bytes=WORD * 2, receive_packets=90, transmit_bytes=0)
    after = reading(10, receive_bytes=80, receive_packets=1, transmit_bytes=60, transmit_packets=1)
    assert carried(before, after) == after.counts


def test_errors_that_fall_from_far_below_the_wrap_are_not_four_billion_errors() -> None:
    before = reading(0, receive_errors=12, receive_bytes=10, receive_packets=1)
    after = reading(10, receive_errors=4, receive_bytes=20, receive_packets=2)
    assert carried(before, after).receive_errors == 0


def test_a_reading_of_nothing_but_zeros_is_a_driver_that_starts_again() -> None:
    before = reading(0, receive_bytes=10**12, receive_packets=10**9)
    assert is_blank(reading(10), before)
    assert not is_blank(reading(10, index=4), before)
    assert not is_blank(reading(10), reading(0))


counter32 = st.integers(0, WORD - 1)
frames = st.integers(0, 3_000_000)


@st.composite
def growths(draw: st.DrawFn) -> Counts:
    """What a line of up to some Gbit/s carries in ten seconds: 60 to 1,500 bytes a packet."""
    received, sent = draw(frames), draw(frames)
    return Counts(
        receive_bytes=received * draw(st.integers(60, 1_400)),
        transmit_bytes=sent * draw(st.integers(60, 1_400)),
        receive_packets=received,
        transmit_packets=sent,
        receive_errors=draw(st.integers(0, 9)),
    )


starts64 = st.builds(Counts, *(st.integers(0, 2**60) for _ in Counts._fields))
starts32 = st.builds(Counts, *(counter32 for _ in Counts._fields))


@given(starts64, growths())
def test_counters_of_64_bits_give_back_exactly_what_was_carried(
    start: Counts, more: Counts
) -> None:
    after = start.plus(more)
    found = growth(CounterReading(0, 1, start), CounterReading(SECOND, 1, after))
    assert found == Growth(1.0, more)


@given(starts32, growths())
def test_counters_of_32_bits_give_back_exactly_what_was_carried(
    start: Counts, more: Counts
) -> None:
    after = Counts(*(value % WORD for value in start.plus(more)))
    both_wrap = any(
        after[n] < start[n] and after[n + 2] < start[n + 2] for n in (0, 1)
    )  # bytes and packets of one direction within one slot: taken for a reset
    assume(not both_wrap)
    found = growth(CounterReading(0, 1, start), CounterReading(SECOND, 1, after))
    assert found == Growth(1.0, more)


@given(starts64, starts64)
def test_nothing_is_ever_negative_nor_more_than_was_seen(before: Counts, after: Counts) -> None:
    found = carried(CounterReading(0, 1, before), CounterReading(SECOND, 1, after))
    for name, grown in found._asdict().items():
        assert 0 <= grown <= max(getattr(after, name), WORD)


@given(
    st.floats(0.1, 31.0),
    st.floats(SLOT, SLOT + 1_000),
    st.builds(Counts, *(st.integers(0, 10**13) for _ in Counts._fields)),
)
def test_the_slots_of_a_reading_sum_up_to_the_whole(
    secs: float, ends_at: float, counts: Counts
) -> None:
    parts = spread(Growth(secs, counts), ends_at=ends_at)
    total = Growth(0.0, Counts())
    for slot, part in parts.items():
        assert slot % 10 == 0
        total = merged(total, part)
    assert total.counts == counts
    assert total.secs == pytest.approx(secs)


@given(st.floats(0.5, 30.0), st.floats(SLOT, SLOT + 1_000))
def test_slots_are_those_in_which_the_time_was(secs: float, ends_at: float) -> None:
    parts = spread(Growth(secs, Counts(receive_bytes=1)), ends_at=ends_at)
    for slot, part in parts.items():
        assert slot + 10 > ends_at - secs - 1.001
        assert slot <= ends_at + 1.001
        assert part.secs <= 12.01


def test_a_reading_just_after_the_end_of_a_slot_belongs_to_that_slot_alone() -> None:
    whole = Growth(10.02, Counts(receive_bytes=1_003))
    assert spread(whole, ends_at=SLOT + 10.03) == {SLOT: whole}


def test_a_late_reading_belongs_to_the_slots_it_spans() -> None:
    parts = spread(Growth(20.0, Counts(receive_bytes=1_001)), ends_at=SLOT + 20.0)
    assert {slot: part.counts.receive_bytes for slot, part in parts.items()} == {
        SLOT: 500, SLOT + 10: 501,
    }  # fmt: skip


def test_after_a_long_silence_nobody_knows_in_which_slot_it_was() -> None:
    assert spread(Growth(300.0, Counts(receive_bytes=10**6)), ends_at=SLOT + 300.0) == {}


def test_a_rate_is_in_bits_and_unknown_without_time() -> None:
    assert bits_per_second(1_250_000, 10.0) == 1_000_000.0
    assert bits_per_second(5, 0.0) is None


def test_utilisation_is_unknown_where_no_bandwidth_is_configured() -> None:
    assert utilisation_pct(50e6, 100.0) == 50.0
    assert utilisation_pct(150e6, 100.0) == 150.0
    assert utilisation_pct(50e6, None) is None
    assert utilisation_pct(None, 100.0) is None
