"""A stepped wall clock cannot make a wrong round-trip time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from health.probers.rtt_clock import STEP_NS, RttClock

MS = 1_000_000
WALL = 1_700_000_000_000_000_000
MONO = 5_000_000_000


class Clocks:
    """A wall clock that can be stepped, beside a monotonic one."""

    def __init__(self) -> None:
        self.passed = self.step = 0
        self.clock = RttClock(lambda: WALL + self.passed + self.step, lambda: MONO + self.passed)


def rtt(
    arrived_after: int | None, read_after: int, *, step: int = 0, step_seen: bool = True
) -> int:
    """The RTT of a packet; ``step`` sets the wall clock between sending and reading.

    ``step_seen`` says whether the arrival stamp was taken after the step.
    """
    clocks = Clocks()
    clocks.passed, clocks.step = read_after, step
    arrival = None
    if arrived_after is not None:
        arrival = WALL + arrived_after + (step if step_seen else 0)
    return clocks.clock.rtt_ns(WALL, MONO, arrival)


def test_the_kernel_stamp_counts_and_not_the_time_of_reading() -> None:
    assert rtt(20 * MS, read_after=35 * MS) == 20 * MS


def test_a_packet_without_a_stamp_is_timed_by_the_monotonic_clock() -> None:
    assert rtt(None, read_after=35 * MS) == 35 * MS


def test_a_wall_clock_set_back_before_the_arrival_does_not_show() -> None:
    assert rtt(20 * MS, read_after=21 * MS, step=-30_000 * MS) == 20 * MS


def test_a_wall_clock_set_forward_before_the_arrival_does_not_show() -> None:
    assert rtt(20 * MS, read_after=21 * MS, step=30_000 * MS) == 20 * MS


def test_a_wall_clock_set_between_arrival_and_reading_does_not_show() -> None:
    assert rtt(20 * MS, read_after=35 * MS, step=30_000 * MS, step_seen=False) == 20 * MS
    assert rtt(20 * MS, read_after=35 * MS, step=-30_000 * MS, step_seen=False) == 20 * MS


def test_where_either_side_of_a_small_step_is_possible_the_time_until_the_reading_counts() -> None:
    assert rtt(20 * MS, read_after=30 * MS, step=-5 * MS) == 30 * MS
    assert rtt(20 * MS, read_after=30 * MS, step=5 * MS, step_seen=False) == 30 * MS


def test_a_stamp_that_no_step_explains_is_not_believed() -> None:
    assert rtt(-3_000 * MS, read_after=20 * MS) == 20 * MS
    assert rtt(-3_000 * MS, read_after=20 * MS, step=9_000 * MS) == 20 * MS


def test_a_sender_interrupted_between_its_two_stamps_is_no_step_of_the_clock() -> None:
    clocks = Clocks()
    interrupted = 8 * MS
    clocks.passed = interrupted + 50 * MS
    arrival = WALL + interrupted + 20 * MS
    assert clocks.clock.rtt_ns(WALL + interrupted, MONO, arrival) == 20 * MS


def test_a_reader_interrupted_between_its_two_readings_reads_again() -> None:
    moments = iter([0, 0, 0, 0, 0, 9 * MS, 9 * MS, 9 * MS, 9 * MS])
    clock = RttClock(lambda: WALL + next(moments), lambda: MONO + next(moments))
    assert clock.rtt_ns(WALL, MONO, WALL + 2 * MS) == 2 * MS
    assert next(moments, None) is None


def test_once_the_step_is_past_the_stamps_count_again() -> None:
    clocks = Clocks()
    clocks.passed, clocks.step = 10 * MS, 30_000 * MS
    clocks.clock.read()
    sent_wall, sent_mono = WALL + 10 * MS + clocks.step, MONO + 10 * MS
    clocks.passed = 40 * MS
    assert clocks.clock.rtt_ns(sent_wall, sent_mono, sent_wall + 20 * MS) == 20 * MS


@given(
    true_ns=st.integers(0, 10_000 * MS),
    queued_ns=st.integers(0, 5_000 * MS),
    step=st.integers(-(10**13), 10**13),
    step_seen=st.booleans(),
)
def test_whatever_the_step_the_time_is_between_the_true_one_and_that_of_reading(
    true_ns: int, queued_ns: int, step: int, step_seen: bool
) -> None:
    measured = rtt(true_ns, true_ns + queued_ns, step=step, step_seen=step_seen)
    assert true_ns - STEP_NS <= measured <= true_ns + queued_ns + STEP_NS
    assert measured >= 0
