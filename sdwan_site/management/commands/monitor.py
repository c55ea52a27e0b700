"""``manage.py monitor``: the monitor loop of a probe host in the foreground.

The same loop under the same lease as in the vantage's cluster; in production it
is a systemd unit of its own, and the cluster takes over when it dies.
"""

from __future__ import annotations

import math
import signal
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from health.lease import LeaseHeld
from health.models import Vantage
from health.monitor import run_monitor
from sdwan_site.wiring import make_observers


class Command(BaseCommand):
    """Ends on SIGTERM or Ctrl-C, after --seconds, or when the lease is lost."""

    help = "Run the monitor loop of a probe host in the foreground."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which probe host, and for how long."""
        parser.add_argument("--vantage", default=settings.VANTAGE, help="Probe host to run for.")
        parser.add_argument("--seconds", type=float, help="End after this time.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; a lease that somebody else holds is an error that names the holder."""
        stop = _StopFlag(options["seconds"])
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop.set)
        try:
            reason = run_monitor(
                options["vantage"],
                should_stop=stop.is_set,
                make_observers=make_observers,
            )
        except Vantage.DoesNotExist:
            known = ", ".join(Vantage.objects.values_list("name", flat=True)) or "none"
            raise CommandError(
                f"There is no probe host {options['vantage']!r}; known: {known}. "
                "Add it in the admin."
            ) from None
        except LeaseHeld as error:
            raise CommandError(f"{error} Stop that one first, or let it work.") from None
        self.stdout.write(f"ended: {reason}")


class _StopFlag:
    """Set by a signal or by time, read by the loop."""

    def __init__(self, seconds: float | None) -> None:
        self._set = False
        self._ends_at = math.inf if seconds is None else time.monotonic() + seconds

    def set(self, *_: object) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set or time.monotonic() >= self._ends_at
