"""Makes the network match what was decided: from an outbox row to an executor and back.

Called by the decision thread right after a switch has been committed, and again
for every row that a crash or an error left undone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError
from django.db.models import Q, QuerySet

from failover import services
from failover.control.executor_set import ExecutorSet
from failover.control.intents import UplinkStates, intent_of, is_known, plan_for
from failover.executors import EXECUTORS
from failover.executors.base import Applied, ExecutorError
from failover.models import FailoverEvent, FailoverPolicy, OutboxMessage, OutboxTopic
from health.models import CurrentHealth

__all__ = ["Actuator", "plan_for"]

log = logging.getLogger(__name__)

GIVE_UP_AFTER = 3
"""Attempts after which a switch is given up, if another path could carry the traffic."""


def _always(kind: str) -> bool:
    return True


class Actuator:
    """Carries switches out with the executor of their policy; one instance per monitor loop.

    ``may_use`` is asked before each one; ``on_ended`` is told of each that was carried out
    (True) and of each that won't happen (False).
    """

    def __init__(
        self,
        vantage_id: int,
        lease_epoch: int,
        *,
        executors: ExecutorSet | None = None,
        may_use: Callable[[str], bool] = _always,
        uplink_states: Callable[[], UplinkStates] = dict,
        on_ended: Callable[[FailoverEvent, bool], None] = lambda event, carried_out: None,
    ) -> None:
        self._vantage_id = vantage_id
        self._lease_epoch = lease_epoch
        self._executors = executors or ExecutorSet()
        self._may_use = may_use
        self._uplink_states = uplink_states
        self._on_ended = on_ended

    def carry_out_due(self, *, now: datetime) -> int:
        """Carry out every switch of this vantage that is due, the oldest first; returns how many.

        Orders to withdraw the routes of deleted policies are carried out as well.
        """
        due = OutboxMessage.objects.filter(done_at__isnull=True, next_attempt_at__lte=now)
        carried_out = sum(self._carry_out(message, now=now) for message in self._switches(due))
        for message in due.filter(
            topic=OutboxTopic.WITHDRAW, payload__vantage_id=self._vantage_id
        ).select_related("event"):
            self._withdraw(message, now=now)
        return carried_out

    def _switches(self, due: QuerySet[OutboxMessage]) -> QuerySet[OutboxMessage]:
        # A path that was deleted meanwhile belongs to no vantage: whoever sees it, ends it.
        mine = Q(event__to_path__uplink__vantage=self._vantage_id) | Q(event__to_path__isnull=True)
        rows = due.filter(mine, topic=OutboxTopic.ACTUATE)
        return rows.select_related("event__policy__state", "event__to_path__uplink").order_by("id")

    # --- a switch -----------------------------------------------------------------------
    def _carry_out(self, message: OutboxMessage, *, now: datetime) -> bool:
        event = message.event
        policy = event.policy
        state = getattr(policy, "state", None)
        if policy is None or state is None or state.generation != event.generation:
            services.supersede(message, now=now)
            return False
        if not self._may_use(policy.executor) or not self._is_known(event, policy):
            return False
        try:
            applied = self._apply(event, policy)
        except DatabaseError:
            raise
        except ExecutorError as error:
            log.error("switch of %s failed: %s", event.policy_name, error)
            self._failed(message, policy, str(error), retryable=error.retryable, now=now)
            return False
        except Exception as error:
            # A defect of one executor must not hold up the switches of other policies.
            log.exception("switch of %s failed", event.policy_name)
            said = f"{type(error).__name__}: {error}"
            self._failed(message, policy, said, retryable=True, now=now)
            return False
        finished_at = now + timedelta(milliseconds=applied.duration_ms)
        services.finish_switch(message, applied, now=finished_at)
        self._on_ended(event, True)
        log.info("%s now uses %s: %s", event.policy_name, event.to_path_name, event.reason)
        return True

    def _is_known(self, event: FailoverEvent, policy: FailoverPolicy) -> bool:
        """After a start: wait until the uplinks have been looked at."""
        path = event.to_path
        return path is None or is_known(policy, path, self._uplink_states())

    def _apply(self, event: FailoverEvent, policy: FailoverPolicy) -> Applied:
        executor = self._executors.of(policy.executor)
        intent = intent_of(event, policy, self._lease_epoch, self._uplink_states())
        applied = executor.apply(executor.plan(intent))
        if EXECUTORS[policy.executor].reads_back and not applied.verified:
            raise ExecutorError(
                f"Reading back found something else: {applied.detail}", retryable=True
            )
        return applied

    def _failed(
        self,
        message: OutboxMessage,
        policy: FailoverPolicy,
        error: str,
        *,
        retryable: bool,
        now: datetime,
    ) -> None:
        """Try again later, or give up so that the policy may choose another path."""
        event = message.event
        observed = self._executors.observe(policy.executor, str(policy.uid))
        in_force = event.from_path_id if observed is None else observed.path_key
        tried_enough = message.attempts + 1 >= GIVE_UP_AFTER
        if retryable and not (tried_enough and _has_alternative(event, policy)):
            services.fail_switch(message, error, retry=True, now=now)
            services.keep_trouble(policy.pk, error, path_id=in_force)
            return
        services.give_up(message, error, in_force=in_force, lease_epoch=self._lease_epoch, now=now)
        self._on_ended(event, False)

    # --- the routes of a deleted policy ---------------------------------------------------
    def _withdraw(self, message: OutboxMessage, *, now: datetime) -> None:
        kind, policy_uid = message.payload["executor"], message.payload["policy_uid"]
        if not self._may_use(kind):
            return
        try:
            self._executors.of(kind).remove(policy_uid)
        except Exception as error:
            log.exception("the routes of %s could not be withdrawn", message.event.policy_name)
            services.fail_switch(
                message, f"The routes are still there: {error}", retry=True, now=now
            )
            return
        services.close_message(message, now=now)


def _has_alternative(event: FailoverEvent, policy: FailoverPolicy) -> bool:
    """Whether a member answers that the switch neither leaves nor goes to."""
    others = policy.members.exclude(path__in=[event.from_path_id, event.to_path_id])
    return CurrentHealth.objects.filter(
        path__in=others.filter(path__enabled=True).values("path"), reachable=True
    ).exists()
