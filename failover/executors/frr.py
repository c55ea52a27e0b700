"""The ``frr`` kind: static routes of FRR, entered and read back through vtysh.

For routers whose routes are FRR's, so that it can redistribute them and nobody fights over
them. Ours bear a tag; a static route with another one or none is never touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from failover.executors import frr_check
from failover.executors.base import (
    Applied,
    ExecutorError,
    Intent,
    Observed,
    Plan,
    Problem,
    Proposal,
)
from failover.executors.changes import Change, RouteChange
from failover.executors.fence import Passed
from failover.executors.fence_file import FileFence
from failover.executors.frr_host import dead_end, forget_old, read_host
from failover.executors.frr_options import FrrOptions, KeptOptions, options_error, read_options
from failover.executors.frr_plans import frr_plan, relabelled, routes_over
from failover.executors.frr_routes import line
from failover.executors.frr_switch import switch
from failover.executors.frr_vtysh import Deadline, View, look
from failover.outbound.errors import OutboundError

SWITCH_SECS = 2.0
"""For one order from its first question to the last look."""
UNDO_SECS = 1.0
"""For taking it back."""


class FrrExecutor:
    """Static routes of the FRR that ``vtysh`` reaches.

    ``folder`` keeps the fence; ``clock`` gives seconds for durations and deadlines.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.perf_counter) -> None:
        self._fence = FileFence(folder)
        self._kept = KeptOptions(folder)
        self._clock = clock

    def plan(self, intent: Intent) -> Plan:
        """The lines of configuration; raises ``ExecutorError`` (not retryable) on bad values."""
        return frr_plan(intent, _options(intent.options))

    def apply(self, plan: Plan) -> Applied:
        """Enter the new routes, take the old ones out, and see FRR use them.

        Raises ``ExecutorError`` when the fence refuses, when something of another owner is in
        the way, and after a failure that was taken back.
        """
        started = self._clock()
        deadline = self._deadline(SWITCH_SECS)
        with self._fence.turn(plan.intent.policy_uid):
            self._fence.check(plan.intent)
            detail = self._apply(plan, _options(plan.intent.options), deadline)
        return Applied(True, (self._clock() - started) * 1000.0, detail)

    def _apply(self, plan: Plan, options: FrrOptions, deadline: Deadline) -> str:
        intent, uid = plan.intent, plan.intent.policy_uid
        wanted = relabelled(plan.changes, options)
        order = self._fence.passed(uid)
        self._leave_former_options(uid, order, options)
        known = _known(order, options)
        if not (wanted or known):
            self._fence.remember(plan)
            return plan.text()
        view = look(options, (*wanted, *known), deadline)
        obstacles = view.obstacles(wanted)
        if obstacles:
            raise ExecutorError(" ".join(obstacles), retryable=False)
        host = read_host()
        problem = dead_end(wanted, intent.to_uplink, host)
        if problem:
            raise ExecutorError(problem, retryable=True)
        addresses = host.addresses_of(intent.to_uplink.interface)
        self._fence.remember(plan, _observed(order, view), addresses)
        count = switch(options, view, wanted, deadline, self._deadline(SWITCH_SECS + UNDO_SECS))
        # Also when nothing had to be changed: a predecessor may have been killed right here.
        forgotten = forget_old(intent, order, host)
        how = f"In force, read back ({count} lines):" if count else "In force already:"
        return "\n".join([how, *(line(one, options.vrf) for one in wanted), forgotten]).rstrip()

    def _leave_former_options(self, uid: str, order: Passed | None, options: FrrOptions) -> None:
        """What was made with other options is taken out first: FRR keeps one tag per distance."""
        former = [one for one in self._kept.read(uid) if one != options]
        self._kept.keep(uid, (options, *former))
        for other in former:
            self._take_out(other, order)
        self._kept.keep(uid, (options,))

    def observe(self, policy_uid: str) -> Observed | None:
        """What FRR has at the places of the policy's orders; None when nothing of ours."""
        order = self._fence.passed(policy_uid)
        kept = self._kept.read(policy_uid)
        if order is None or not kept:
            return None
        known = _known(order, kept[0])
        return _observed(order, look(kept[0], known, self._deadline(SWITCH_SECS)))

    def remove(self, policy_uid: str) -> Applied:
        """Take every route of the policy out of FRR, and forget its orders."""
        started = self._clock()
        gone: list[str] = []
        with self._fence.turn(policy_uid):
            order = self._fence.passed(policy_uid)
            for options in self._kept.read(policy_uid):
                gone += self._take_out(options, order)
            self._fence.forget(policy_uid)
            self._kept.forget(policy_uid)
        said = "\n".join(gone)
        detail = f"Removed, read back:\n{said}" if gone else "There was nothing to remove."
        return Applied(True, (self._clock() - started) * 1000.0, detail)

    def _take_out(self, options: FrrOptions, order: Passed | None) -> list[str]:
        """Take out what the orders made with ``options``; returns the lines that were."""
        known = _known(order, options)
        if not known:
            return []
        view = look(options, known, self._deadline(SWITCH_SECS))
        gone = [line(route, options.vrf) for route in view.routes]
        switch(options, view, (), self._deadline(SWITCH_SECS), self._deadline(SWITCH_SECS))
        return gone

    def check(self, proposal: Proposal) -> list[Problem]:
        """Whether this host's FRR can carry the policy; changes nothing."""
        try:
            options = _options(proposal.options)
            plans = [
                (member, routes_over(proposal.routes, member, options))
                for member in proposal.members
            ]
        except ExecutorError as error:
            return [Problem("executor_options", str(error), "")]
        return frr_check.problems(proposal, plans, options, self._deadline(SWITCH_SECS))

    def adopt(self, policy_uid: str, *, lease_epoch: int, generation: int) -> None:
        """Set the fence's pair, also back: an operator says that the database is right."""
        self._fence.adopt(policy_uid, lease_epoch=lease_epoch, generation=generation)

    def known_policies(self) -> list[str]:
        """The uids of all policies that have ever been carried out here and not removed."""
        return self._fence.policies()

    def _deadline(self, secs: float) -> Deadline:
        return Deadline(secs, self._clock)


def _options(written: object) -> FrrOptions:
    try:
        return read_options(written)  # type: ignore[arg-type] # it judges the shape itself
    except OutboundError as error:
        raise options_error(error) from error


def _known(order: Passed | None, options: FrrOptions) -> tuple[RouteChange, ...]:
    """Where the orders may have put something, if they were carried out with ``options``."""
    if order is None:
        return ()
    return relabelled((*order.changes, *order.former_changes), options)


def _observed(order: Passed | None, view: View) -> Observed | None:
    if order is None or not view.routes:
        return None
    former = order.former_changes
    used = tuple(one for one in order.changes if one in view.used)
    strange = tuple(one for one in view.routes if one not in order.changes)
    path_key: int | None = None
    found: tuple[Change, ...] = (*used, *strange)
    if found == order.changes:
        path_key = order.path_key
    elif set(view.routes) == set(former) == set(view.used):
        path_key, found = order.former_path_key, former
    return Observed(path_key, order.generation, order.lease_epoch, found)
