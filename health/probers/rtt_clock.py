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
"""Disagreement between the clocks that counts as a step: 1 ms.

Slewing (adjtime) is no disagreement: it moves both clocks alike.
"""
_SAME_MOMENT_NS = 50_000
_ATTEMPTS = 5


class RttClock:
    """Reads wall and monotonic time in nanoseconds; both sources can be injected.

    ``read()`` after packets have arrived, then ``round_trip_ns`` of each of them.
    """

    __slots__ = ("_offset", "_read_mono", "_read_wall", "_steady_since", "monotonic_ns", "wall_ns")

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.wall_ns = wall_ns
        self.monotonic_ns = monotonic_ns
        self._read_wall = self._read_mono = self._steady_since = 0
        self._offset = 1 << 100  # unlike any
        self.read()

    def read(self) -> None:
        """Read both clocks at one moment, and notice when the wall clock was stepped."""
        for _ in range(_ATTEMPTS):  # others may run between two readings, for milliseconds
            before = self.monotonic_ns()
            self._read_wall = self.wall_ns()
            self._read_mono = self.monotonic_ns()
            if self._read_mono - before <= _SAME_MOMENT_NS:
                break
        offset = self._read_wall - self._read_mono
        if not -STEP_NS <= offset - self._offset <= STEP_NS:
            self._offset = offset
            self._steady_since = self._read_mono

    def round_trip_ns(
        self, sent_wall_ns: int, sent_mono_ns: int, received_wall_ns: int | None
    ) -> int:
        """The RTT (RFC 2681) in nanoseconds of a packet that arrived before the last ``read()``.

        ``received_wall_ns`` is the kernel's stamp. The RTT is the difference of
        the wall times; when the wall clock was stepped since the packet left,
        that difference with or without the step, whichever is possible at all.
        Where both are, or neither is, or the packet has no stamp (None): the
        monotonic time until the reading, which is too long by at most the time
        the packet waited to be read.
        """
        elapsed = self._read_mono - sent_mono_ns
        if received_wall_ns is None:
            return elapsed
        rtt = received_wall_ns - sent_wall_ns
        if sent_mono_ns >= self._steady_since:
            return rtt if 0 <= rtt <= elapsed + STEP_NS else elapsed
        step = self._read_wall - sent_wall_ns - elapsed
        if -STEP_NS <= step <= STEP_NS:
            return rtt if 0 <= rtt <= elapsed + STEP_NS else elapsed
        stamped_before, stamped_after = rtt, rtt - step
        if 0 <= stamped_before <= elapsed:
            return elapsed if 0 <= stamped_after <= elapsed else stamped_before
        return stamped_after if 0 <= stamped_after <= elapsed else elapsed

    def rtt_ns(self, sent_wall_ns: int, sent_mono_ns: int, received_wall_ns: int | None) -> int:
        """``round_trip_ns`` of a packet that is being read at this moment."""
        self.read()
        return self.round_trip_ns(sent_wall_ns, sent_mono_ns, received_wall_ns)
