"""The probes under way: whose they are, and when each is lost.

Probes of one timeout are lost in the order in which they left, so a queue per
timeout replaces a priority queue over all of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from health.engine.path_monitor import PathMonitor
from health.engine.target_monitor import TargetMonitor


class Outstanding(NamedTuple):
    """One probe under way; ``sent_ns`` is monotonic, ``number`` its place in the window."""

    path: PathMonitor
    target: TargetMonitor
    number: int
    sent_ns: int


class OutstandingProbes:
    """All probes under way of all kinds, by (kind, probe id)."""

    def __init__(self) -> None:
        self._probes: dict[tuple[str, int], Outstanding] = {}
        self._queues: dict[int, deque[tuple[int, tuple[str, int], Outstanding]]] = {}

    def __len__(self) -> int:
        return len(self._probes)

    def add(self, kind: str, probe_id: int, probe: Outstanding, timeout_ns: int) -> None:
        """A probe has left."""
        key = (kind, probe_id)
        self._probes[key] = probe
        queue = self._queues.get(timeout_ns)
        if queue is None:
            queue = self._queues[timeout_ns] = deque()
        queue.append((probe.sent_ns + timeout_ns, key, probe))

    def take(self, kind: str, probe_id: int) -> Outstanding | None:
        """The probe has ended; None when it is not under way."""
        return self._probes.pop((kind, probe_id), None)

    def next_timeout_ns(self) -> int | None:
        """No later than when the next probe is lost; None when none is under way."""
        return min((queue[0][0] for queue in self._queues.values() if queue), default=None)

    def timed_out(self, now_ns: int) -> Iterator[tuple[str, int, Outstanding]]:
        """The probes that are lost by now; they are no longer under way."""
        for queue in self._queues.values():
            while queue and queue[0][0] <= now_ns:
                _, key, probe = queue.popleft()
                # Ids are used again: only the very same probe counts.
                if self._probes.get(key) is probe:
                    del self._probes[key]
                    yield key[0], key[1], probe
