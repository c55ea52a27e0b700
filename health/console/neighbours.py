"""What pages of ``health`` show that ``health`` itself does not know.

Maintenance and policies belong to ``failover``, which ``health`` must not import. The
composition root passes an object of this shape to every view of ``health.console.urls``.
Functions only; nothing here reads the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """One policy that has the path as a member; ``role`` is "primary" or "backup 2"."""

    name: str
    url: str
    role: str
    carries_traffic: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment to be marked in a chart; ``at`` in seconds since 1970, UTC."""

    at: float
    tone: str
    text: str


class Neighbours(Protocol):
    """Answers of the rest of the product about paths."""

    def paths_in_maintenance(self, *, now: datetime) -> set[int]:
        """Keys of the paths that a maintenance window covers."""
        ...

    def policies_of(self, path_id: int) -> list[PolicyUse]:
        """The policies that may send traffic over the path."""
        ...

    def marks_of(self, path_id: int, *, since: float, until: float) -> list[Mark]:
        """Switches to and from the path."""
        ...
