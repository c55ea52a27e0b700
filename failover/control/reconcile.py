"""Desired versus actual: every few seconds each policy's routes are compared and repaired.

The wish is ``FailoverState``; what an executor can read back is the fact. Drift is repaired
with growing pauses; after three failed repairs nothing is tried until something changes.
Executors that cannot read back after a restart have nothing to compare.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import DatabaseError

from failover import services
from failover.control.executor_set import ExecutorSet
from failover.control.intents import UplinkStates, is_known, make_intent
from failover.executors import EXECUTORS
from failover.executors.base import Connections, ExecutorError, Observed, Plan
from failover.models import (
    FailoverPolicy,
    FailoverState,
    OutboxMessage,
    OutboxTopic,
    PolicyMode,
    RouteInForce,
)
from health.domain.uplink_state import LinkState
from health.models import Path

log = logging.getLogger(__name__)

EVERY_SECS = 5.0
SOON_SECS = 1.0
"""After a switch: somebody who fights over the route shows at once."""
FIRST_PAUSE_SECS = 5.0
LONGEST_PAUSE_SECS = 300.0
QUIET_SECS = 600.0
"""Without drift for so long, the next one is repaired at once again."""


@dataclass(slots=True)
class _Past:
    """Repairs of one policy so far; times are monotonic nanoseconds."""

    wanted: object = None
    repairs: int = 0
    last_ns: int = 0
    next_ns: int = 0


class Reconciler:
    """Looks after the routes of a vantage's policies; one per monitor loop.

    ``may_use`` says whether an executor may be used now.
    """

    def __init__(
        self,
        executors: ExecutorSet,
        lease_epoch: int,
        *,
        may_use: Callable[[str], bool],
        uplink_states: Callable[[], UplinkStates] = dict,
    ) -> None:
        self._executors = executors
        self._lease_epoch = lease_epoch
        self._may_use = may_use
        self._uplink_states = uplink_states
        self._pasts: dict[int, _Past] = {}
        self._next_ns = 0
        self._states_seen: UplinkStates = {}

    def take_news(self) -> bool:
        """True once after any uplink has changed; the next look is due at once then.

        With an address that was renewed the kernel deletes every route that prefers it or
        needs its network, ours included: five seconds would be long for the traffic.
        """
        states = self._uplink_states()
        if states == self._states_seen:
            return False
        self._states_seen, self._next_ns = states, 0
        return True

    def look_soon(self, *, now_ns: int) -> None:
        """Something was just changed: look sooner than usual."""
        self._next_ns = min(self._next_ns, now_ns + int(SOON_SECS * 1e9))

    def run_when_due(
        self, policies: Iterable[FailoverPolicy], *, now: datetime, now_ns: int
    ) -> None:
        """Compare and repair, unless that was done a moment ago."""
        if now_ns < self._next_ns:
            return
        self._next_ns = now_ns + int(EVERY_SECS * 1e9)
        self.run(policies, now=now, now_ns=now_ns)

    def run(
        self, policies: Iterable[FailoverPolicy], *, now: datetime, now_ns: int
    ) -> dict[int, str]:
        """Compare and repair now; by policy key the sentence what was found amiss."""
        mine = {policy.pk: policy for policy in policies if _is_ours_to_touch(policy)}
        states = FailoverState.objects.select_related("active_path__uplink").in_bulk(mine)
        in_force = RouteInForce.objects.in_bulk(mine)
        under_way = set(
            OutboxMessage.objects.filter(
                topic=OutboxTopic.ACTUATE, done_at__isnull=True, event__policy__in=mine
            ).values_list("event__policy", flat=True)
        )
        found: dict[int, str] = {}
        for key in mine.keys() - under_way:
            if key in states and states[key].active_path is not None:
                look = _Look(mine[key], states[key], in_force.get(key), now, now_ns)
                try:
                    said = self._look_after(look)
                except DatabaseError:
                    raise
                except Exception as error:
                    log.exception("the routes of %s could not be compared", mine[key].name)
                    said = str(error)
                if said:
                    found[key] = said
        return found

    def _look_after(self, look: _Look) -> str:
        policy, row = look.policy, look.row
        path = look.state.active_path
        if path is None or not is_known(policy, path, self._uplink_states()):
            return ""
        if not self._may_use(policy.executor):
            return ""
        if row is not None and row.executor != policy.executor:
            self._leave_executor(row)
            look.row = row = None
        kind = EXECUTORS.get(policy.executor)
        if kind is None or not kind.reads_back:
            return ""
        plan = self._plan(look, path)
        observed = self._executors.of(policy.executor).observe(str(policy.uid))
        if _matches(observed, plan):
            if row is not None and (row.trouble or row.path_id != look.state.active_path_id):
                services.clear_trouble(policy.pk, path_id=look.state.active_path_id)
            return ""
        drift = _drift(observed, plan)
        if self._may_repair(look, plan):
            self._repair(look, plan, observed, drift)
        return drift

    def _plan(self, look: _Look, path: Path) -> Plan:
        intent = make_intent(
            look.policy,
            path,
            None,
            generation=look.state.generation,
            lease_epoch=self._lease_epoch,
            states=self._uplink_states(),
        )
        # Traffic has not moved, so no connection needs to be forgotten.
        intent = replace(intent, connections=Connections.NONE)
        return self._executors.of(look.policy.executor).plan(intent)

    def _may_repair(self, look: _Look, plan: Plan) -> bool:
        """Not too often, not after three failures, not over a link that is down."""
        path = look.state.active_path
        uplink = None if path is None else self._uplink_states().get(path.uplink_id)
        past = self._pasts.setdefault(look.policy.pk, _Past())
        wanted = (look.state.generation, plan.changes, uplink)
        changed = past.wanted is not None and past.wanted != wanted
        past.wanted = wanted
        if uplink is not None and uplink.link is LinkState.DOWN:
            return False
        if changed or look.now_ns - past.last_ns > QUIET_SECS * 1e9:
            past.repairs, past.next_ns = 0, look.now_ns
        if changed:
            services.clear_trouble(look.policy.pk)
            return True
        failed = 0 if look.row is None else look.row.failed_repairs
        return failed < services.MAX_FAILED_REPAIRS and look.now_ns >= past.next_ns

    def _repair(self, look: _Look, plan: Plan, observed: Observed | None, drift: str) -> None:
        policy, epoch = look.policy, self._lease_epoch
        past = self._pasts[policy.pk]
        pause_secs = min(FIRST_PAUSE_SECS * 2 ** min(past.repairs, 8), LONGEST_PAUSE_SECS)
        past.repairs += 1
        past.last_ns, past.next_ns = look.now_ns, look.now_ns + int(pause_secs * 1e9)
        try:
            applied = self._executors.of(policy.executor).apply(plan)
            if not applied.verified:
                raise ExecutorError(applied.detail, retryable=True)
        except DatabaseError:
            raise
        except Exception as error:
            log.exception("the routes of %s could not be repaired", policy.name)
            services.record_failed_repair(
                policy,
                drift,
                str(error),
                in_force=None if observed is None else observed.path_key,
                lease_epoch=epoch,
                now=look.now,
            )
            return
        said = drift
        if look.row is None and observed is None:
            # A route that was never there is installed, not repaired.
            said, past.repairs, past.next_ns = "", 0, look.now_ns
        services.record_repair(policy, said, applied, lease_epoch=epoch, now=look.now)
        if said:
            log.warning("the routes of %s were put right: %s", policy.name, said)
        else:
            log.info("the routes of %s are in force", policy.name)

    def _leave_executor(self, row: RouteInForce) -> None:
        """The policy was given another executor: what the old one made is taken away."""
        if row.executor in EXECUTORS:
            self._executors.of(row.executor).remove(str(row.policy.uid))
        services.forget_in_force(row.pk)


@dataclass(slots=True)
class _Look:
    """One policy at one moment."""

    policy: FailoverPolicy
    state: FailoverState
    row: RouteInForce | None
    now: datetime
    now_ns: int


def _is_ours_to_touch(policy: FailoverPolicy) -> bool:
    """A policy that is off, or only observes, leaves the network alone."""
    return policy.enabled and policy.mode == PolicyMode.AUTOMATIC


def _matches(observed: Observed | None, plan: Plan) -> bool:
    if observed is None:
        return not plan.changes
    return observed.changes == plan.changes


def _drift(observed: Observed | None, plan: Plan) -> str:
    """What is missing and what is there instead, in the words of iproute2."""
    there = () if observed is None else observed.changes
    missing = [change.text() for change in plan.changes if change not in there]
    strange = [change.text() for change in there if change not in plan.changes]
    said = f"Missing: {'; '.join(missing)}." if missing else "There is more than was decided."
    return f"{said} Instead: {'; '.join(strange)}." if strange else said
