"""What is wrong with a path before it is saved; admin and API ask here.

Only rules that need more than one field or row: single values are checked by the models'
validators. Returns (field, sentence) pairs; raises nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from health.probers import PROBERS
from health.probers.asked import Asked

Problem = tuple[str, str]
"""A field and what is wrong with it, with the cure; "" for the row as a whole."""
ENOUGH_INTERNET_TARGETS = 3
_NOTHING_ASKED = Asked()


@dataclass(frozen=True, slots=True)
class TargetDraft:
    """A target as somebody wants it; ``port`` None for the default of the kind."""

    address: str
    port: int | None = None
    asked: Asked = _NOTHING_ASKED


@dataclass(frozen=True, slots=True)
class PathDraft:
    """A path as somebody wants it; ``quorum`` None for half of the targets."""

    name: str
    kind: str
    quorum: int | None
    leads_to_internet: bool
    targets: Sequence[TargetDraft]


def path_problems(draft: PathDraft) -> list[Problem]:
    """Everything that makes ``draft`` unusable."""
    return [
        *name_problems(draft.name, "path"),
        *_target_problems(draft),
        *_quorum_problems(draft),
    ]


def path_warnings(draft: PathDraft) -> list[str]:
    """What will work, but not well."""
    few = len(draft.targets) < ENOUGH_INTERNET_TARGETS
    if not (draft.leads_to_internet and few):
        return []
    return [
        (
            f"{draft.name} leads to the Internet through {len(draft.targets)} target(s): with "
            f"fewer than {ENOUGH_INTERNET_TARGETS}, the failure of one of them looks like a "
            "failure of the line."
        )
    ]


def name_problems(name: str, what: str) -> list[Problem]:
    """A name must say something."""
    if name.strip():
        return []
    return [("name", f"The name is empty: give the {what} a name that people will recognise.")]


def _target_problems(draft: PathDraft) -> list[Problem]:
    if not draft.targets:
        return [("targets", "The path has no target: add an address that answers probes.")]
    prober = PROBERS.get(draft.kind)
    if prober is None:
        known = ", ".join(PROBERS)
        return [("kind", f"{draft.kind!r} is not known: choose one of {known}.")]
    problems = [
        ("targets", f"{prober.label} has no ports: leave the port of {target.address} empty.")
        for target in draft.targets
        if target.port is not None and prober.default_port is None
    ]
    problems += [
        ("targets", f"{target.address}: {text}")
        for target in draft.targets
        for _field, text in prober.problems(target.asked)
    ]
    twice = _repeated((t.address.lower(), t.port or prober.default_port) for t in draft.targets)
    problems += [
        ("targets", f"{address} is a target more than once: keep it once.") for address, _ in twice
    ]
    return problems


def _quorum_problems(draft: PathDraft) -> list[Problem]:
    if draft.quorum is None or draft.quorum <= len(draft.targets) or not draft.targets:
        return []
    return [
        (
            "quorum",
            (
                f"{draft.quorum} targets cannot answer where there are only "
                f"{len(draft.targets)}: lower the quorum or add targets."
            ),
        )
    ]


def _repeated(
    keys: Iterable[tuple[str, int | None]],
) -> list[tuple[str, int | None]]:
    seen: set[tuple[str, int | None]] = set()
    repeated: list[tuple[str, int | None]] = []
    for key in keys:
        if key in seen and key not in repeated:
            repeated.append(key)
        seen.add(key)
    return repeated
