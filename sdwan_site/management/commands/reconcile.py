"""``manage.py reconcile``: make this host's routes what the policies have decided, now.

The monitor does the same every five seconds; by hand it is for the time after a restore,
for a host whose monitor is stopped, and to begin again after three failed repairs.
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from failover.control.by_hand import NotHere, adopt_all, reconcile_vantage
from health.models import Vantage


class Command(BaseCommand):
    """Prints a line for each policy; exit code 1 when something was amiss."""

    help = "Compare the routes of this host with what was decided, and repair them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which probe host, and whether the network or the database is right."""
        parser.add_argument("--vantage", default=settings.VANTAGE, help="Probe host to look at.")
        parser.add_argument(
            "--adopt",
            action="store_true",
            help="After a restore of an older database: what is in force becomes what was decided.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Adopt if asked to, then compare and repair."""
        vantage = Vantage.objects.filter(name=options["vantage"]).first()
        if vantage is None:
            known = ", ".join(Vantage.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no probe host {options['vantage']!r}; known: {known}.")
        try:
            if options["adopt"]:
                for told in adopt_all(vantage, actor="manage.py reconcile", now=timezone.now()):
                    self.stdout.write(told)
            found = reconcile_vantage(vantage, now=timezone.now(), now_ns=time.monotonic_ns())
        except NotHere as error:
            raise CommandError(str(error)) from None
        for name, amiss in found:
            self.stdout.write(f"{name}: {amiss or 'as decided'}")
        if any(amiss for _, amiss in found):
            raise SystemExit(1)
