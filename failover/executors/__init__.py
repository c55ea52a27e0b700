"""What carries a switch out: one file and one row per kind. No Django may enter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from failover.executors.base import RouteExecutor
from failover.executors.command import CommandExecutor
from failover.executors.dry_run import DryRunExecutor
from failover.executors.frr import FrrExecutor
from failover.executors.linux import LinuxExecutor
from failover.executors.track_file import TrackFileExecutor
from failover.executors.webhook import WebhookExecutor


class ExecutorKind(NamedTuple):
    """A row of the registry: what people read, and how one is made.

    ``make`` takes the folder in which an executor keeps what must outlive its process.
    ``reads_back`` says that ``observe()`` tells what is in force after a restart, too, so
    that None there means "nothing of ours". ``timeout_secs`` is how long an order of a
    predecessor may still be under way. ``is_local`` says that it changes this host alone,
    so that a dead path may be left by it while the database is away.
    """

    label: str
    help_text: str
    make: Callable[[Path], RouteExecutor]
    reads_back: bool = False
    timeout_secs: float = 1.0
    is_local: bool = True


EXECUTORS: dict[str, ExecutorKind] = {
    "dry_run": ExecutorKind(
        "Dry run",
        "Changes nothing: shows the exact route changes of every switch and their inverse.",
        lambda state_dir: DryRunExecutor(),
    ),
    "linux": ExecutorKind(
        "Linux routes",
        "Moves traffic of this host by routes and rules of its own, read back from the kernel.",
        LinuxExecutor,
        reads_back=True,
    ),
    "frr": ExecutorKind(
        "FRR static routes",
        "Moves traffic by static routes of this host's FRR, entered and read back by vtysh.",
        FrrExecutor,
        reads_back=True,
        timeout_secs=3.0,
    ),
    "command": ExecutorKind(
        "Command",
        "Runs a program of yours with the switch in its environment; it moves the traffic.",
        CommandExecutor,
        timeout_secs=10.0,
    ),
    "webhook": ExecutorKind(
        "Webhook",
        "Sends a signed message to a program of yours; it moves the traffic.",
        WebhookExecutor,
        timeout_secs=10.0,
        is_local=False,
    ),
    "track_file": ExecutorKind(
        "keepalived track file",
        "Writes a number for each path into a file that keepalived tracks.",
        TrackFileExecutor,
    ),
}
"""The kinds of executor by the name that policies store."""
