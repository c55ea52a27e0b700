"""How the loop sleeps: until its time, an answer that must be read at once, or an alarm.

The only place of the engine that waits.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterable

from health.probers.base import Watchable


class Waiting:
    """Sleep that other threads can end. ``close`` when nobody sleeps any more."""

    def __init__(self) -> None:
        self._alarm = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._alarm, select.POLLIN)
        self._watched: set[int] = set()

    def sleep(self, wait_ns: int, sockets: Iterable[Watchable]) -> None:
        """Sleep for ``wait_ns`` nanoseconds, or until a socket is readable or the alarm rings."""
        wanted = {sock.fileno() for sock in sockets}
        for descriptor in self._watched - wanted:
            self._poll.unregister(descriptor)
        for descriptor in wanted - self._watched:
            self._poll.register(descriptor, select.POLLIN)
        self._watched = wanted
        for descriptor, _ in self._poll.poll(wait_ns / 1e6):
            if descriptor == self._alarm:
                os.eventfd_read(self._alarm)

    def ring(self) -> None:
        """Wake the sleeper, or keep him from falling asleep. May be called from any thread."""
        if self._alarm >= 0:
            os.eventfd_write(self._alarm, 1)

    def close(self) -> None:
        """Release the alarm. Idempotent."""
        alarm, self._alarm = self._alarm, -1
        if alarm >= 0:
            os.close(alarm)
