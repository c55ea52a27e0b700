"""The executors of one process: each kind is made once, when it is first needed."""

from __future__ import annotations

import logging

from failover.control.intents import executor_folder
from failover.executors import EXECUTORS
from failover.executors.base import ExecutorError, Observed, RouteExecutor

log = logging.getLogger(__name__)


class ExecutorSet:
    """Gives the executor of a kind; refuses a kind that is not registered."""

    def __init__(self) -> None:
        self._made: dict[str, RouteExecutor] = {}

    def of(self, kind: str) -> RouteExecutor:
        """The executor of ``kind``; raises ``ExecutorError`` (not retryable)."""
        if kind not in EXECUTORS:
            raise ExecutorError(
                f"There is no executor {kind!r}; choose one of {', '.join(EXECUTORS)}.",
                retryable=False,
            )
        if kind not in self._made:
            self._made[kind] = EXECUTORS[kind].make(executor_folder())
        return self._made[kind]

    def observe(self, kind: str, policy_uid: str) -> Observed | None:
        """What is in force; None, too, when looking fails, which is said in the log."""
        try:
            return self.of(kind).observe(policy_uid)
        except Exception:
            log.exception("what is in force for policy %s can't be found out", policy_uid)
            return None
