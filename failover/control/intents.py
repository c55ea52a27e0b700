"""Orders for executors, from what is stored and what is known of uplinks this moment.

Reads rows that it is given and asks the database only for paths it was not given. No
executor is called here, but ``plan_for``, which is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath

from django.conf import settings

from failover.executors import EXECUTORS
from failover.executors.base import (
    Connections,
    ExecutorError,
    Intent,
    Plan,
    Route,
    UplinkFacts,
)
from failover.models import FailoverEvent, FailoverPolicy, PolicyRoute
from health.domain.uplink_state import LinkState, UplinkState
from health.models import CurrentUplink, Path

UplinkStates = Mapping[int, UplinkState]
NOTHING_KNOWN: UplinkStates = {}
AUTO = "auto"


def intent_of(
    event: FailoverEvent,
    policy: FailoverPolicy,
    lease_epoch: int,
    states: UplinkStates = NOTHING_KNOWN,
) -> Intent:
    """The order that ``event`` stands for; raises ``ExecutorError`` when its path is gone."""
    keys = [key for key in (event.from_path_id, event.to_path_id) if key is not None]
    paths = Path.objects.select_related("uplink").in_bulk(keys)
    if event.to_path_id not in paths:
        raise ExecutorError("The path to switch to has been deleted.", retryable=False)
    old = paths.get(event.from_path_id) if event.from_path_id is not None else None
    return make_intent(
        policy,
        paths[event.to_path_id],
        old,
        generation=event.generation,
        lease_epoch=lease_epoch,
        states=states,
    )


def make_intent(
    policy: FailoverPolicy,
    to_path: Path,
    from_path: Path | None,
    *,
    generation: int,
    lease_epoch: int,
    states: UplinkStates = NOTHING_KNOWN,
) -> Intent:
    """The order to carry ``policy`` over ``to_path``; paths come with their uplinks."""
    return Intent(
        policy_uid=str(policy.uid),
        policy_name=policy.name,
        generation=generation,
        lease_epoch=lease_epoch,
        to_uplink=uplink_facts(to_path, states),
        from_uplink=None if from_path is None else uplink_facts(from_path, states),
        routes=routes_of(policy),
        connections=Connections(policy.connections),
        options=policy.executor_options,
    )


def plan_for(
    policy: FailoverPolicy,
    to_path: Path,
    from_path: Path | None,
    states: UplinkStates = NOTHING_KNOWN,
) -> Plan:
    """What switching ``policy`` to ``to_path`` would change; raises ``ExecutorError``."""
    intent = make_intent(
        policy,
        to_path,
        from_path,
        generation=0,
        lease_epoch=0,
        states=states,
    )
    return EXECUTORS[policy.executor].make(executor_folder()).plan(intent)


def uplink_facts(path: Path, states: UplinkStates = NOTHING_KNOWN) -> UplinkFacts:
    """The next hops of a path's uplink: as configured, and where that says 'auto', as learned.

    What is neither configured nor known yet is left to the kernel.
    """
    uplink = path.uplink
    known = states.get(uplink.pk, UplinkState(uplink.pk))
    gateway = _chosen(4, (uplink.gateway, uplink.gateway6), known.gateway)
    gateway6 = _chosen(6, (uplink.gateway, uplink.gateway6), known.gateway6)
    # Not the learned ones: the kernel deletes a route with an address that a lease takes away.
    source = _chosen(4, (uplink.source, uplink.source6), "")
    source6 = _chosen(6, (uplink.source, uplink.source6), "")
    return UplinkFacts(
        path_key=path.pk,
        name=path.name,
        interface=uplink.interface,
        gateway=gateway,
        gateway6=gateway6,
        source=source,
        source6=source6,
        onlink=known.onlink and gateway == known.gateway,
        onlink6=known.onlink6 and gateway6 == known.gateway6,
        addresses=tuple(filter(None, (known.source, known.source6))),
        fwmark=uplink.fwmark or 0,
    )


def is_known(policy: FailoverPolicy, path: Path, states: UplinkStates) -> bool:
    """Whether an order over ``path`` can be made: an 'auto' gateway must have been looked for."""
    uplink = path.uplink
    configured = (uplink.gateway, uplink.gateway6)
    families = {route.family for route in policy.routes.all()}
    if not uplink.interface or all(_chosen(family, configured, "") for family in families):
        return True
    known = states.get(uplink.pk)
    return known is not None and known.link is not LinkState.UNKNOWN


def stored_uplink_states(paths: Iterable[Path]) -> dict[int, UplinkState]:
    """The uplinks of ``paths`` as a monitor has stored them last: for processes without one."""
    rows = CurrentUplink.objects.filter(uplink__in=[path.uplink_id for path in paths])
    return {
        row.pk: UplinkState(
            row.pk,
            link=LinkState(row.link),
            interface=row.interface,
            source=row.source,
            source6=row.source6,
            gateway=row.gateway,
            gateway6=row.gateway6,
        )
        for row in rows
    }


def routes_of(policy: FailoverPolicy) -> tuple[Route, ...]:
    """The routes a policy steers."""
    return tuple(route_of(route) for route in policy.routes.all())


def route_of(route: PolicyRoute) -> Route:
    """A row as executors want it."""
    return Route(route.family, route.prefix, route.table, route.metric, route.selectors)


def executor_folder() -> FilePath:
    """Where executors keep what must outlive their process."""
    return FilePath(settings.DATA_DIR) / "executors"


def _chosen(family: int, configured: tuple[str, str], learned: str) -> str:
    """The configured address of that family, else the learned one."""
    for address in configured:
        if address not in {"", AUTO} and (":" in address) == (family == 6):
            return address
    return learned
