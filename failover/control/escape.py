"""The one thing that is done while the database is away: a dead active path is left.

By an executor of this host only, under its fence, and only after the intent is on this
host's disk. Everything else holds. When the database is back the journal is imported,
before anything new is decided.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from django.db import InterfaceError, OperationalError

from failover import services
from failover.control.executor_set import ExecutorSet
from failover.control.intents import UplinkStates, make_intent
from failover.control.journal import Journal, JournalFull
from failover.control.journal_entries import end_entry, journaled_switches, switch_entry
from failover.control.messages import Order
from failover.domain.state import Cause
from failover.executors import EXECUTORS
from failover.executors.base import ExecutorError, Plan
from failover.models import FailoverPolicy
from failover.services import JournaledSwitch
from health.models import Path

log = logging.getLogger(__name__)


class EscapeHatch:
    """Carries dead paths' switches out without a database; one per monitor loop."""

    def __init__(self, journal: Journal, executors: ExecutorSet, lease_epoch: int) -> None:
        self._journal = journal
        self._executors = executors
        self._lease_epoch = lease_epoch
        journal.make_reserve()

    @property
    def is_waiting(self) -> bool:
        """True while something was done that the database does not know."""
        return not self._journal.is_empty()

    @staticmethod
    def is_for(order: Order, policy: FailoverPolicy) -> bool:
        """Whether ``order`` may be carried out without a database."""
        if order.switch is None or order.switch.cause is not Cause.DEAD:
            return False
        return policy.executor in EXECUTORS and EXECUTORS[policy.executor].is_local

    def leave(
        self, order: Order, policy: FailoverPolicy, states: UplinkStates, *, now: datetime
    ) -> bool:
        """Carry ``order`` out, of which ``is_for`` is true; True when it is in force."""
        try:
            plan = self._plan(order, policy, states)
            self._journal.append(switch_entry(order, policy, self._lease_epoch, now))
        except (ExecutorError, OSError, JournalFull) as error:
            log.error("%s cannot leave its dead path: %s", policy.name, error)
            return False
        return self._apply(order, policy, plan, now)

    def import_all(self, *, lease_epoch: int) -> None:
        """Bring everything into the database; raises ``DatabaseError`` while it is away."""
        entries = self._journal.entries()
        for policy_uid, journaled in journaled_switches(entries):
            try:
                self._import(policy_uid, journaled, lease_epoch)
            except (OperationalError, InterfaceError):
                raise
            except Exception:
                # The file stays beside the imported ones; policies must not wait for ever.
                log.exception("a switch of the journal can't be imported: %s", journaled.mark)
        self._journal.retire(len(entries))
        self._journal.make_reserve()

    def _import(self, policy_uid: str, journaled: JournaledSwitch, lease_epoch: int) -> None:
        policy = FailoverPolicy.objects.filter(uid=policy_uid).first()
        if policy is None:
            log.error("the policy of a journaled switch is gone: %s", journaled.mark)
            return
        services.import_switch(policy, journaled, lease_epoch=lease_epoch)
        log.warning("imported from the journal: %s", journaled.switch.reason)

    def _plan(self, order: Order, policy: FailoverPolicy, states: UplinkStates) -> Plan:
        switch = order.switch
        paths = dict(_members(policy))
        if switch is None or switch.to_key not in paths:
            raise ExecutorError("The path to switch to is no member.", retryable=False)
        old = None if switch.from_key is None else paths.get(switch.from_key)
        intent = make_intent(
            policy,
            paths[switch.to_key],
            old,
            generation=switch.generation,
            lease_epoch=self._lease_epoch,
            states=states,
        )
        return self._executors.of(policy.executor).plan(intent)

    def _apply(self, order: Order, policy: FailoverPolicy, plan: Plan, now: datetime) -> bool:
        try:
            applied = self._executors.of(policy.executor).apply(plan)
        except Exception as error:
            log.exception("%s could not leave its dead path", policy.name)
            self._tell(end_entry(order, policy, now, error=str(error)))
            return False
        self._tell(end_entry(order, policy, now, applied=applied))
        log.warning("the database is away, and %s has left its dead path", policy.name)
        return True

    def _tell(self, entry: dict[str, object]) -> None:
        """Its end is worth less than the switch: without it the import carries it out again."""
        try:
            self._journal.append(entry)
        except (OSError, JournalFull) as error:
            log.error("the end of a switch could not be kept: %s", error)


def _members(policy: FailoverPolicy) -> Iterator[tuple[int, Path]]:
    for member in policy.members.all():
        yield member.path_id, member.path
