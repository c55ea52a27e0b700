"""``manage.py seed_demo``: add the demo network to this installation."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from sdwan_site import demo
from sdwan_site.schedules import sync_schedules


class Command(BaseCommand):
    """Idempotent: what exists under the demo's names is left as it is."""

    help = "Add the demo network: paths to loopback reflectors, two policies (dry run)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, schedule, and say how to start the reflectors."""
        demo.seed()
        sync_schedules(now=timezone.now())
        self.stdout.write(
            "The demo network is there. Its reflectors run under `manage.py up --demo`, or by\n"
            f"  manage.py reflector --cycle {demo.reflectors_file()}"
        )
