"""The fence: an executor never carries out an order older than the last one it obeyed.

A monitor that was frozen while a successor took over may wake up and still hold a
decision. Pairs of (lease epoch, generation) only ever grow; an equal pair is a retry or
a repair and must name the same target. Keeps its memory in this process only.
"""

from __future__ import annotations

from typing import NamedTuple

from failover.executors.base import ExecutorError, Intent


class Passed(NamedTuple):
    """The newest order that was let through."""

    lease_epoch: int
    generation: int
    path_key: int


class Fence:
    """The newest order per policy."""

    def __init__(self) -> None:
        self._newest: dict[str, Passed] = {}

    def check(self, intent: Intent) -> None:
        """Raise ``ExecutorError`` (not retryable) when ``intent`` is not the newest order."""
        newest = self._newest.get(intent.policy_uid)
        if newest is None:
            return
        order = (intent.lease_epoch, intent.generation)
        applied = (newest.lease_epoch, newest.generation)
        said = f"epoch {order[0]} generation {order[1]} of {intent.policy_name}"
        if order < applied:
            raise ExecutorError(
                f"{said} is older than epoch {applied[0]} generation {applied[1]}: refused.",
                retryable=False,
            )
        if order == applied and intent.to_uplink.path_key != newest.path_key:
            raise ExecutorError(
                f"{said} was already carried out for path {newest.path_key}, "
                f"not for path {intent.to_uplink.path_key}: refused.",
                retryable=False,
            )

    def remember(self, intent: Intent) -> None:
        """Let nothing older than ``intent`` pass from now on."""
        self._newest[intent.policy_uid] = Passed(
            intent.lease_epoch, intent.generation, intent.to_uplink.path_key
        )

    def forget(self, policy_uid: str) -> None:
        """The policy is gone; one of the same uid begins anew."""
        self._newest.pop(policy_uid, None)
