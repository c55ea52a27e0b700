"""When to send: every target on its own grid, spread evenly, never in a burst.

A target keeps the phase it was given; each probe leaves 0–10 % of an interval
after its grid point, so that two vantages do not march in step. A loop that was
late by more than one interval skips what it missed: the missed probes count as
overruns, never as loss, and are not sent afterwards.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import NamedTuple

JITTER_FRACTION = 0.1


class _Due(NamedTuple):
    due_ns: int
    ticket: int
    grid_ns: int


class Pacer:
    """A schedule of tickets. ``random`` returns a number in [0, 1) and is injected."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._heap: list[_Due] = []
        self._intervals: dict[int, int] = {}
        self._next_ticket = 0
        self.overruns = 0
        self.worst_lag_ns = 0

    def add(self, interval_ns: int, now_ns: int) -> int:
        """Schedule something every ``interval_ns`` from a random phase on; returns its ticket."""
        ticket = self._next_ticket
        self._next_ticket += 1
        self._intervals[ticket] = interval_ns
        self._push(ticket, now_ns + int(self._random() * interval_ns))
        return ticket

    def remove(self, ticket: int) -> None:
        """Never report this ticket again."""
        self._intervals.pop(ticket, None)

    def next_due_ns(self) -> int | None:
        """When the next ticket is due (monotonic, nanoseconds); None when there is none."""
        while self._heap and self._heap[0].ticket not in self._intervals:
            heapq.heappop(self._heap)
        return self._heap[0].due_ns if self._heap else None

    def due(self, now_ns: int) -> Iterator[int]:
        """The tickets to send now; each is scheduled anew before it is reported."""
        while True:
            due_ns = self.next_due_ns()
            if due_ns is None or due_ns > now_ns:
                return
            entry = heapq.heappop(self._heap)
            interval_ns = self._intervals[entry.ticket]
            lag_ns = now_ns - entry.due_ns
            self.worst_lag_ns = max(self.worst_lag_ns, lag_ns)
            missed = lag_ns // interval_ns
            if missed:
                self.overruns += missed + 1  # this one, and those that fell due meanwhile
                # The next free point of its own grid: targets stay spread.
                self._push(entry.ticket, entry.grid_ns + (missed + 1) * interval_ns)
                continue
            self._push(entry.ticket, entry.grid_ns + interval_ns)
            yield entry.ticket

    def take_lag_ns(self) -> int:
        """The worst lateness since the last call."""
        worst, self.worst_lag_ns = self.worst_lag_ns, 0
        return worst

    def _push(self, ticket: int, grid_ns: int) -> None:
        delay_ns = int(self._random() * JITTER_FRACTION * self._intervals[ticket])
        heapq.heappush(self._heap, _Due(grid_ns + delay_ns, ticket, grid_ns))
