"""A stepped wall clock cannot make a wrong round-trip time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from health.probers.rtt_clock import STEP_NS, RttClock

MS = 1_000_000
WALL = 1_700_000_000_000_000_000
MONO = 5_000_000_000


def rtt(
    arrived_after: int | None, read_after: int, *, step: int = 0, step_seen: bool = True
) -> int:
    """The RTT of a packet; ``step`` sets the wall clock between sending and reading.

    ``step_seen`` says whether the arrival stamp was taken after the step.
    """
    clock = RttClock(lambda: WALL + read_after + step, lambda: MONO + read_after)
    arrival = None
    if arrived_after is not None:
        arrival = WALL + arrived_after + (step if step_seen else 0)
    return clock.rtt_ns(WALL, MONO, arrival)


def test_the_kernel_stamp_counts_and_not_the_time_of_reading() -> None:
    assert rtt(20 * MS, read_after=35 * MS) == 20 * MS


def test_a_packet_without_a_stamp_is_timed_by_the_monotonic_clock() -> None:
    assert rtt(None, read_after=35 * MS) == 35 * MS


def test_a_wall_clock_set_back_does_not_make_the_time_negative() -> None:
    assert rtt(20 * MS, read_after=21 * MS, step=-30_000 * MS) == 21 * MS


def test_a_wall_clock_set_forward_does_not_make_the_time_long() -> None:
    assert rtt(20 * MS, read_after=21 * MS, step=30_000 * MS) == 21 * MS


def test_a_small_step_back_does_not_shorten_the_time() -> None:
    assert rtt(20 * MS, read_after=20 * MS, step=-5 * MS) == 20 * MS


def test_a_step_after_the_arrival_does_no_harm() -> None:
    assert rtt(20 * MS, read_after=24 * MS, step=-5 * MS, step_seen=False) == 24 * MS


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
