"""Can this host's FRR carry a policy? Reads and changes nothing.

What cannot work blocks; what may be meant so warns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from failover.executors.base import ExecutorError, Problem, Proposal, UplinkFacts
from failover.executors.changes import RouteChange
from failover.executors.frr_host import dead_end, read_host
from failover.executors.frr_options import FrrOptions
from failover.executors.frr_vtysh import Deadline, look
from failover.executors.linux_check import undeclared, unverified

MemberRoutes: TypeAlias = tuple[UplinkFacts, tuple[RouteChange, ...]]


def problems(
    proposal: Proposal,
    plans: Sequence[MemberRoutes],
    options: FrrOptions,
    deadline: Deadline,
) -> list[Problem]:
    """What speaks against the policy; ``plans`` has each member's routes."""
    routes = plans[0][1] if plans else ()
    found = [*unverified(proposal), *undeclared(proposal, routes), *_sources(plans)]
    found += [Problem("members", text, "") for text in _dead_ends(plans)]
    if not routes:
        return found
    try:
        view = look(options, routes, deadline)
    except ExecutorError as error:
        # The web's user need not be one who may speak to FRR; the monitor's has to.
        return [*found, Problem("executor", str(error), "", blocks=proposal.carried_here)]
    return [*found, *(Problem("routes", text, "") for text in view.obstacles(routes))]


def _dead_ends(plans: Iterable[MemberRoutes]) -> Iterator[str]:
    try:
        host = read_host()
    except ExecutorError as error:
        yield str(error)
        return
    told = (dead_end(routes, uplink, host) for uplink, routes in plans)
    yield from filter(None, told)


def _sources(plans: Iterable[MemberRoutes]) -> Iterator[Problem]:
    for uplink, _ in plans:
        if uplink.source or uplink.source6:
            yield Problem(
                "members",
                f"{uplink.name} has a source address, which a static route of FRR can't prefer.",
                "Use a route-map with `set src` and `ip protocol static route-map`.",
                blocks=False,
            )
