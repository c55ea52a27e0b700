"""From an intent to static routes of FRR: pure, and what a plan says to people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from failover.executors.base import ExecutorError, Intent, Plan, Route, UplinkFacts
from failover.executors.changes import MAIN_TABLE, Change, RouteChange
from failover.executors.frr_options import FrrOptions
from failover.executors.frr_routes import line
from failover.executors.planning import route_changes


def frr_plan(intent: Intent, options: FrrOptions) -> Plan:
    """The plan of ``intent``; raises ``ExecutorError`` (not retryable) naming the value."""
    changes = routes_over(intent.routes, intent.to_uplink, options)
    old = intent.from_uplink
    before = routes_over(intent.routes, old, options) if old is not None else ()
    inverse = before or tuple(replace(one, operation="delete") for one in changes)
    plan = Plan(intent, changes, inverse)
    return replace(plan, told=_told(plan, before, options))


def routes_over(
    routes: Iterable[Route], uplink: UplinkFacts, options: FrrOptions
) -> tuple[RouteChange, ...]:
    """The routes over ``uplink`` as FRR can have them; raises ``ExecutorError``."""
    wanted = tuple(routes)
    for route in wanted:
        if route.selectors:
            raise ExecutorError(
                f"{route.selectors.text()}: static routes of FRR choose by destination alone. "
                "Use the executor linux for rules.",
                retryable=False,
            )
        if options.vrf and route.table != MAIN_TABLE:
            raise ExecutorError(
                f"table {route.table} and vrf {options.vrf}: a VRF has a table of its own. "
                f"Leave the route's table at {MAIN_TABLE}.",
                retryable=False,
            )
    plan = route_changes(Intent("", "", 0, 0, uplink, None, wanted))
    return relabelled(plan.changes, options)


def relabelled(changes: Iterable[Change], options: FrrOptions) -> tuple[RouteChange, ...]:
    """The routes of ``changes`` with the distance and tag of ``options``, each once."""
    routes = (one for one in changes if isinstance(one, RouteChange))
    return tuple(
        dict.fromkeys(
            replace(one, metric=options.distance, protocol=options.tag, source="") for one in routes
        )
    )


def _told(plan: Plan, before: tuple[RouteChange, ...], options: FrrOptions) -> tuple[str, ...]:
    new = [line(one, options.vrf) for one in plan.changes if isinstance(one, RouteChange)]
    if not new:
        return ()
    old = [text for one in before if (text := line(one, options.vrf)) not in new]
    after = [f"then: {plan.connections_text()}"] if plan.connections_text() else []
    return (
        *new,
        *(f"then: no {text}" for text in old),
        *after,
        *(f"undo: {text}" for text in old),
        *(f"undo: no {text}" for text in new),
    )
