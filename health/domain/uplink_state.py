"""What is known of an uplink at this moment, as the engine wants it: plain values.

Found out by ``health.uplinks`` from the kernel, used by the engine for every
probe over that uplink. Decides nothing about paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LinkState(StrEnum):
    """What the kernel says about the interface of an uplink."""

    UP = "up"
    DOWN = "down"
    """Administratively down, without carrier, gone, or for seconds without an address that
    it should have by itself (a lapsed lease): proven locally."""
    UNKNOWN = "unknown"
    """The uplink names no interface, or nobody has looked yet."""


class RouteState(StrEnum):
    """Whether a probe is sure to leave over its own uplink."""

    NOT_NEEDED = "not_needed"
    """Probe route mode "none": the kernel's routing chooses."""
    VERIFIED = "verified"
    PENDING = "pending"
    """Not looked at yet."""
    UNUSABLE = "unusable"
    """Missing or wrong; ``detail`` of the state has the cure."""


@dataclass(frozen=True, slots=True)
class UplinkState:
    """One uplink now. Immutable and replaced whole; equal states mean equal packets.

    ``key`` is the primary key of the uplink. ``source`` and ``source6`` are the
    addresses probes leave from ("" lets the kernel choose), ``gateway`` and
    ``gateway6`` the next hops in force ("" on a point-to-point link or when there is
    none), ``index`` the kernel's number of ``interface`` (0: none). ``onlink`` and
    ``onlink6`` say that the gateway lies outside the networks of the link. ``detail`` is
    a sentence with the cure when something is wrong, else empty.
    """

    key: int
    link: LinkState = LinkState.UNKNOWN
    route: RouteState = RouteState.NOT_NEEDED
    route6: RouteState = RouteState.NOT_NEEDED
    interface: str = ""
    index: int = 0
    source: str = ""
    source6: str = ""
    gateway: str = ""
    gateway6: str = ""
    fwmark: int = 0
    detail: str = ""
    onlink: bool = False
    onlink6: bool = False

    def route_for(self, address: str) -> RouteState:
        """The state of the probe route of that address's family."""
        return self.route6 if ":" in address else self.route

    def source_for(self, address: str) -> str:
        """The source address of that address's family."""
        return self.source6 if ":" in address else self.source
