"""Probes out of turn: those that confirm a death, and those that answer a doubt.

Both leave at the spacing of a burst, have no number in the window and count for no
statistics. When a base probe leaves is ``pacer``'s business; how any probe leaves, the loop's.
"""

from __future__ import annotations

from collections.abc import Callable

from health.engine.path_monitor import PathMonitor
from health.engine.target_monitor import MAX_BURST_PROBES, Probe, TargetMonitor
from health.engine.timer_wheel import TimerWheel

ASKED_PROBES = 3
"""Answers that settle the doubt whether a path still answers."""
_NS_PER_MS = 1_000_000


class Bursts:
    """Sends with ``send``, which returns the probe, or None when it did not leave."""

    def __init__(self, send: Callable[[TargetMonitor, int], Probe | None]) -> None:
        self._send = send
        self._wheel: TimerWheel[TargetMonitor] = TimerWheel()
        self._asked: list[PathMonitor] = []

    def next_ns(self) -> int | None:
        """When the next probe out of turn may be due (monotonic ns); None when none is."""
        return self._wheel.next_ns()

    def confirm(self, target: TargetMonitor, now_ns: int) -> None:
        """A run of suspects has begun: send at once what confirms or refutes a death."""
        target.burst_left = MAX_BURST_PROBES
        self._begin(target, now_ns)

    def ask(self, path: PathMonitor, now_ns: int) -> None:
        """Ask every target that is not dead whether it still answers, and at once."""
        for target in path.targets:
            if target.liveness.alive is not False:
                target.asks_left = ASKED_PROBES
                self._begin(target, now_ns)
        self._asked.append(path)

    def settled(self) -> list[PathMonitor]:
        """The paths of which the last answer, or a failure, has come since the last call."""
        if not self._asked:
            return []
        settled = [path for path in self._asked if not path.is_asked]
        self._asked = [path for path in self._asked if path.is_asked]
        return settled

    def turn(self, now_ns: int) -> None:
        """Send what is due."""
        for target in self._wheel.due(now_ns):
            if target.retired or not self._wants_more(target):
                target.asks_left, target.bursting = 0, False
                continue
            self._send_one(target, now_ns)
            spacing_ns = max(
                target.path.spec.timing.burst_ms * _NS_PER_MS,
                target.liveness.hold_now_ns(now_ns) // 10,
            )
            self._wheel.add(now_ns + spacing_ns, target)

    def _begin(self, target: TargetMonitor, now_ns: int) -> None:
        if not target.bursting:
            target.bursting = True
            self._wheel.add(now_ns, target)

    def _wants_more(self, target: TargetMonitor) -> bool:
        life = target.liveness
        if life.alive is False:
            return False
        return bool(target.asks_left or (life.run and target.burst_left))

    def _send_one(self, target: TargetMonitor, now_ns: int) -> None:
        if not target.asks_left:
            target.burst_left -= 1
            self._send(target, now_ns)
            return
        target.asks_left -= 1
        probe = self._send(target, now_ns)
        if probe is None:
            target.give_up_asking()
        else:
            target.asked.add(probe.probe_id)
