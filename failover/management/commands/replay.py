"""``manage.py replay``: what other settings would have done over recorded history.

Only arguments and the order of things live here; the judging is ``failover.replays``.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from failover.models import FailoverPolicy
from failover.replay_text import as_text, as_values
from failover.replays import ReplayRefused, replay_policy
from failover.selectors import policies_with_members

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

_UNITS = {"m": 60, "h": 3600, "d": 86_400}


class Command(BaseCommand):
    """Exit status: 0 replayed, 1 refused with the reason."""

    help = "Judges a policy anew over recorded history, with settings to try out; changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """The command line."""
        parser.add_argument("policy", metavar="POLICY", help="its name, uid or id")
        parser.add_argument("--since", default="24h", help="how long ago it begins: 90m, 48h, 7d")
        parser.add_argument(
            "--set", action="append", default=[], metavar="FIELD=VALUE", dest="changes",
            help="a setting to try out, such as failover_threshold=60; may be repeated",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay and print."""
        now = time.time()
        policy = _policy_named(options["policy"])
        changes = dict(_change(text) for text in options["changes"])
        since = now - _seconds(options["since"])
        try:
            report = replay_policy(policy, changes, since=since, until=now, now=now)
        except ReplayRefused as refusal:
            raise CommandError(f"{refusal.field}: {refusal}") from None
        if options["json"]:
            self.stdout.write(json.dumps(as_values(report), indent=2))
        else:
            self.stdout.write(as_text(report))


def _policy_named(word: str) -> FailoverPolicy:
    for policy in policies_with_members():
        if word in {policy.name, str(policy.uid), str(policy.pk)}:
            return policy
    known = ", ".join(FailoverPolicy.objects.values_list("name", flat=True)) or "none at all"
    raise CommandError(f"There is no policy {word!r}; there is {known}.")


def _change(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not (field and equals and value):
        raise CommandError(f"--set {text!r}: write FIELD=VALUE, as in failover_threshold=60.")
    return field, value


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if match is None:
        raise CommandError(f"--since {text!r}: write a number and m, h or d, as in 48h.")
    return int(match[1]) * _UNITS[match[2]]
