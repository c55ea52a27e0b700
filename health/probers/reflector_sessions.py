"""What a reflector remembers of its senders: their sequence numbers and how much they ask.

Bounded, whatever comes: anybody can send from a million forged addresses. No
sockets and no clock.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TypeAlias

from health.probers.stamp_packet import SEQUENCE_MASK

MAX_SESSIONS = 65_536
"""Beyond, the idlest session is forgotten."""
SESSION_IDLE_NS = 900_000_000_000
"""A session without packets for 15 minutes begins anew (the REFWAIT of RFC 5357)."""
MAX_SOURCES = 65_536
"""Sources counted within a second; nobody beyond them is answered in it."""

_NS_PER_SEC = 1_000_000_000

SessionName: TypeAlias = tuple[object, ...]


class Sessions:
    """The next sequence number of each session (RFC 8762 §4.3.1, stateful mode)."""

    def __init__(self) -> None:
        self._next: OrderedDict[SessionName, tuple[int, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._next)

    def next_sequence(self, session: SessionName, now_ns: int) -> int:
        """0 for a session's first answer, one more for each that follows; ``now_ns`` monotonic."""
        sequence, seen_ns = self._next.pop(session, (0, now_ns))
        if now_ns - seen_ns > SESSION_IDLE_NS:
            sequence = 0
        self._next[session] = (sequence + 1 & SEQUENCE_MASK, now_ns)
        self._drop_idlest(now_ns)
        return sequence

    def _drop_idlest(self, now_ns: int) -> None:
        """At most two go for one that comes, so that no packet waits for a great clean-up."""
        for _ in range(2):
            _, (_, seen_ns) = next(iter(self._next.items()))
            if len(self._next) <= MAX_SESSIONS and now_ns - seen_ns <= SESSION_IDLE_NS:
                return
            self._next.popitem(last=False)


class SourceLimit:
    """At most ``per_second`` packets of one source address are answered; 0 sets no limit."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._counts: Counter[str] = Counter()
        self._second = 0

    def exceeded(self, address: str, now_ns: int) -> bool:
        """True when this packet is one too many; ``now_ns`` is monotonic."""
        if not self._per_second:
            return False
        second = now_ns // _NS_PER_SEC
        if second != self._second:
            self._second = second
            self._counts.clear()
        if len(self._counts) >= MAX_SOURCES and address not in self._counts:
            return True
        self._counts[address] += 1
        return self._counts[address] > self._per_second
