"""Which observer goes into which loop."""

from __future__ import annotations

from failover.control.controller import FailoverController
from health.engine.observers import RoundObserver
from health.monitoring.monitor import LoopContext


def make_observers(context: LoopContext) -> list[RoundObserver]:
    """The observers of a monitor loop: failover decides on what health measures."""
    return [FailoverController(context)]
