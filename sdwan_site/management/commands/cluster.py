"""``manage.py cluster``: run one django-q2 cluster of Pathwarden in the foreground."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

TASKS = ("sdwan_site.tasks", "health.tasks")
MONITOR = ("sdwan_site.wiring", "health.monitoring.monitor")
"""What a monitor is made of; the housekeeping cluster has no use for it."""


class Command(BaseCommand):
    """The default cluster does housekeeping; a vantage's cluster carries its monitor."""

    help = "Run a cluster: housekeeping by default, or the monitor of a probe host with --name."
    # They import everything the web process needs, into each process of the cluster.
    # `up` and `up --prepare-only` have made them.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """One optional name."""
        parser.add_argument(
            "--name",
            default=settings.DEFAULT_CLUSTER,
            help="Queue to work on: a probe host's name carries its monitor loop.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Enter the queue's name into the environment, start over with it, and run."""
        name = options["name"]
        if os.environ.get("Q_CLUSTER_NAME") != name:
            # django-q2 reads the name when it is imported, which has happened.
            os.environ["Q_CLUSTER_NAME"] = name
            os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606 - this very program
        from sdwan_site.processes.cluster import run_cluster

        # Before the workers are forked: one copy for all of them, and at hand at once
        # when a monitor that was killed is replaced.
        for module in TASKS if name == settings.DEFAULT_CLUSTER else TASKS + MONITOR:
            importlib.import_module(module)
        sys.exit(run_cluster())
