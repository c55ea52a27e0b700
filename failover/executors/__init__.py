"""What carries a switch out: one file and one row per kind. No Django may enter."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from failover.executors.base import RouteExecutor
from failover.executors.dry_run import DryRunExecutor


class ExecutorKind(NamedTuple):
    """A row of the registry: what people read, and how one is made."""

    label: str
    help_text: str
    make: Callable[[], RouteExecutor]


EXECUTORS: dict[str, ExecutorKind] = {
    "dry_run": ExecutorKind(
        "Dry run",
        "Changes nothing: shows the exact route changes of every switch and their inverse.",
        DryRunExecutor,
    ),
}
"""The kinds of executor by the name that policies store."""
