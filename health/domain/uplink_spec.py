"""The configuration of an uplink as the probe routes want it: plain values, no database rows.

Made by ``health.selectors`` from the models, compared to find out what an edit changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

AUTO = "auto"


class ProbeRouteMode(StrEnum):
    """Who makes sure that a probe leaves over its own uplink."""

    NONE = "none"
    """Nobody: one uplink, or targets on this host."""
    MANAGED = "managed"
    """Pathwarden makes, verifies and repairs a table and its rules."""
    EXTERNAL = "external"
    """The box has policy routing already; Pathwarden only verifies it."""


@dataclass(frozen=True, slots=True)
class UplinkSpec:
    """One uplink. ``gateway``, ``source`` and their IPv6 twins are ``AUTO`` or an address.

    ``table`` and ``fwmark`` are 0 where none is configured; ``interface`` is ""
    where the kernel's routing chooses.
    """

    key: int
    uid: str
    name: str
    interface: str = ""
    mode: ProbeRouteMode = ProbeRouteMode.NONE
    gateway: str = AUTO
    gateway6: str = AUTO
    source: str = AUTO
    source6: str = AUTO
    table: int = 0
    fwmark: int = 0
