"""Moves traffic of this host by policy routes of its own: in the kernel, fenced, read back.

Synchronous, in the thread of whoever decides to act: netlink answers in microseconds.
What belongs to others is never replaced and never deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from failover.executors import linux_check
from failover.executors.base import (
    Applied,
    ExecutorError,
    Intent,
    Observed,
    Plan,
    Problem,
    Proposal,
)
from failover.executors.changes import RuleChange
from failover.executors.connections import forget_connections
from failover.executors.fence_file import FileFence
from failover.executors.linux_errors import refusal
from failover.executors.linux_kernel import LinuxRouting, linux_routing
from failover.executors.linux_switch import Switch
from failover.executors.linux_view import View
from failover.executors.planning import proposal_problems, route_changes


class LinuxExecutor:
    """Routes and rules in the network namespace of the calling thread.

    ``folder`` keeps the fence; ``clock`` gives seconds for durations.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.perf_counter) -> None:
        self._fence = FileFence(folder)
        self._clock = clock

    def plan(self, intent: Intent) -> Plan:
        """The exact changes and their inverse; raises ``ExecutorError`` on bad values."""
        for uplink in (intent.to_uplink, intent.from_uplink):
            if uplink is not None and not uplink.interface and intent.routes:
                raise ExecutorError(
                    f"{uplink.name} names no interface: a route needs one. Enter the uplink's.",
                    retryable=False,
                )
        return route_changes(intent)

    def apply(self, plan: Plan) -> Applied:
        """Make the kernel what the plan says, read it back, then forget connections.

        Raises ``ExecutorError`` when the fence refuses, when something of another owner
        is in the way, and after a failure that was taken back.
        """
        started = self._clock()
        with self._fence.turn(plan.intent.policy_uid):
            self._fence.check(plan.intent)
            try:
                with linux_routing() as routing:
                    detail = self._apply(routing, plan)
            except OSError as error:
                raise refusal(error, None) from error
        return Applied(True, (self._clock() - started) * 1000.0, detail)

    def _apply(self, routing: LinuxRouting, plan: Plan) -> str:
        intent = plan.intent
        routing.links()
        order = self._fence.passed(intent.policy_uid)
        known = (*order.changes, *order.former_changes) if order else ()
        view = View(routing, (*plan.changes, *known))
        _refuse_obstacles(routing, view, plan)
        before = _observed(self._fence, view, intent.policy_uid)
        addresses = routing.addresses_of(intent.to_uplink.interface)
        read = self._clock()
        self._fence.remember(plan, before, addresses)
        fenced = self._clock()
        count = Switch(routing, view, plan.changes, before.changes if before else ()).carry_out()
        verified = self._clock()
        old = order.addresses if order and _left(intent) == order.path_key else ()
        # Also when nothing had to be changed: a predecessor may have been killed right here.
        forgotten = self._forget(routing, intent, old, addresses)
        committed_ms, changed_ms = (fenced - read) * 1000.0, (verified - fenced) * 1000.0
        return _told(plan, count, changed_ms, committed_ms, forgotten)

    def _forget(
        self,
        routing: LinuxRouting,
        intent: Intent,
        recorded: tuple[str, ...],
        kept: tuple[str, ...],
    ) -> str:
        """After the route and never before it; a failure here fails no switch."""
        left = intent.from_uplink
        old: tuple[str, ...] = ()
        if left is not None:
            configured = tuple(filter(None, (left.source, left.source6)))
            now = routing.addresses_of(left.interface)
            old = (*configured, *left.addresses, *recorded, *now)
        new = (*kept, *intent.to_uplink.addresses)
        sources = [address for address in dict.fromkeys(old) if address not in new]
        try:
            return forget_connections(
                intent.connections, sources, left.fwmark if left is not None else 0
            )
        except OSError as error:
            return f"Connections could not be forgotten ({error.strerror or error})."

    def observe(self, policy_uid: str) -> Observed | None:
        """What the kernel has where the policy's orders put something; None when nothing."""
        order = self._fence.passed(policy_uid)
        if order is None:
            return None
        try:
            with linux_routing() as routing:
                routing.links()
                view = View(routing, (*order.changes, *order.former_changes))
        except OSError as error:
            raise refusal(error, None) from error
        return _observed(self._fence, view, policy_uid)

    def remove(self, policy_uid: str) -> Applied:
        """Take away every route and rule of the policy, and its fence."""
        started = self._clock()
        with self._fence.turn(policy_uid):
            order = self._fence.passed(policy_uid)
            known = (*order.changes, *order.former_changes) if order else ()
            try:
                with linux_routing() as routing:
                    routing.links()
                    view = View(routing, known)
                    gone = view.found(known)
                    Switch(routing, view, (), gone).carry_out()
            except OSError as error:
                raise refusal(error, None) from error
            self._fence.forget(policy_uid)
        removed = "\n".join(change.text() for change in gone)
        detail = f"Removed, read back:\n{removed}" if gone else "There was nothing to remove."
        return Applied(True, (self._clock() - started) * 1000.0, detail)

    def check(self, proposal: Proposal) -> list[Problem]:
        """Whether this host can carry the policy; changes nothing."""
        problems = proposal_problems(proposal)
        if problems:
            return problems
        try:
            with linux_routing() as routing:
                return linux_check.problems(proposal, routing)
        except OSError as error:
            return [Problem("executor", str(refusal(error, None)), "")]

    def adopt(self, policy_uid: str, *, lease_epoch: int, generation: int) -> None:
        """Set the fence's pair, also back: an operator says that the database is right."""
        self._fence.adopt(policy_uid, lease_epoch=lease_epoch, generation=generation)

    def known_policies(self) -> list[str]:
        """The uids of all policies that have ever been carried out here and not removed."""
        return self._fence.policies()


def _observed(fence: FileFence, view: View, policy_uid: str) -> Observed | None:
    order = fence.passed(policy_uid)
    if order is None:
        return None
    found = view.found((*order.changes, *order.former_changes))
    if not found:
        return None
    path_key = None
    if found == order.changes and not view.differences(found):
        path_key = order.path_key
    elif found == order.former_changes and not view.differences(found):
        path_key = order.former_path_key
    return Observed(path_key, order.generation, order.lease_epoch, found)


def _refuse_obstacles(routing: LinuxRouting, view: View, plan: Plan) -> None:
    """Before anything is changed: what of others is in the way, and what would lead nowhere."""
    collisions = view.collisions(plan.changes)
    rules = [change for change in plan.changes if isinstance(change, RuleChange)]
    collisions += [problem.text() for problem in linux_check.dscp_problems(rules)]
    if collisions:
        raise ExecutorError(f"{' '.join(collisions)} Nothing was changed.", retryable=False)
    links, addresses = routing.links(), routing.addresses()
    for route in linux_check.one_per_next_hop(plan.changes):
        name = plan.intent.to_uplink.name
        problem = linux_check.next_hop_problem(route, name, links, addresses)
        if problem:
            raise ExecutorError(f"{problem} Nothing was changed.", retryable=True)


def _left(intent: Intent) -> int | None:
    return intent.from_uplink.path_key if intent.from_uplink is not None else None


def _told(plan: Plan, count: int, changed_ms: float, committed_ms: float, forgotten: str) -> str:
    what = "\n".join(change.text() for change in plan.changes) or "The policy steers no routes."
    how = "In force already"
    if count:
        how = f"In force, read back after {changed_ms:.1f} ms (fence {committed_ms:.1f} ms)"
    return f"{how}:\n{what}\n{forgotten}".rstrip()
