"""The contract between a decided switch and what carries it out.

An executor turns an intent into a plan (pure, shown to people), applies it, and reads
back what is in force. Intents carry plain values; no Django and no health may enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Protocol

PATHWARDEN_PROTOCOL = 173
"""Our number in the kernel's ``rtm_protocol``: routes with any other are not ours to touch."""
MAIN_TABLE = 254
DEFAULT_PREFIXES = {4: "0.0.0.0/0", 6: "::/0"}


class ExecutorError(Exception):
    """A plan or switch that failed; ``retryable`` says whether trying again can help."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


@dataclass(frozen=True, slots=True)
class UplinkFacts:
    """How a member reaches the world: device, next hop ("" on a point-to-point link), source."""

    path_key: int
    name: str
    interface: str
    gateway: str = ""
    gateway6: str = ""
    source: str = ""
    source6: str = ""

    def next_hop(self, family: int) -> str:
        """The gateway of that IP family."""
        return self.gateway if family == 4 else self.gateway6

    def preferred_source(self, family: int) -> str:
        """The source address of that IP family."""
        return self.source if family == 4 else self.source6


@dataclass(frozen=True, slots=True)
class Route:
    """What a policy steers: ``family`` 4 or 6, ``prefix`` "default" or a network, table, metric."""

    family: int
    prefix: str = "default"
    table: int = MAIN_TABLE
    metric: int = 50


@dataclass(frozen=True, slots=True)
class Intent:
    """One decided switch; (``lease_epoch``, ``generation``) fences it against older ones."""

    policy_uid: str
    policy_name: str
    generation: int
    lease_epoch: int
    to_uplink: UplinkFacts
    from_uplink: UplinkFacts | None = None
    routes: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteChange:
    """One change of the kernel's routing: ``operation`` is replace or delete."""

    operation: str
    family: int
    prefix: str
    table: int
    metric: int
    interface: str = ""
    gateway: str = ""
    source: str = ""
    protocol: int = PATHWARDEN_PROTOCOL

    def text(self) -> str:
        """The change in the words of iproute2."""
        words = [f"ip -{self.family} route {self.operation} {self.prefix}"]
        words += [f"via {self.gateway}"] if self.gateway else []
        words += [f"dev {self.interface}"] if self.interface else []
        words += [f"src {self.source}"] if self.source else []
        words.append(f"table {self.table} metric {self.metric} proto {self.protocol}")
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Plan:
    """The exact changes of an intent and those that undo them."""

    intent: Intent
    changes: tuple[RouteChange, ...]
    inverse: tuple[RouteChange, ...]

    def text(self) -> str:
        """The plan for people, one change a line."""
        if not self.changes:
            return "The policy steers no routes: nothing would change."
        undo = [f"undo: {change.text()}" for change in self.inverse]
        return "\n".join([change.text() for change in self.changes] + undo)


@dataclass(frozen=True, slots=True)
class Applied:
    """The end of a switch; ``verified`` says that reading back found what was planned."""

    verified: bool
    duration_ms: float
    detail: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What is in force for a policy, as the executor finds it."""

    path_key: int
    generation: int
    lease_epoch: int
    changes: tuple[RouteChange, ...]


class RouteExecutor(Protocol):
    """One way of moving traffic. Methods raise ``ExecutorError``."""

    def plan(self, intent: Intent) -> Plan:
        """What ``apply`` would do; pure."""
        ...

    def apply(self, plan: Plan) -> Applied:
        """Do it, unless the fence refuses, and read back."""
        ...

    def observe(self, policy_uid: str) -> Observed | None:
        """What is in force for the policy; None when nothing of ours is."""
        ...


def route_changes(intent: Intent) -> Plan:
    """The plan of ``intent``: each route to the new uplink, the inverse in opposite order.

    Raises ``ExecutorError`` (not retryable) naming the value that cannot work.
    """
    changes = tuple(_route_over(route, intent.to_uplink) for route in intent.routes)
    inverse = tuple(
        _delete(route) if intent.from_uplink is None else _route_over(route, intent.from_uplink)
        for route in reversed(intent.routes)
    )
    return Plan(intent, changes, inverse)


def _route_over(route: Route, uplink: UplinkFacts) -> RouteChange:
    if not (uplink.interface or uplink.next_hop(route.family)):
        raise ExecutorError(
            f"{uplink.name} has neither an interface nor an IPv{route.family} gateway: "
            "set one on its uplink.",
            retryable=False,
        )
    return RouteChange(
        "replace",
        route.family,
        _prefix_of(route),
        route.table,
        route.metric,
        uplink.interface,
        _address("gateway", uplink.next_hop(route.family), route.family, uplink.name),
        _address("source", uplink.preferred_source(route.family), route.family, uplink.name),
    )


def _delete(route: Route) -> RouteChange:
    return RouteChange("delete", route.family, _prefix_of(route), route.table, route.metric)


def _prefix_of(route: Route) -> str:
    if route.family not in DEFAULT_PREFIXES:
        raise ExecutorError(f"family {route.family!r} is neither 4 nor 6.", retryable=False)
    if route.prefix == "default":
        return route.prefix
    try:
        network = ip_network(route.prefix)
    except ValueError as error:
        raise ExecutorError(f"prefix {route.prefix!r}: {error}.", retryable=False) from error
    if network.version != route.family:
        message = f"prefix {route.prefix} is not of IPv{route.family}."
        raise ExecutorError(message, retryable=False)
    return "default" if str(network) == DEFAULT_PREFIXES[route.family] else str(network)


def _address(field: str, value: str, family: int, name: str) -> str:
    if not value:
        return ""
    try:
        address = ip_address(value)
    except ValueError as error:
        raise ExecutorError(f"{field} of {name}: {error}.", retryable=False) from error
    if address.version != family:
        message = f"{field} {value} of {name} is not an IPv{family} address."
        raise ExecutorError(message, retryable=False)
    return str(address)
