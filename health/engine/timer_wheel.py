"""Ten thousand things to do at their time, for the price of a list each.

Items of one tick share a bucket and come out together, never early and at most a
tick late. A priority queue over single items would cost ten times as much. Knows
neither probes nor clocks.
"""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

TICK_NS = 5_000_000
"""5 ms: a wake-up for less costs more than the probe it is for."""

_ALL = 1 << 62

Item = TypeVar("Item")


class TimerWheel(Generic[Item]):
    """Items by the time they fall due (monotonic nanoseconds)."""

    __slots__ = ("_buckets", "_order")

    def __init__(self) -> None:
        self._buckets: dict[int, list[Item]] = {}
        self._order: list[int] = []

    def add(self, at_ns: int, item: Item) -> None:
        """Let ``item`` fall due at ``at_ns``."""
        self.bucket(-(-at_ns // TICK_NS)).append(item)

    def bucket(self, tick: int) -> list[Item]:
        """The items of the tick that begins at ``tick`` · ``TICK_NS``, to be appended to."""
        bucket = self._buckets.get(tick)
        if bucket is None:
            self._buckets[tick] = bucket = []
            heapq.heappush(self._order, tick)
        return bucket

    def next_ns(self) -> int | None:
        """When the next items fall due; None when there are none."""
        return self._order[0] * TICK_NS if self._order else None

    def due(self, now_ns: int, at_least: int = _ALL) -> list[Item]:
        """Take out what is due by now, in order of its tick.

        Stops after the tick with which ``at_least`` items have come together.
        """
        order = self._order
        latest = now_ns // TICK_NS
        if not order or order[0] > latest:
            return []
        items = self._buckets.pop(heapq.heappop(order))
        while order and order[0] <= latest and len(items) < at_least:
            items += self._buckets.pop(heapq.heappop(order))
        return items
