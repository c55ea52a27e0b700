"""The gates a candidate must pass, in order; the first one that fails is what people read.

Each gate is a pure function: None lets the candidate pass, a sentence says what fails.
A leniency names the gates that are left out for a given purpose; unknown and dead paths
are never let through by any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum, StrEnum
from typing import NamedTuple

from failover.domain.clocks import has_proven_itself, proven_secs
from failover.domain.damping import return_delay_secs
from failover.domain.evidence import is_degraded
from failover.domain.situation import Situation
from failover.domain.strategies import ranking
from failover.domain.views import ALIVE_AFTER, MemberView
from health.domain.status import PathStatus

BETTER_BY = 10.0
"""Points that a path must score more before the strategy alone moves traffic to it."""
RECENT_SECS = 10.0
"""Span of the scores that are compared for that."""


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
    BETTER = "better"


class Leniency(Enum):
    """For which purpose a candidate is judged, as the gates that do not apply."""

    PREFERENCE = frozenset[GateName]()
    """For a move between two healthy paths because the strategy prefers one."""
    STRICT = frozenset({GateName.BETTER})
    """For leaving a path that should not carry the traffic any longer."""
    DAMPED_TOO = frozenset({GateName.BETTER, GateName.DAMPED})
    """For a return, and when the active path is dead and nothing better is left."""
    LAST_RESORT = frozenset({GateName.BETTER, GateName.DAMPED, GateName.EVIDENCE, GateName.SCORE})
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
    evidence = is_degraded(view)
    return evidence.sentence if evidence.value else None


def _damped(situation: Situation, key: int, view: MemberView) -> str | None:
    clock = situation.clock(key)
    if clock.left_because is None:
        return None
    proven = proven_secs(clock, situation.now)
    delay = return_delay_secs(situation.policy, clock)
    return f"left as {clock.left_because}: healthy for {proven:.0f} s of {delay:.0f} s"


def _better(situation: Situation, key: int, view: MemberView) -> str | None:
    """Only asked for a move by preference, which also waits for the return clock."""
    here = situation.view(situation.state.active)
    points = points_better(here, view)
    if points is None:
        return f"not both scored over the last {RECENT_SECS:g} s"
    if points < BETTER_BY:
        return f"{points:.1f} points better over the last {RECENT_SECS:g} s: {BETTER_BY:g} needed"
    if not is_preferred(situation, key):
        return f"the strategy {situation.policy.strategy} does not prefer it"
    clock = situation.clock(key)
    delay = return_delay_secs(situation.policy, clock)
    if not has_proven_itself(situation.policy, clock, situation.now):
        proven = proven_secs(clock, situation.now)
        return f"{points:.1f} points better: healthy for {proven:.0f} s of {delay:.0f} s"
    return None


def points_better(here: MemberView, there: MemberView) -> float | None:
    """How many points ``there`` scores more over the last 10 s; None unless both are scored."""
    if here.recent_score is None or there.recent_score is None:
        return None
    return there.recent_score - here.recent_score


def is_preferred(situation: Situation, key: int) -> bool:
    """True when the policy's strategy ranks the member before the active one."""
    rank, active = situation.policy.preference.rank, situation.state.active
    place_of, view = situation.policy.place_of, situation.view
    here, there = place_of(active), place_of(key)
    if here is None or there is None:
        return False
    return rank(there, view(key)) < rank(here, view(active))


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
    GateName.BETTER: _better,
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
        (ranking(policy.strategy, place, situation.view(key)), place, key)
        for place, key in enumerate(policy.order)
        if key != situation.state.active
    ]
    return [key for _, _, key in sorted(others)]


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
