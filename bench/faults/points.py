"""The named crash points: where a process kills itself, by wrapping what the product calls.

Only the harness's own processes install them. kill -9 of itself is what an operator's
``kill -9`` does: nothing is flushed, nothing is closed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

POINTS = (
    "before-transaction-1",
    "inside-transaction-1",
    "after-transaction-1",
    "before-route",
    "after-route",
    "after-read-back",
    "inside-transaction-2",
    "after-transaction-2",
)


class CrashAt:
    """Dies when ``point`` is reached for the ``nth`` time; an empty point never."""

    def __init__(self, point: str, nth: int) -> None:
        if point and point not in POINTS:
            message = f"no crash point {point!r}; there are {', '.join(POINTS)}"
            raise ValueError(message)
        self._point = point
        self._left = nth

    def __call__(self, point: str) -> None:
        """Die here, if this is the place and the time."""
        if point != self._point:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self, *, on_linux: bool) -> None:
        """Wrap the calls of the product around which the points lie."""
        from failover.control.decision_thread import DecisionThread
        from failover.models import OutboxMessage
        from failover.services import outcomes

        self._wrap(DecisionThread, "_write", "before-transaction-1", "after-transaction-1")
        self._wrap(OutboxMessage.objects, "create", "", "inside-transaction-1")
        self._wrap(outcomes, "keep_in_force", "", "inside-transaction-2")
        import failover.services

        self._wrap(failover.services, "finish_switch", "", "after-transaction-2")
        if on_linux:
            from failover.executors import linux
            from failover.executors.linux_switch import Switch

            self._wrap(Switch, "carry_out", "before-route", "")
            self._wrap(Switch, "_verify", "after-route", "")
            self._wrap(linux, "_forget", "after-read-back", "")

    def _wrap(self, owner: Any, name: str, before: str, after: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def call(*args: Any, **options: Any) -> Any:
            if before:
                self(before)
            result = real(*args, **options)
            if after:
                self(after)
            return result

        setattr(owner, name, call)
