"""Executors that tell somebody else to move traffic: what they have in common.

The order is fenced on disk, told, and confirmed by whoever was told; what he really did
is his affair, so nothing is read back unless a kind can. Knows no kind.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from failover.executors.base import (
    Applied,
    ExecutorError,
    Intent,
    Observed,
    Plan,
    Problem,
    Proposal,
    UplinkFacts,
)
from failover.executors.fence_file import FileFence
from failover.outbound.errors import OutboundError


class TellingExecutor(ABC):
    """``folder`` keeps the fence; ``clock`` gives seconds for durations."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.perf_counter) -> None:
        self._fence = FileFence(folder)
        self._clock = clock

    # --- what differs between the kinds ---------------------------------------------------
    @abstractmethod
    def sentences(self, intent: Intent) -> tuple[str, ...]:
        """What will be told, for people; raises ``OutboundError`` on options that can't work."""

    @abstractmethod
    def tell(self, intent: Intent) -> str:
        """Tell it and return what was answered; raises ``OutboundError``."""

    def withdraw(self, policy_uid: str) -> str:
        """The policy is gone; nobody needs to be told unless a kind says so."""
        return "Nobody was told that the policy is gone."

    @abstractmethod
    def option_problems(self, options: Mapping[str, Any], proposal: Proposal) -> list[Problem]:
        """What is wrong with a policy's options of this kind."""

    # --- the contract ----------------------------------------------------------------------
    def plan(self, intent: Intent) -> Plan:
        """What will be told; raises ``ExecutorError`` (not retryable) on bad options."""
        try:
            return Plan(intent, (), (), self.sentences(intent))
        except OutboundError as error:
            raise ExecutorError(_of_options(error), retryable=error.retryable) from error

    def apply(self, plan: Plan) -> Applied:
        """Fence the order, then tell it; raises ``ExecutorError`` when nobody confirmed it."""
        started = self._clock()
        intent = plan.intent
        with self._fence.turn(intent.policy_uid):
            self._fence.check(intent)
            self._fence.remember(plan)
            try:
                answer = self.tell(intent)
            except OutboundError as error:
                raise ExecutorError(str(error), retryable=error.retryable) from error
        told = "\n".join(plan.told)
        return Applied(True, (self._clock() - started) * 1000.0, f"{told}\n{answer}".strip())

    def observe(self, policy_uid: str) -> Observed | None:
        """The last order that was told: what came of it nobody here can see."""
        order = self._fence.passed(policy_uid)
        if order is None:
            return None
        return Observed(order.path_key, order.generation, order.lease_epoch, ())

    def remove(self, policy_uid: str) -> Applied:
        """Forget the policy's orders."""
        started = self._clock()
        with self._fence.turn(policy_uid):
            try:
                said = self.withdraw(policy_uid)
            except OutboundError as error:
                raise ExecutorError(str(error), retryable=error.retryable) from error
            self._fence.forget(policy_uid)
        return Applied(True, (self._clock() - started) * 1000.0, said)

    def check(self, proposal: Proposal) -> list[Problem]:
        """Whether the options can work; nobody is told anything."""
        return self.option_problems(proposal.options, proposal)

    def adopt(self, policy_uid: str, *, lease_epoch: int, generation: int) -> None:
        """Set the fence's pair, also back: an operator says that the database is right."""
        self._fence.adopt(policy_uid, lease_epoch=lease_epoch, generation=generation)

    def known_policies(self) -> list[str]:
        """The uids of all policies whose orders were told here and that are not removed."""
        return self._fence.policies()


def order_values(intent: Intent) -> dict[str, Any]:
    """The order as JSON values: one shape for every program that is told."""
    return {
        "policy": intent.policy_name,
        "policy_uid": intent.policy_uid,
        "generation": intent.generation,
        "lease_epoch": intent.lease_epoch,
        "to": _uplink_values(intent.to_uplink),
        "from": _uplink_values(intent.from_uplink) if intent.from_uplink else None,
        "routes": [
            {
                "family": route.family,
                "prefix": route.prefix,
                "table": route.table,
                "metric": route.metric,
                "selectors": route.selectors.text(),
            }
            for route in intent.routes
        ],
    }


def named_problem(read: Callable[[], object]) -> list[Problem]:
    """What ``read`` has against the options, as a problem of their field; [] when nothing."""
    try:
        read()
    except OutboundError as error:
        return [Problem("executor_options", _of_options(error), "")]
    return []


def _of_options(error: OutboundError) -> str:
    return f"executor_options: {error}"


def _uplink_values(uplink: UplinkFacts) -> dict[str, Any]:
    return {
        "path": uplink.name,
        "path_id": uplink.path_key,
        "interface": uplink.interface,
        "gateway": uplink.gateway,
        "gateway6": uplink.gateway6,
        "source": uplink.source,
        "source6": uplink.source6,
    }
