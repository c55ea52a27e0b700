"""Makes the network match what was decided: from an outbox row to an executor and back.

Called by the decision thread right after a switch has been committed, and again
for every row that a crash or an error left undone.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path as FilePath

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q

from failover import services
from failover.executors import EXECUTORS
from failover.executors.base import ExecutorError, Intent, Plan, Route, RouteExecutor, UplinkFacts
from failover.models import FailoverEvent, FailoverPolicy, OutboxMessage, OutboxTopic
from health.models import Path

log = logging.getLogger(__name__)


class Actuator:
    """Carries switches out with the executor of their policy; one instance per monitor loop."""

    def __init__(self, vantage_id: int, lease_epoch: int) -> None:
        self._vantage_id = vantage_id
        self._lease_epoch = lease_epoch
        self._executors: dict[str, RouteExecutor] = {}

    def carry_out_due(self, *, now: datetime) -> None:
        """Carry out every switch of this vantage that is due, the oldest first."""
        due = (
            OutboxMessage.objects.filter(
                topic=OutboxTopic.ACTUATE,
                done_at__isnull=True,
                next_attempt_at__lte=now,
            )
            # A path that was deleted meanwhile belongs to no vantage: whoever sees it, ends it.
            .filter(
                Q(event__to_path__uplink__vantage=self._vantage_id) | Q(event__to_path__isnull=True)
            )
            .select_related("event__policy__state")
            .order_by("id")
        )
        for message in due:
            self._carry_out(message, now=now)

    def _carry_out(self, message: OutboxMessage, *, now: datetime) -> None:
        event = message.event
        policy = event.policy
        state = getattr(policy, "state", None)
        if policy is None or state is None or state.generation != event.generation:
            services.supersede(message, now=now)
            return
        try:
            executor = self._executor(policy.executor)
            applied = executor.apply(executor.plan(intent_of(event, policy, self._lease_epoch)))
        except ExecutorError as error:
            log.error("switch of %s failed: %s", event.policy_name, error)
            services.fail_switch(message, str(error), retry=error.retryable, now=now)
            return
        except DatabaseError:
            raise
        except Exception as error:
            # A defect of one executor must not hold up the switches of other policies.
            log.exception("switch of %s failed", event.policy_name)
            services.fail_switch(message, f"{type(error).__name__}: {error}", retry=True, now=now)
            return
        finished_at = now + timedelta(milliseconds=applied.duration_ms)
        services.finish_switch(message, applied, now=finished_at)
        log.info("%s now uses %s: %s", event.policy_name, event.to_path_name, event.reason)

    def _executor(self, kind: str) -> RouteExecutor:
        if kind not in EXECUTORS:
            raise ExecutorError(
                f"There is no executor {kind!r}; choose one of {', '.join(EXECUTORS)}.",
                retryable=False,
            )
        if kind not in self._executors:
            self._executors[kind] = EXECUTORS[kind].make(executor_folder())
        return self._executors[kind]


def intent_of(event: FailoverEvent, policy: FailoverPolicy, lease_epoch: int) -> Intent:
    """The order for the executor that ``event`` stands for."""
    paths = Path.objects.select_related("uplink").in_bulk(
        [key for key in (event.from_path_id, event.to_path_id) if key is not None]
    )
    if event.to_path_id not in paths:
        raise ExecutorError("The path to switch to has been deleted.", retryable=False)
    return Intent(
        policy_uid=str(policy.uid),
        policy_name=policy.name,
        generation=event.generation,
        lease_epoch=lease_epoch,
        to_uplink=uplink_facts(paths[event.to_path_id]),
        from_uplink=(
            uplink_facts(paths[event.from_path_id]) if event.from_path_id in paths else None
        ),
        routes=routes_of(policy),
    )


def plan_for(policy: FailoverPolicy, to_path: Path, from_path: Path | None) -> Plan:
    """What switching ``policy`` to ``to_path`` would change; raises ``ExecutorError``."""
    intent = Intent(
        policy_uid=str(policy.uid),
        policy_name=policy.name,
        generation=0,
        lease_epoch=0,
        to_uplink=uplink_facts(to_path),
        from_uplink=uplink_facts(from_path) if from_path else None,
        routes=routes_of(policy),
    )
    return EXECUTORS[policy.executor].make(executor_folder()).plan(intent)


def uplink_facts(path: Path) -> UplinkFacts:
    """The next hop of a path's uplink, as configured ('auto' is left to the kernel)."""
    uplink = path.uplink
    gateway = "" if uplink.gateway == "auto" else uplink.gateway
    source = "" if uplink.source == "auto" else uplink.source
    return UplinkFacts(
        path_key=path.pk,
        name=path.name,
        interface=uplink.interface,
        gateway="" if ":" in gateway else gateway,
        gateway6=gateway if ":" in gateway else "",
        source="" if ":" in source else source,
        source6=source if ":" in source else "",
    )


def routes_of(policy: FailoverPolicy) -> tuple[Route, ...]:
    """The routes a policy steers."""
    return tuple(
        Route(route.family, route.prefix, route.table, route.metric)
        for route in policy.routes.all()
    )


def executor_folder() -> FilePath:
    """Where executors keep what must outlive their process."""
    return FilePath(settings.DATA_DIR) / "executors"
