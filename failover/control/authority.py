"""May this loop change the network now, and by which executor?

The lease decides, and after a predecessor whose end is not proven, time: an order of that
one may still be under way for as long as its executor may take. Nothing is changed here.
"""

from __future__ import annotations

from failover.executors import EXECUTORS
from health.monitoring.monitor import LoopContext


class Authority:
    """Asked before every change; begins to count at its making, when the lease was taken."""

    def __init__(self, context: LoopContext) -> None:
        self._context = context
        self._began_ns = context.clock.monotonic_ns()

    def may_act(self) -> bool:
        """True while the lease is certainly ours."""
        return self._context.may_act()

    def may_use(self, kind: str) -> bool:
        """True when nothing of a predecessor can be under way in that kind of executor."""
        return self.may_act() and self.lock_delay_left_secs(kind) <= 0.0

    def lock_delay_left_secs(self, kind: str) -> float:
        """How long the predecessor's last order may still take; 0 when it provably ended."""
        if self._context.lease.predecessor_gone or kind not in EXECUTORS:
            return 0.0
        passed_secs = (self._context.clock.monotonic_ns() - self._began_ns) / 1e9
        return max(0.0, EXECUTORS[kind].timeout_secs - passed_secs)
