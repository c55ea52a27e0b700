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

from health.models import Vantage
from health.monitoring import lease as leases
from health.monitoring.lease import LeaseHeld
from health.monitoring.monitor import run_monitor
from health.monitoring.process_identity import current_process
from sdwan_site.wiring import make_observers

TAKE_OVER_SECS = leases.TTL_SECS + 7.0
"""The holder may still write its last samples before it gives the lease back."""
LOOK_AGAIN_SECS = 0.1


class Command(BaseCommand):
    """Ends on SIGTERM or Ctrl-C, after --seconds, or when the lease is lost."""

    help = "Run the monitor loop of a probe host in the foreground."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which probe host, and for how long."""
        parser.add_argument("--vantage", default=settings.VANTAGE, help="Probe host to run for.")
        parser.add_argument("--seconds", type=float, help="End after this time.")
        parser.add_argument(
            "--take-over",
            action="store_true",
            help="Ask the present monitor, such as the cluster's, to hand over to this one.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; a lease that somebody else holds is an error that names the holder."""
        stop = _StopFlag(options["seconds"])
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop.set)
        vantage = _vantage(options["vantage"])
        if options["take_over"]:
            leases.request_handover(vantage, me=current_process())
        try:
            reason = _run(vantage, stop, wait_secs=TAKE_OVER_SECS if options["take_over"] else 0.0)
        except LeaseHeld as error:
            raise CommandError(
                f"{error} Stop that one, let it work, or ask for --take-over."
            ) from None
        self.stdout.write(f"ended: {reason}")


def _vantage(name: str) -> Vantage:
    vantage = Vantage.objects.filter(name=name).first()
    if vantage is None:
        known = ", ".join(Vantage.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no probe host {name!r}; known: {known}. Add it in the admin.")
    return vantage


def _run(vantage: Vantage, stop: _StopFlag, *, wait_secs: float) -> str:
    """Run the monitor as soon as the lease is free; ``LeaseHeld`` if it is not in time."""
    give_up_at = time.monotonic() + wait_secs
    while True:
        try:
            return run_monitor(vantage.name, should_stop=stop.is_set, make_observers=make_observers)
        except LeaseHeld:
            if stop.is_set() or time.monotonic() >= give_up_at:
                raise
        time.sleep(LOOK_AGAIN_SECS)


class _StopFlag:
    """Set by a signal or by time, read by the loop."""

    def __init__(self, seconds: float | None) -> None:
        self._set = False
        self._ends_at = math.inf if seconds is None else time.monotonic() + seconds

    def set(self, *_: object) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set or time.monotonic() >= self._ends_at
