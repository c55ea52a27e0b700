"""The probes that ended a short while ago: is this packet a second copy, late, or a stranger's?

Knows no packets and no sockets.
"""

from __future__ import annotations

from health.domain.measurement import Rejection

REMEMBER_NS = 10_000_000_000
"""For how long an answer to a settled probe is recognised at least: 10 s."""
MAX_REMEMBERED = 65_536
"""When so many have ended in less time, the older half of the memory goes earlier."""


class SettledProbes:
    """Two generations of settled probes, by the timestamp they carried; the older goes as a whole.

    Two probes of one timestamp are about as rare as a guessed one, and would only
    be counted under the wrong reason.
    """

    __slots__ = ("_born_ns", "_old", "answered")

    def __init__(self) -> None:
        self.answered: dict[int, int] = {}
        """Probe id by timestamp; to be entered directly, a call costs more than the entry."""
        self._old: dict[int, int] = {}
        self._born_ns = 0

    def given_up(self, timestamp: int, probe_id: int) -> None:
        """The probe was given up: an answer from now on is late."""
        self.answered[timestamp] = ~probe_id

    def find(self, timestamp: int) -> tuple[int, Rejection] | None:
        """The settled probe with this timestamp, and what a packet that belongs to it is."""
        found = self.answered.get(timestamp, self._old.get(timestamp))
        if found is None:
            return None
        return (found, Rejection.DUPLICATE) if found >= 0 else (~found, Rejection.LATE)

    def age(self, now_ns: int) -> None:
        """Forget what ended long ago; ``now_ns`` is monotonic."""
        if now_ns - self._born_ns > REMEMBER_NS or len(self.answered) >= MAX_REMEMBERED:
            self._old, self.answered = self.answered, {}
            self._born_ns = now_ns
