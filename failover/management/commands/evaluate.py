"""``manage.py evaluate``: what would be decided now, and which gate keeps each candidate out.

Only arguments and printing live here; the judging is ``failover.evaluation``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from failover.control.telling import judgement
from failover.evaluation import Evaluation, evaluate_policies

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Exit status: 0 evaluated, whatever it says; 1 when there is no such policy."""

    help = "Says what would be decided now from stored health and states; changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        """The command line."""
        parser.add_argument("--policy", metavar="POLICY", help="only this one: name, uid or id")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Judge and print."""
        found = evaluate_policies(now=datetime.now(UTC))
        if word := options["policy"]:
            found = _named(word, found)
        if options["json"]:
            self.stdout.write(json.dumps([_as_values(one) for one in found], indent=2))
        elif not found:
            self.stdout.write("There is no policy with members.")
        else:
            self.stdout.write("\n\n".join(_as_text(one) for one in found))


def _named(word: str, found: list[Evaluation]) -> list[Evaluation]:
    for one in found:
        if word in {one.policy.name, str(one.policy.uid), str(one.policy.pk)}:
            return [one]
    known = ", ".join(one.policy.name for one in found) or "none at all"
    raise CommandError(f"There is no policy {word!r}; there is {known}.")


def _as_values(one: Evaluation) -> dict[str, Any]:
    decision = one.decision
    proposed = decision.proposed
    return {
        "policy_id": one.policy.pk,
        "policy": one.policy.name,
        "generation": decision.situation.state.generation,
        "active_path_id": decision.situation.state.active,
        "phase": decision.phase.value,
        "reason": decision.reason,
        "would_switch_to": None if proposed is None else proposed.to_key,
        "may_act": decision.action is not None or proposed is None,
        **judgement(decision),
    }


def _as_text(one: Evaluation) -> str:
    spec, decision = one.spec, one.decision
    before = decision.situation.state
    lines = [
        f"{one.policy.name}: {decision.phase.value}",
        f"  {decision.reason}",
        f"  active: {spec.name_of(before.active)}, generation {before.generation}",
    ]
    for candidate in decision.candidates:
        gate = "passes every gate" if candidate.gate is None else f"fails at {candidate.gate.value}"
        lines.append(f"  {candidate.name}: {gate}: {candidate.sentence}")
    for key, view in decision.situation.views.items():
        if view.evidence is not None and view.evidence.strength:
            lines.append(f"  {spec.name_of(key)}: {view.evidence.sentence}")
    for kind, secs_left, of_path in decision.countdowns:
        lines.append(f"  {kind}: {secs_left:.0f} s left for {spec.name_of(of_path)}")
    return "\n".join(lines)
