"""Totals run on through everything; a rate is there only while something is known."""

from __future__ import annotations

from health.domain.traffic import CounterReading, Counts, Growth
from health.domain.uplink_meter import UplinkMeter

SLOT = 1_700_000_000
SECOND = 1_000_000_000


def at(secs: float, received: int, *, index: int = 2) -> CounterReading:
    return CounterReading(round(secs * SECOND), index, Counts(received, 0, received // 100))


def test_the_first_reading_is_where_counting_begins_not_what_was_carried() -> None:
    meter = UplinkMeter()
    assert meter.note(at(0, 10**9), wall=SLOT) == {}
    assert meter.totals == Counts()
    assert meter.receive_bps is None
    assert meter.counted_at == SLOT


def test_each_reading_adds_to_the_totals_and_gives_the_rate() -> None:
    meter = UplinkMeter()
    meter.note(at(0, 1_000), wall=SLOT)
    parts = meter.note(at(10, 2_000), wall=SLOT + 10)
    assert parts == {SLOT: Growth(10.0, Counts(1_000, 0, 10))}
    assert meter.totals.receive_bytes == 1_000
    assert meter.receive_bps == 800.0
    assert meter.transmit_bps == 0.0


def test_a_missing_interface_has_no_rate_and_its_totals_stay() -> None:
    meter = UplinkMeter()
    meter.note(at(0, 0), wall=SLOT)
    meter.note(at(10, 500), wall=SLOT + 10)
    assert meter.note(None, wall=SLOT + 20) == {}
    assert meter.receive_bps is None
    assert meter.totals.receive_bytes == 500
    assert meter.counted_at == SLOT + 10


def test_an_interface_made_anew_begins_a_new_count_on_the_old_totals() -> None:
    meter = UplinkMeter()
    meter.note(at(0, 0), wall=SLOT)
    meter.note(at(10, 500), wall=SLOT + 10)
    assert meter.note(at(20, 9_000, index=7), wall=SLOT + 20) == {}
    meter.note(at(30, 9_300, index=7), wall=SLOT + 30)
    assert meter.totals.receive_bytes == 800


def test_a_driver_that_shows_zeros_for_a_moment_adds_nothing() -> None:
    meter = UplinkMeter()
    meter.note(at(0, 10**12), wall=SLOT)
    assert meter.note(at(10, 0), wall=SLOT + 10) == {}
    assert meter.receive_bps is None
    meter.note(at(20, 10**12 + 400), wall=SLOT + 20)
    assert meter.totals.receive_bytes == 400


def test_a_successor_counts_on_from_what_its_predecessor_left() -> None:
    first = UplinkMeter()
    first.note(at(0, 0), wall=SLOT)
    first.note(at(14, 700), wall=SLOT + 14)
    second = UplinkMeter(first.totals, first.counted_at, first.last)
    parts = second.note(at(20, 1_000), wall=SLOT + 20)
    assert second.totals.receive_bytes == 1_000
    assert parts == {SLOT + 10: Growth(6.0, Counts(300, 0, 3))}


def test_a_successor_without_a_last_reading_keeps_the_totals_alone() -> None:
    meter = UplinkMeter(Counts(9_000), SLOT - 500.0)
    assert meter.note(at(0, 70), wall=SLOT) == {}
    assert meter.totals.receive_bytes == 9_000
