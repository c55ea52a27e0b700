"""The host below FRR: its interfaces and addresses, and the connections it tracks."""

from __future__ import annotations

from collections.abc import Iterable

from failover.executors.base import Intent, UplinkFacts
from failover.executors.changes import RouteChange
from failover.executors.connections import forget_connections
from failover.executors.fence import Passed
from failover.executors.linux import Host
from failover.executors.linux_check import next_hop_problem, one_per_next_hop
from failover.executors.linux_errors import refusal
from failover.executors.linux_kernel import linux_routing


def read_host() -> Host:
    """The host as it is now; raises ``ExecutorError`` when the kernel can't be asked."""
    try:
        with linux_routing() as routing:
            return Host(routing.links(), routing.addresses())
    except OSError as error:
        raise refusal(error, None) from error


def dead_end(routes: Iterable[RouteChange], uplink: UplinkFacts, host: Host) -> str:
    """Why ``routes`` over ``uplink`` would lead nowhere; "" if they lead.

    Of a gateway alone FRR finds the interface by itself.
    """
    told = (
        next_hop_problem(route, uplink.name, host.links, host.addresses)
        for route in one_per_next_hop(routes)
        if route.interface
    )
    return next(filter(None, told), "")


def forget_old(intent: Intent, order: Passed | None, host: Host) -> str:
    """What was forgotten, as a sentence, "" for nothing; a failure here fails no switch.

    ``order`` is the one that was in force before ``intent``.
    """
    left = intent.from_uplink
    old: tuple[str, ...] = ()
    if left is not None:
        recorded: tuple[str, ...] = ()
        if order is not None:
            same = order.path_key == left.path_key
            recorded = order.addresses if same else order.former_addresses
        given = (left.source, left.source6, *left.addresses)
        old = (*given, *recorded, *host.addresses_of(left.interface))
    new = (*host.addresses_of(intent.to_uplink.interface), *intent.to_uplink.addresses)
    sources = [address for address in dict.fromkeys(filter(None, old)) if address not in new]
    try:
        return forget_connections(intent.connections, sources, left.fwmark if left else 0)
    except OSError as error:
        return f"Connections could not be forgotten ({error.strerror or error})."
