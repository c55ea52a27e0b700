"""The contract between a decided switch and what carries it out.

An executor turns an intent into a plan (pure, shown to people), applies it, and reads
back what is in force. Intents carry plain values; no Django and no health may enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from failover.executors.changes import (
    MAIN_TABLE,
    NO_SELECTORS,
    PATHWARDEN_PROTOCOL,
    Change,
    RouteChange,
    RuleChange,
    Selectors,
)

__all__ = [
    "MAIN_TABLE",
    "PATHWARDEN_PROTOCOL",
    "Applied",
    "Change",
    "Connections",
    "ExecutorError",
    "Intent",
    "Observed",
    "Plan",
    "Problem",
    "Proposal",
    "Route",
    "RouteChange",
    "RouteExecutor",
    "RuleChange",
    "Selectors",
    "UplinkFacts",
]


class ExecutorError(Exception):
    """A plan or switch that failed; ``retryable`` says whether trying again can help."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class Connections(StrEnum):
    """Which tracked connections are forgotten after a switch, so that they start anew."""

    NONE = "none"
    OLD_PATH = "old_path"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class UplinkFacts:
    """How a member reaches the world: device, next hop ("" on a point-to-point link), source.

    ``source`` is what the route shall prefer ("" leaves it to the kernel). ``onlink``
    says that the gateway lies outside the networks of the interface. ``addresses`` are
    the addresses known of the interface and ``fwmark`` the mark of its traffic (0:
    none); both serve to find the connections that used it.
    """

    path_key: int
    name: str
    interface: str
    gateway: str = ""
    gateway6: str = ""
    source: str = ""
    source6: str = ""
    onlink: bool = False
    onlink6: bool = False
    addresses: tuple[str, ...] = ()
    fwmark: int = 0

    def next_hop(self, family: int) -> str:
        """The gateway of that IP family."""
        return self.gateway if family == 4 else self.gateway6

    def preferred_source(self, family: int) -> str:
        """The source address of that IP family."""
        return self.source if family == 4 else self.source6

    def is_onlink(self, family: int) -> bool:
        """Whether the gateway of that IP family needs no network on the link."""
        return self.onlink if family == 4 else self.onlink6


@dataclass(frozen=True, slots=True)
class Route:
    """What a policy steers: ``family`` 4 or 6, ``prefix`` "default" or a network, table, metric.

    With ``selectors`` a rule leads that traffic into the table; several routes that
    differ in their selectors alone are one route and several rules.
    """

    family: int
    prefix: str = "default"
    table: int = MAIN_TABLE
    metric: int = 50
    selectors: Selectors = NO_SELECTORS


@dataclass(frozen=True, slots=True)
class Intent:
    """One decided switch; (``lease_epoch``, ``generation``) fences it against older ones.

    ``options`` are the policy's own for its kind of executor.
    """

    policy_uid: str
    policy_name: str
    generation: int
    lease_epoch: int
    to_uplink: UplinkFacts
    from_uplink: UplinkFacts | None = None
    routes: tuple[Route, ...] = ()
    connections: Connections = Connections.NONE
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The exact changes of an intent and those that undo them.

    ``told`` are the sentences about what somebody else is told, where he moves the traffic.
    """

    intent: Intent
    changes: tuple[Change, ...]
    inverse: tuple[Change, ...]
    told: tuple[str, ...] = ()

    def text(self) -> str:
        """The plan for people, one change a line."""
        if self.told:
            return "\n".join(self.told)
        if not self.changes:
            return "The policy steers no routes: nothing would change."
        after = [f"then: {self.connections_text()}"] if self.connections_text() else []
        undo = [f"undo: {change.text()}" for change in self.inverse]
        return "\n".join([*(change.text() for change in self.changes), *after, *undo])

    def connections_text(self) -> str:
        """Which connections are forgotten after the routes; "" for none."""
        old = self.intent.from_uplink
        if self.intent.connections is Connections.ALL:
            return "forget all tracked connections"
        if self.intent.connections is Connections.NONE or old is None:
            return ""
        sources = dict.fromkeys([*filter(None, (old.source, old.source6)), *old.addresses])
        marked = f", and those with mark {old.fwmark:#x}" if old.fwmark else ""
        known = ", ".join(sources) or f"the addresses of {old.interface or old.name}"
        return f"forget connections whose answers come to {known}{marked}"


@dataclass(frozen=True, slots=True)
class Applied:
    """The end of a switch; ``verified`` says that reading back found what was planned."""

    verified: bool
    duration_ms: float
    detail: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What is in force for a policy, as the executor finds it.

    ``path_key`` is the member whose plan this is exactly, or None when it is nobody's
    (drift); ``generation`` and ``lease_epoch`` are those of the newest order let
    through. ``changes`` compare with those of a plan by ``==``.
    """

    path_key: int | None
    generation: int
    lease_epoch: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy that somebody wants to enable; ``members`` in their order, the primary first.

    ``unverified`` has, by path key, why the probe route of a member is not verified;
    ``carried_here`` says that this very process would carry the policy out.
    """

    policy_uid: str
    policy_name: str
    members: tuple[UplinkFacts, ...]
    routes: tuple[Route, ...]
    unverified: Mapping[int, str] = field(default_factory=dict)
    ipv6_default_declared: bool = False
    carried_here: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a policy cannot be enabled (``blocks``) or what is worth knowing before."""

    field: str
    sentence: str
    cure: str
    blocks: bool = True

    def text(self) -> str:
        """Sentence and cure."""
        return f"{self.sentence} {self.cure}".strip()


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

    def remove(self, policy_uid: str) -> Applied:
        """Take away everything of the policy and forget its orders; content when nothing is."""
        ...

    def check(self, proposal: Proposal) -> list[Problem]:
        """Whether this host can carry the policy; changes nothing."""
        ...
