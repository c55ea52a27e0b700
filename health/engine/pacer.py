"""When to send: every target on its own grid, spread evenly, never in a burst.

A target keeps the phase it was given; each probe leaves 0–10 % of an interval
after its grid point, so that two vantages do not march in step. A loop that was
late by more than one interval skips what it missed: the missed probes count as
overruns, never as loss, and are not sent afterwards. What is late by less is
spread over the time to come instead of leaving at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from health.engine.timer_wheel import TICK_NS, TimerWheel

JITTER_FRACTION = 0.1
MOST_PER_TURN = 512
SPREAD_FROM_NS = 100_000_000
"""Lateness from which probes are spread anew: a stall, not a busy moment."""


class Paced(Protocol):
    """Something that is due again and again; all but the interval is the pacer's own."""

    interval_ns: int
    grid_ns: int
    due_ns: int
    skipped: bool
    retired: bool


Target = TypeVar("Target", bound=Paced)


class Pacer(Generic[Target]):
    """A schedule. ``random`` returns a number in [0, 1) and is injected."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._wheel: TimerWheel[Target] = TimerWheel()
        self.overruns = 0
        self._worst_lag_ns = 0

    def add(self, target: Target, now_ns: int) -> None:
        """Schedule ``target`` every ``interval_ns`` from a random phase on, until it retires."""
        target.grid_ns = now_ns + int(self._random() * target.interval_ns)
        self._schedule(target)

    def next_due_ns(self) -> int | None:
        """When the next target may be due (monotonic, nanoseconds); None when there is none."""
        return self._wheel.next_ns()

    def due(self, now_ns: int) -> list[Target]:
        """The targets to send to now; each is scheduled anew before it is reported.

        Not many more than ``MOST_PER_TURN``: a loop that is behind must still judge and
        receive. The rest is due at the next call.
        """
        ready = []
        wheel, random = self._wheel, self._random
        for target in wheel.due(now_ns, MOST_PER_TURN):
            if target.retired:
                continue
            grid_ns, due_ns = target.grid_ns, target.due_ns
            lag_ns = now_ns - due_ns
            if lag_ns > self._worst_lag_ns:
                self._worst_lag_ns = lag_ns
            interval_ns = target.interval_ns
            if (
                lag_ns < SPREAD_FROM_NS
                and lag_ns < interval_ns
                and due_ns - grid_ns <= (JITTER_FRACTION * interval_ns)
            ):
                # Nearly always, and so written out: the next grid point, a little late.
                target.skipped = False
                target.grid_ns = grid_ns = grid_ns + interval_ns
                target.due_ns = due_ns = grid_ns + int(random() * JITTER_FRACTION * interval_ns)
                wheel.bucket(-(-due_ns // TICK_NS)).append(target)
                ready.append(target)
            elif lag_ns >= interval_ns and not target.skipped:
                self._skip(target, lag_ns)
            elif SPREAD_FROM_NS <= lag_ns < interval_ns and not self._is_spread(target):
                target.due_ns = now_ns + int(self._random() * lag_ns)
                self._wheel.add(target.due_ns, target)
            else:
                self._advance(target, now_ns)
                ready.append(target)
        return ready

    def take_lag_ns(self) -> int:
        """The worst lateness since the last call."""
        worst, self._worst_lag_ns = self._worst_lag_ns, 0
        return worst

    def _skip(self, target: Target, lag_ns: int) -> None:
        # Once only: a loop that is late at every turn would never send again.
        target.skipped = True
        missed = lag_ns // target.interval_ns
        self.overruns += missed + 1  # this one, and those that fell due meanwhile
        # The next free point of its own grid: targets stay spread.
        target.grid_ns += (missed + 1) * target.interval_ns
        self._schedule(target)

    def _is_spread(self, target: Target) -> bool:
        """True when its due time has been put off once: twice would put it off for ever."""
        return target.due_ns - target.grid_ns > JITTER_FRACTION * target.interval_ns

    def _advance(self, target: Target, now_ns: int) -> None:
        """To the next grid point; those that were passed while it was put off are missed."""
        target.skipped = False
        passed = (now_ns - target.grid_ns) // target.interval_ns
        if passed > 1:
            self.overruns += passed - 1
            target.grid_ns += passed * target.interval_ns
        else:
            target.grid_ns += target.interval_ns
        self._schedule(target)

    def _schedule(self, target: Target) -> None:
        delay_ns = int(self._random() * JITTER_FRACTION * target.interval_ns)
        target.due_ns = due_ns = target.grid_ns + delay_ns
        self._wheel.add(due_ns, target)
