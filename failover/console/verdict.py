"""The state of everything in one sentence, exceptions first. Pure: counts in, words out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from failover.console.policy_rows import PolicyRow
from health.console import words
from health.domain.status import FACES, Face

_PHRASES = {"down": "down", "failing": "failing", "degraded": "degraded", "unknown": "without data"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence and the face of the worst thing in it."""

    face: Face
    text: str


def verdict(counts: Mapping[str, int], policies: Sequence[PolicyRow]) -> Verdict:
    """What to say about ``counts`` paths by face key, and the policies."""
    total = sum(counts.values())
    worst = next((key for key in _PHRASES if counts[key]), "up")
    about_paths = _about_paths(counts, total)
    about_policies = _about_policies(policies)
    if worst == "up" and about_policies:
        worst = "degraded"
    text = "; ".join(part for part in (about_paths, about_policies) if part)
    return Verdict(FACES[worst], text)


def _about_paths(counts: Mapping[str, int], total: int) -> str:
    said = [
        f"{words.count(counts[key], 'path') if n == 0 else counts[key]} {phrase}"
        for n, (key, phrase) in enumerate((k, p) for k, p in _PHRASES.items() if counts[k])
    ]
    if said:
        return ", ".join(said)
    paused = counts["paused"]
    if paused == total:
        return f"{words.count(total, 'path')}, all paused"
    if paused:
        return f"{words.count(total - paused, 'path')} up, {paused} paused"
    return "The only path is up" if total == 1 else f"All {total} paths up"


def _about_policies(policies: Sequence[PolicyRow]) -> str:
    stuck = sum(row.is_stuck for row in policies)
    on_backup = sum(row.is_on_backup for row in policies)
    said = []
    if stuck:
        said.append(f"{words.count(stuck, 'policy', 'policies')} without a usable path")
    if on_backup:
        said.append(f"{words.count(on_backup, 'policy', 'policies')} on backup")
    return ", ".join(said)
