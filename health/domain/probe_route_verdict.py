"""Is a probe sure to leave over its own uplink, and will its answer be let in? Pure.

The kernel is asked as if a probe were sent; here its answer becomes a verdict and
a sentence with the cure.
"""

from __future__ import annotations

from typing import NamedTuple

from health.domain.probe_route import PRIORITY_MARK, TABLE_BASE
from health.domain.probe_route_choice import NextHop
from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec

TARGETS = {
    4: ("192.0.2.1", "1.1.1.1", "9.9.9.9"),
    6: ("2001:db8::1", "2606:4700:4700::1111", "2620:fe::fe"),
}
"""Addresses to ask the kernel about, by family; nothing is sent to them.

More than one, because any of them may have a special route on a host.
"""

ADMIN_CURE = (
    "give it CAP_NET_ADMIN (AmbientCapabilities=CAP_NET_ADMIN in the systemd unit), "
    "or set the probe route to 'external' and configure the routing yourself"
)


class Departure(NamedTuple):
    """How the kernel would send a packet: interface, gateway, table, or why not (``refusal``).

    ``guessed`` means that no route was found and the target taken for a neighbour
    on the link (which Linux does for IPv4 packets bound to an interface).
    """

    ifindex: int = 0
    interface: str = ""
    gateway: str = ""
    table: int = 0
    refusal: str = ""
    guessed: bool = False


def departure_problem(
    spec: UplinkSpec, family: int, expected: NextHop | None, departure: Departure
) -> str:
    """Why a probe would not take its own uplink, with the cure; "" when it would.

    ``expected`` None accepts whichever gateway there is (external, ``auto``).
    """
    if departure.refusal:
        what = f"the kernel finds no IPv{family} route over {spec.interface} ({departure.refusal})"
    elif departure.interface != spec.interface:
        what = (
            f"an IPv{family} probe bound to {spec.interface} would leave by "
            f"{departure.interface or 'another interface'}{_via(departure)}"
        )
    elif departure.guessed:
        what = (
            f"no IPv{family} default route over {spec.interface} counts for its probes: "
            "every target would be taken for a neighbour on the link"
        )
    elif expected is not None and departure.gateway != expected.gateway:
        what = (
            f"an IPv{family} probe would leave by gateway {departure.gateway or '(none)'} "
            f"(table {departure.table}) and not by {expected.gateway or '(none)'}"
        )
    else:
        return ""
    return f"{what}: {_departure_cure(spec, family, expected)}"


def _via(departure: Departure) -> str:
    via = f" via {departure.gateway}" if departure.gateway else ""
    return f"{via} (table {departure.table})"


def _departure_cure(spec: UplinkSpec, family: int, expected: NextHop | None) -> str:
    if spec.mode is ProbeRouteMode.MANAGED:
        return (
            f"another rule comes before Pathwarden's (priority {PRIORITY_MARK}), or somebody "
            f"deletes its routes; see `ip -{family} rule`"
        )
    table = spec.table or TABLE_BASE + spec.key
    gateway = expected.gateway if expected and expected.gateway else "GATEWAY"
    return (
        f"`ip -{family} route add default via {gateway} dev {spec.interface} table {table}` and "
        f"`ip -{family} rule add oif {spec.interface} lookup {table}`, "
        "or set the probe route to 'managed'"
    )


def return_problem(interface: str) -> str:
    """The sentence for answers that reverse path filtering would drop.

    This makes a probe route unusable and is no mere warning: every probe would be
    lost without any fault of the line, and a healthy path would look dead.
    """
    return (
        f"strict reverse path filtering drops the answers on {interface}, because the way back "
        f"to their senders is another interface: "
        f"`sysctl -w net.ipv4.conf.{interface}.rp_filter=2` (loose)"
    )


def foreign_routes_problem(table: int, protocol: int) -> str:
    """The sentence for a table that has routes of somebody else."""
    return (
        f"routing table {table} has routes of another owner (protocol {protocol}): choose "
        "another table for the uplink, or set the probe route to 'external'"
    )


def permission_problem() -> str:
    """The sentence for a process that may not change routes."""
    return f"this process may not change routes and rules: {ADMIN_CURE}"
