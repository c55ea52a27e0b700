"""The fence: an executor never carries out an order older than the last one it let through.

A monitor that was frozen while a successor took over may wake up and still hold a
decision. Pairs of (lease epoch, generation) only ever grow; an equal pair is a retry or
a repair and must name the same target. Keeps its memory in this process only;
``fence_file`` keeps it on disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from failover.executors.base import Change, ExecutorError, Intent, Observed, Plan


@dataclass(frozen=True, slots=True)
class Passed:
    """The newest order that was let through, and what stood before it was carried out.

    ``addresses`` are those of the interface it moved traffic to, ``former_addresses``
    those of the one before.
    """

    lease_epoch: int
    generation: int
    path_key: int
    changes: tuple[Change, ...] = ()
    former_path_key: int | None = None
    former_changes: tuple[Change, ...] = ()
    addresses: tuple[str, ...] = ()
    former_addresses: tuple[str, ...] = ()


class Fence:
    """The newest order per policy."""

    def __init__(self) -> None:
        self._newest: dict[str, Passed] = {}

    @contextmanager
    def turn(self, policy_uid: str) -> Iterator[None]:
        """While the block lasts nobody else on this host carries out orders of the policy."""
        yield

    def passed(self, policy_uid: str) -> Passed | None:
        """The newest order that was let through."""
        return self._newest.get(policy_uid)

    def check(self, intent: Intent) -> None:
        """Raise ``ExecutorError`` (not retryable) when ``intent`` is not the newest order."""
        newest = self.passed(intent.policy_uid)
        if newest is None:
            return
        order = (intent.lease_epoch, intent.generation)
        applied = (newest.lease_epoch, newest.generation)
        said = f"epoch {order[0]} generation {order[1]} of {intent.policy_name}"
        if order < applied:
            raise ExecutorError(
                f"{said} is older than epoch {applied[0]} generation {applied[1]}: refused. "
                "After a restore of the database, `manage.py reconcile --adopt` makes it valid.",
                retryable=False,
            )
        if order == applied and intent.to_uplink.path_key != newest.path_key:
            raise ExecutorError(
                f"{said} was already carried out for path {newest.path_key}, "
                f"not for path {intent.to_uplink.path_key}: refused.",
                retryable=False,
            )

    def remember(
        self, plan: Plan, before: Observed | None = None, addresses: tuple[str, ...] = ()
    ) -> None:
        """Let nothing older than the plan's intent pass from now on."""
        intent = plan.intent
        last = self.passed(intent.policy_uid)
        repeated = last is not None and last.path_key == intent.to_uplink.path_key
        former = (last.former_addresses if repeated else last.addresses) if last else ()
        order = Passed(
            intent.lease_epoch,
            intent.generation,
            intent.to_uplink.path_key,
            plan.changes,
            before.path_key if before else None,
            before.changes if before else (),
            addresses,
            former,
        )
        self._store(intent.policy_uid, order)

    def _store(self, policy_uid: str, order: Passed) -> None:
        self._newest[policy_uid] = order

    def forget(self, policy_uid: str) -> None:
        """The policy is gone; one of the same uid begins anew."""
        self._newest.pop(policy_uid, None)
