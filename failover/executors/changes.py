"""What an executor may change in the kernel's routing, as plain values in iproute2's words.

Routes and the rules that lead chosen traffic into a table. Values are canonical, so that
what was planned and what the kernel says compare by ``==``. Decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

PATHWARDEN_PROTOCOL = 173
"""Our number in the kernel's ``rtm_protocol``: routes with any other are not ours to touch."""
MAIN_TABLE = 254


@dataclass(frozen=True, slots=True)
class Selectors:
    """Which traffic a rule leads into a table; what is empty or None matches everything.

    ``source`` and ``destination`` are networks, ``interface`` the one packets come in
    by, ``dscp`` 0–63 (RFC 2474), ``fwmark`` the whole firewall mark.
    """

    source: str = ""
    destination: str = ""
    interface: str = ""
    dscp: int | None = None
    fwmark: int | None = None

    def __bool__(self) -> bool:
        return self.count > 0

    @property
    def count(self) -> int:
        """How many selectors there are."""
        texts = (self.source, self.destination, self.interface)
        return sum(map(bool, texts)) + (self.dscp is not None) + (self.fwmark is not None)

    def text(self) -> str:
        """The selectors in the words of iproute2."""
        words = [f"from {self.source}"] if self.source else []
        words += [f"to {self.destination}"] if self.destination else []
        words += [f"iif {self.interface}"] if self.interface else []
        words += [f"dscp {self.dscp}"] if self.dscp is not None else []
        words += [f"fwmark {self.fwmark:#x}"] if self.fwmark is not None else []
        return " ".join(words)


NO_SELECTORS = Selectors()


@dataclass(frozen=True, slots=True)
class RouteChange:
    """One route: ``operation`` is replace or delete; ``onlink`` needs no network on the link."""

    operation: str
    family: int
    prefix: str
    table: int
    metric: int
    interface: str = ""
    gateway: str = ""
    source: str = ""
    protocol: int = PATHWARDEN_PROTOCOL
    onlink: bool = False

    def text(self) -> str:
        """The change in the words of iproute2."""
        words = [f"ip -{self.family} route {self.operation} {self.prefix}"]
        words += [f"via {self.gateway}"] if self.gateway else []
        words += [f"dev {self.interface}"] if self.interface else []
        words += [f"src {self.source}"] if self.source else []
        words.append(f"table {self.table} metric {self.metric} proto {self.protocol}")
        words += ["onlink"] if self.onlink else []
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule: ``operation`` is add (unless it is there already) or delete."""

    operation: str
    family: int
    table: int
    priority: int
    selectors: Selectors
    protocol: int = PATHWARDEN_PROTOCOL

    def text(self) -> str:
        """The change in the words of iproute2."""
        return (
            f"ip -{self.family} rule {self.operation} {self.selectors.text()} "
            f"lookup {self.table} priority {self.priority} protocol {self.protocol}"
        )


Change: TypeAlias = RouteChange | RuleChange
