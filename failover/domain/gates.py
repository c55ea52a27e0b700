"""The gates a candidate must pass, in order; the first one that fails is what people read.

Each gate is a pure function: None lets the candidate pass, a sentence says what fails.
A leniency names the gates that are left out for a given purpose; unknown and dead paths
are never let through by any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, StrEnum
from typing import NamedTuple

from failover.domain.damping import return_delay_secs
from failover.domain.evidence import is_degraded
from failover.domain.situation import Situation
from failover.domain.strategies import ranking
from failover.domain.views import ALIVE_AFTER, MemberView
from health.domain.status import PathStatus


class GateName(StrEnum):
    """The gates, in the order in which they are asked."""

    ENABLED = "enabled"
    IN_SCHEDULE = "in_schedule"
    NOT_IN_MAINTENANCE = "not_in_maintenance"
    KNOWN = "known"
    REACHABLE = "reachable"
    FRESH = "fresh"
    SCORE = "score"
    EVIDENCE = "evidence"
    DAMPED = "damped"


class Leniency(Enum):
    """For which purpose a candidate is judged, as the gates that do not apply."""

    STRICT = frozenset[GateName]()
    DAMPED_TOO = frozenset({GateName.DAMPED})
    """For a return, and when the active path is dead and nothing better is left."""
    LAST_RESORT = frozenset({GateName.SCORE, GateName.EVIDENCE, GateName.DAMPED})
    """When the active path is dead: anything that answers is better."""


RELAXATION = (Leniency.STRICT, Leniency.DAMPED_TOO, Leniency.LAST_RESORT)
"""The steps in which the gates relax while the active path is dead."""


class Candidate(NamedTuple):
    """A member that is not active, and the first gate it fails (None: it may be used)."""

    path_key: int
    name: str
    gate: GateName | None
    sentence: str


def _enabled(situation: Situation, key: int, view: MemberView) -> str | None:
    return None if view.enabled else "the path is disabled"


def _in_schedule(situation: Situation, key: int, view: MemberView) -> str | None:
    return None if view.in_schedule else "outside its time window"


def _not_in_maintenance(situation: Situation, key: int, view: MemberView) -> str | None:
    return "in maintenance" if view.in_maintenance else None


def _known(situation: Situation, key: int, view: MemberView) -> str | None:
    if view.status is not PathStatus.UNKNOWN:
        return None
    return f"no data ({view.reason.replace('_', ' ')})" if view.reason else "no data"


def _reachable(situation: Situation, key: int, view: MemberView) -> str | None:
    return None if view.reachable is True else "does not answer"


def _fresh(situation: Situation, key: int, view: MemberView) -> str | None:
    if view.fresh:
        return None
    if view.loss_run:
        return f"its last {view.loss_run} probes were lost: waiting for an answer"
    return "its last answer is too old: waiting for the next"


def _score(situation: Situation, key: int, view: MemberView) -> str | None:
    threshold = situation.policy.failover_threshold
    if view.score is None:
        return "no score yet: it has just come back"
    if view.score < threshold:
        return f"score {view.score:.1f} is below the threshold {threshold:g}"
    return None


def _evidence(situation: Situation, key: int, view: MemberView) -> str | None:
    evidence = is_degraded(view, situation.policy.failover_threshold)
    return evidence.sentence if evidence.value else None


def _damped(situation: Situation, key: int, view: MemberView) -> str | None:
    clock = situation.clock(key)
    if clock.left_because is None:
        return None
    proven = 0.0 if clock.healthy_since is None else situation.now - clock.healthy_since
    delay = return_delay_secs(situation.policy, clock)
    return f"left as {clock.left_because}: healthy for {proven:.0f} s of {delay:.0f} s"


Gate = Callable[[Situation, int, MemberView], str | None]

GATES: dict[GateName, Gate] = {
    GateName.ENABLED: _enabled,
    GateName.IN_SCHEDULE: _in_schedule,
    GateName.NOT_IN_MAINTENANCE: _not_in_maintenance,
    GateName.KNOWN: _known,
    GateName.REACHABLE: _reachable,
    GateName.FRESH: _fresh,
    GateName.SCORE: _score,
    GateName.EVIDENCE: _evidence,
    GateName.DAMPED: _damped,
}


def first_failing_gate(
    situation: Situation, path_key: int, leniency: Leniency = Leniency.STRICT
) -> tuple[GateName, str] | None:
    """The first gate the member fails and the sentence about it, None when it passes all."""
    view = situation.view(path_key)
    for name, gate in GATES.items():
        if name in leniency.value:
            continue
        sentence = gate(situation, path_key, view)
        if sentence is not None:
            return name, sentence
    if view.score is None and view.answers_in_a_row < ALIVE_AFTER:
        return GateName.SCORE, f"fewer than {ALIVE_AFTER} answers since it came back"
    return None


def in_order(situation: Situation) -> list[int]:
    """The members beside the active one, as the policy's strategy prefers them."""
    policy = situation.policy
    others = [
        (ranking(policy.strategy, index, situation.view(member.path_key)), member.path_key)
        for index, member in enumerate(policy.members)
        if member.path_key != situation.state.active
    ]
    return [key for _, key in sorted(others)]


def first_passing(situation: Situation, steps: tuple[Leniency, ...]) -> int | None:
    """The best candidate under the strictest step that lets any through."""
    order = in_order(situation)
    for leniency in steps:
        for key in order:
            if first_failing_gate(situation, key, leniency) is None:
                return key
    return None


def candidates(situation: Situation, leniency: Leniency) -> Iterator[Candidate]:
    """Every member beside the active one, in order, with the first gate it fails."""
    for key in in_order(situation):
        failing = first_failing_gate(situation, key, leniency)
        gate, sentence = failing or (None, "may take over")
        yield Candidate(key, situation.name(key), gate, sentence)
