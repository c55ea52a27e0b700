"""What a kernel might say, for the tests of probe routes: two alike uplinks and variations."""

from __future__ import annotations

from typing import Any

from health.domain.probe_route_facts import DEFAULT, Address, Facts, Link, Route
from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec

WAN1 = Link(11, "wan1", up=True, running=True)
WAN2 = Link(12, "wan2", up=True, running=True)
PPP0 = Link(13, "ppp0", up=True, running=True, point_to_point=True)


def uplink(key: int = 1, **fields: Any) -> UplinkSpec:
    """A managed uplink, everything automatic."""
    fields.setdefault("interface", f"wan{key}")
    fields.setdefault("mode", ProbeRouteMode.MANAGED)
    return UplinkSpec(key, f"uid-{key}", f"line {key}", **fields)


def address(text: str, network: str = "", ifindex: int = 11, **flags: Any) -> Address:
    """A global address."""
    family = 6 if ":" in text else 4
    return Address(family, ifindex, text, network, flags.pop("is_global", True), **flags)


def default(gateway: str, ifindex: int = 11, **fields: Any) -> Route:
    """A default route of the system's."""
    family = 6 if ":" in gateway else 4
    fields.setdefault("table", 254)
    return Route(family, destination=DEFAULT[family], ifindex=ifindex, gateway=gateway, **fields)


def world(*things: Address | Route, links: tuple[Link, ...] = (WAN1, WAN2, PPP0)) -> Facts:
    """Facts with these addresses and default routes."""
    return Facts(
        {link.name: link for link in links},
        tuple(one for one in things if isinstance(one, Address)),
        tuple(one for one in things if isinstance(one, Route)),
    )
