"""The engine's two clocks: monotonic for durations, wall time for labels only.

``SystemClock`` is the one place of the measuring side that reads them;
``FakeClock`` is a public double for tests and simulations.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where the engine gets its time from."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that only grow."""
        ...

    def wall(self) -> float:
        """Seconds since 1970, UTC; may be set back or forth at any time."""
        ...


class SystemClock:
    """The clocks of the operating system."""

    # The very function: it is called for every probe.
    monotonic_ns = staticmethod(time.monotonic_ns)
    """CLOCK_MONOTONIC in nanoseconds."""

    def wall(self) -> float:
        """CLOCK_REALTIME in seconds."""
        return time.time()  # noqa: TID251 - this class is the edge


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(
        self, monotonic_ns: int = 1_000_000_000_000, wall: float = 1_700_000_000.0
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall = wall

    def monotonic_ns(self) -> int:
        """The time that was set."""
        return self._monotonic_ns

    def wall(self) -> float:
        """The time that was set."""
        return self._wall

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on both clocks."""
        self._monotonic_ns += round(seconds * 1e9)
        self._wall += seconds

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forth or back, as NTP or a person would."""
        self._wall += seconds
