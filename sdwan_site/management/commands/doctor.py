"""``manage.py doctor``: what is wrong with this installation, and what cures it."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from sdwan_site.doctor import Finding, Verdict, examine

MARKS = {Verdict.OK: "ok     ", Verdict.WARNING: "warning", Verdict.FAULT: "FAULT  "}


class Command(BaseCommand):
    """Exit code 1 when there is a fault."""

    help = "Check permissions, database, clock, disk, monitors and clusters; name the cures."
    # The doctor itself must work when a check of Django would not let it start.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """One switch."""
        parser.add_argument("--json", action="store_true", help="For programs.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine, report, exit."""
        findings = examine(now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(one) for one in findings], indent=2))
        else:
            for finding in findings:
                self._report(finding)
        if any(finding.verdict is Verdict.FAULT for finding in findings):
            sys.exit(1)

    def _report(self, finding: Finding) -> None:
        self.stdout.write(f"{MARKS[finding.verdict]}  {finding.check}: {finding.sentence}")
        if finding.cure and finding.cure not in finding.sentence:
            self.stdout.write(f"         cure: {finding.cure}")
