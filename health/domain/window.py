"""The last minute of probes to one target: counts, mean, extremes and jitter at O(1) a probe.

Probes are numbered in the order of sending and settle in any order. All sums
are integers of nanoseconds, so that adding and removing a million probes leaves
no rounding error behind. No clock: every call says what time it is.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

NANOSECONDS_PER_SECOND = 1_000_000_000
MIN_WINDOW_PROBES = 60
"""A window always has room for this many probes, whatever their interval."""

UNKNOWN_RTT = -1
"""In a history: a probe that was ignored or still under way; it parts its neighbours."""

_PENDING = -1
_LOST = -2
_IGNORED = -3
_NS_PER_MS = 1_000_000
_NO_LOW, _NO_HIGH = 1 << 62, -1
"""Extremes that are to be looked for: every round-trip time is between them."""


class WindowMetrics(NamedTuple):
    """What a window says; every figure is None when nothing supports it.

    ``sent`` counts settled probes only. ``latency_ms`` is the mean round-trip
    time, ``jitter_ms`` the mean |RTTᵢ − RTTᵢ₋₁| over neighbouring probes that
    were both answered (a lost probe in between leaves the variation undefined,
    RFC 3393 §2.2), ``packet_loss_pct`` the round-trip loss (RFC 6673).
    """

    sent: int
    received: int
    latency_ms: float | None
    min_latency_ms: float | None
    max_latency_ms: float | None
    packet_loss_pct: float | None
    jitter_ms: float | None


EMPTY_METRICS = WindowMetrics(0, 0, None, None, None, None, None)


class ProbeWindow:
    """A ring of the probes of the last ``span_ns`` nanoseconds to one target.

    ``interval_ns`` is the usual spacing; the span is stretched so that it never
    holds fewer than ``MIN_WINDOW_PROBES`` probes. ``timeout_ns`` bounds how
    long a probe may stay unsettled.
    """

    def __init__(self, span_ns: int, interval_ns: int, timeout_ns: int) -> None:
        self.span_ns = max(span_ns, MIN_WINDOW_PROBES * interval_ns)
        # Room for the window, for the probes still under way, and for jittered spacing.
        self._capacity = (self.span_ns + timeout_ns) * 5 // (4 * interval_ns) + 8
        self._sent_ns = array("q", [0]) * self._capacity
        self._result = array("q", [_IGNORED]) * self._capacity
        self._first = 0
        self._next = 0
        self._clear_sums()

    def _clear_sums(self) -> None:
        self.settled = 0
        self.received = 0
        self._rtt_sum = 0
        self._variation_sum = 0
        self._variation_count = 0
        self._low, self._high = _NO_LOW, _NO_HIGH

    def __len__(self) -> int:
        """Probes in the ring, unsettled ones included."""
        return self._next - self._first

    def open(self, sent_ns: int) -> int:
        """Enter a probe sent at ``sent_ns`` (monotonic, nanoseconds); returns its number."""
        if self._next - self._first >= self._capacity:
            self._drop_oldest()
        number = self._next
        slot = number % self._capacity
        self._sent_ns[slot] = sent_ns
        self._result[slot] = _PENDING
        self._next += 1
        return number

    def answer(self, number: int, rtt_ns: int) -> None:
        """Settle a probe as answered after ``rtt_ns`` nanoseconds."""
        # Written out, because it runs for every answer of every path.
        first, following = self._first, self._next
        if not first <= number < following:
            return
        result, capacity = self._result, self._capacity
        slot = number % capacity
        if result[slot] != _PENDING:
            return
        result[slot] = rtt_ns
        self.settled += 1
        self.received += 1
        self._rtt_sum += rtt_ns
        if rtt_ns < self._low:
            self._low = rtt_ns
        if rtt_ns > self._high:
            self._high = rtt_ns
        # Indices below zero count from the end, as the ring does.
        if number > first and (other := result[slot - 1]) >= 0:
            self._variation_sum += rtt_ns - other if rtt_ns > other else other - rtt_ns
            self._variation_count += 1
        if number + 1 < following and (other := result[slot + 1 - capacity]) >= 0:
            self._variation_sum += rtt_ns - other if rtt_ns > other else other - rtt_ns
            self._variation_count += 1

    def lose(self, number: int) -> None:
        """Settle a probe as lost."""
        self._settle(number, _LOST)

    def ignore(self, number: int) -> None:
        """Take a probe out: it says nothing about the network."""
        if self._is_pending(number):
            self._result[number % self._capacity] = _IGNORED

    def expire(self, now_ns: int) -> None:
        """Drop the probes that were sent before the span."""
        oldest_ns = now_ns - self.span_ns
        sent_ns, capacity = self._sent_ns, self._capacity
        while self._first < self._next and sent_ns[self._first % capacity] < oldest_ns:
            self._drop_oldest()

    def restart_after(self, number: int) -> None:
        """Forget every probe up to and including ``number``."""
        while self._first < self._next and self._first <= number:
            self._drop_oldest()

    def history(self) -> list[tuple[int, int | None]]:
        """The probes, oldest first: when sent (monotonic ns), and RTT in ns or None if lost.

        ``UNKNOWN_RTT`` stands for the probes that say nothing. ``refill`` of another
        window with it gives the same figures.
        """
        history: list[tuple[int, int | None]] = []
        for number in range(self._first, self._next):
            slot = number % self._capacity
            result = self._result[slot]
            rtt_ns = result if result >= 0 else None if result == _LOST else UNKNOWN_RTT
            history.append((self._sent_ns[slot], rtt_ns))
        return history

    def refill(self, history: Iterable[tuple[int, int | None]]) -> None:
        """Enter probes as ``history`` gave them; those without a result stay without one."""
        for sent_ns, rtt_ns in history:
            number = self.open(sent_ns)
            if rtt_ns is None:
                self.lose(number)
            elif rtt_ns == UNKNOWN_RTT:
                self.ignore(number)
            else:
                self.answer(number, rtt_ns)

    def go_on(self, before: ProbeWindow) -> None:
        """Take an empty window to where ``before`` is: its probes, numbers and those under way."""
        room = len(before) + 8  # more than seldom probes need, until the old ones have left
        if room > self._capacity:
            self._capacity = room
            self._sent_ns, self._result = array("q", [0]) * room, array("q", [_IGNORED]) * room
        self._first = self._next = before._first
        for number in range(before._first, before._next):
            slot = number % before._capacity
            result = before._result[slot]
            self.open(before._sent_ns[slot])
            if result >= 0:
                self.answer(number, result)
            elif result == _LOST:
                self.lose(number)
            elif result == _IGNORED:
                self.ignore(number)

    def metrics(self) -> WindowMetrics:
        """The figures of the settled probes."""
        settled, received = self.settled, self.received
        if not settled:
            return EMPTY_METRICS
        loss = 100.0 * (settled - received) / settled
        if not received:
            return WindowMetrics(settled, 0, None, None, None, loss, None)
        if self._high == _NO_HIGH:
            self._find_extremes()
        pairs = self._variation_count
        return WindowMetrics(
            settled,
            received,
            self._rtt_sum / received / _NS_PER_MS,
            self._low / _NS_PER_MS,
            self._high / _NS_PER_MS,
            loss,
            self._variation_sum / pairs / _NS_PER_MS if pairs else None,
        )

    def _settle(self, number: int, result: int) -> bool:
        """Store the result; False when the probe has left the window or is settled."""
        if not self._is_pending(number):
            return False
        self._result[number % self._capacity] = result
        self.settled += 1
        return True

    def _is_pending(self, number: int) -> bool:
        return (
            self._first <= number < self._next and self._result[number % self._capacity] == _PENDING
        )

    def _rtt_of(self, number: int) -> int | None:
        """The RTT of an answered probe in the window, else None."""
        if not self._first <= number < self._next:
            return None
        result = self._result[number % self._capacity]
        return result if result >= 0 else None

    def _drop_oldest(self) -> None:
        number, results = self._first, self._result
        slot = number % self._capacity
        result = results[slot]
        results[slot] = _IGNORED
        self._first = number + 1
        if result >= 0:
            self.settled -= 1
            self.received -= 1
            self._rtt_sum -= result
            following = results[slot + 1 - self._capacity]
            if following >= 0 and number + 1 < self._next:
                self._variation_sum -= abs(following - result)
                self._variation_count -= 1
            if result in (self._low, self._high):
                self._low, self._high = _NO_LOW, _NO_HIGH  # found again when next asked for
        elif result == _LOST:
            self.settled -= 1

    def _find_extremes(self) -> None:
        # What has left the window was overwritten, so the whole ring may be looked through.
        rtts = [rtt for rtt in self._result if rtt >= 0]
        self._low, self._high = min(rtts), max(rtts)
