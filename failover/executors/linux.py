"""Moves traffic of this host by policy routes of its own: in the kernel, fenced, read back.

Synchronous, in the thread of whoever decides to act: netlink answers in microseconds.
What belongs to others is never replaced and never deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

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
from failover.executors.changes import Change, RuleChange
from failover.executors.connections import forget_connections
from failover.executors.fence import Passed
from failover.executors.fence_file import FileFence
from failover.executors.linux_errors import refusal
from failover.executors.linux_kernel import LinuxRouting, linux_routing
from failover.executors.linux_switch import Switch
from failover.executors.linux_view import View
from failover.executors.planning import proposal_problems, route_changes
from health.domain.probe_route_facts import Address, Link


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
        host = Host(routing.links(), routing.addresses())
        order = self._fence.passed(intent.policy_uid)
        view = View(routing, (*plan.changes, *(_known(order) if order else ())))
        _refuse_obstacles(view, host, plan)
        before = _observed(order, view)
        kept = host.addresses_of(intent.to_uplink.interface)
        read = self._clock()
        self._fence.remember(plan, before, kept)
        fenced = self._clock()
        count = Switch(routing, view, plan.changes, before.changes if before else ()).carry_out()
        verified = self._clock()
        # Also when nothing had to be changed: a predecessor may have been killed right here.
        forgotten = _forget(intent, _left_behind(intent, order, host), kept)
        return _told(plan, count, (verified - fenced, fenced - read), forgotten)

    def observe(self, policy_uid: str) -> Observed | None:
        """What the kernel has where the policy's orders put something; None when nothing."""
        order = self._fence.passed(policy_uid)
        if order is None:
            return None
        try:
            with linux_routing() as routing:
                routing.links()
                view = View(routing, _known(order))
        except OSError as error:
            raise refusal(error, None) from error
        return _observed(order, view)

    def remove(self, policy_uid: str) -> Applied:
        """Take away every route and rule of the policy, and its fence."""
        started = self._clock()
        with self._fence.turn(policy_uid):
            order = self._fence.passed(policy_uid)
            known = _known(order) if order else ()
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


class Host(NamedTuple):
    """The host's interfaces and addresses when an order came."""

    links: dict[str, Link]
    addresses: list[Address]

    def addresses_of(self, interface: str) -> tuple[str, ...]:
        """The addresses of one interface that packets to anywhere can bear."""
        link = self.links.get(interface)
        if link is None:
            return ()
        mine = (one for one in self.addresses if one.ifindex == link.ifindex)
        return tuple(one.address for one in mine if one.is_global)


def _known(order: Passed) -> tuple[Change, ...]:
    """Everything that an order and its predecessor may have left in the kernel."""
    return (*order.changes, *order.former_changes)


def _observed(order: Passed | None, view: View) -> Observed | None:
    found = view.found(_known(order)) if order is not None else ()
    if order is None or not found:
        return None
    path_key = None
    if found == order.changes and not view.differences(found):
        path_key = order.path_key
    elif found == order.former_changes and not view.differences(found):
        path_key = order.former_path_key
    return Observed(path_key, order.generation, order.lease_epoch, found)


def _refuse_obstacles(view: View, host: Host, plan: Plan) -> None:
    """Before anything is changed: what of others is in the way, and what would lead nowhere."""
    collisions = view.collisions(plan.changes)
    rules = [change for change in plan.changes if isinstance(change, RuleChange)]
    collisions += [problem.text() for problem in linux_check.dscp_problems(rules)]
    if collisions:
        raise ExecutorError(f"{' '.join(collisions)} Nothing was changed.", retryable=False)
    for route in linux_check.one_per_next_hop(plan.changes):
        name = plan.intent.to_uplink.name
        problem = linux_check.next_hop_problem(route, name, host.links, host.addresses)
        if problem:
            raise ExecutorError(f"{problem} Nothing was changed.", retryable=True)


def _left_behind(intent: Intent, order: Passed | None, host: Host) -> tuple[str, ...]:
    """The addresses that connections over the old uplink bear: given, recorded, and present."""
    left = intent.from_uplink
    if left is None:
        return ()
    recorded: tuple[str, ...] = ()
    if order is not None:
        same = order.path_key == left.path_key
        recorded = order.addresses if same else order.former_addresses
    given = (left.source, left.source6, *left.addresses)
    return tuple(filter(None, (*given, *recorded, *host.addresses_of(left.interface))))


def _forget(intent: Intent, old: tuple[str, ...], kept: tuple[str, ...]) -> str:
    """After the route and never before it; a failure here fails no switch."""
    stay = {*kept, *intent.to_uplink.addresses}
    sources = [address for address in dict.fromkeys(old) if address not in stay]
    mark = intent.from_uplink.fwmark if intent.from_uplink is not None else 0
    try:
        return forget_connections(intent.connections, sources, mark)
    except OSError as error:
        return f"Connections could not be forgotten ({error.strerror or error})."


def _told(plan: Plan, count: int, secs: tuple[float, float], forgotten: str) -> str:
    """``secs``: how long the change with its reading back took, and the fence."""
    what = "\n".join(change.text() for change in plan.changes) or "The policy steers no routes."
    how = "In force already"
    if count:
        changed_ms, committed_ms = (one * 1000.0 for one in secs)
        how = f"In force, read back after {changed_ms:.1f} ms (fence {committed_ms:.1f} ms)"
    return f"{how}:\n{what}\n{forgotten}".rstrip()
