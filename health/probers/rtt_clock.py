"""The two clocks behind a round-trip time, and the guard between them.

The kernel stamps arrivals with the wall clock, so the exact RTT is a difference
of wall times; the wall clock may be stepped, so every such difference is held
against the monotonic clock. No sockets and no statistics in here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

STEP_NS = 1_000_000
"""Disagreement between the clocks that counts as a step: 1 ms (slewing is < 0.5 ms/s)."""


class RttClock:
    """Reads wall and monotonic time in nanoseconds; both sources can be injected."""

    __slots__ = ("monotonic_ns", "wall_ns")

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.wall_ns = wall_ns
        self.monotonic_ns = monotonic_ns

    def rtt_ns(self, sent_wall_ns: int, sent_mono_ns: int, received_wall_ns: int | None) -> int:
        """The RTT (RFC 2681) in nanoseconds of a packet stamped on arrival by the kernel.

        Wall difference where it can be trusted, otherwise the monotonic time until
        now, which is at most too long by the time the packet waited to be read.
        Distrusted are: a negative difference, one that is longer than the
        monotonic time allows, any during which the wall clock was stepped, and
        a packet without a stamp (None).
        """
        elapsed = self.monotonic_ns() - sent_mono_ns
        if received_wall_ns is None:
            return elapsed
        wall = received_wall_ns - sent_wall_ns
        drift = self.wall_ns() - sent_wall_ns - elapsed
        if 0 <= wall <= elapsed + STEP_NS and -STEP_NS <= drift <= STEP_NS:
            return wall
        return elapsed
