"""What ``decide()`` would have done over recorded history: the same rules, other settings.

Feeds the one judge with the past second by second and keeps the switches it asks for.
Nothing here decides. What an operator ordered in that time, and how long a switch takes,
is left out: a replay compares settings, it does not tell what would have been measured
had traffic gone elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from failover.domain.decision import Decision, decide
from failover.domain.evidence import PathEvidence
from failover.domain.policy import MemberSpec, PolicySpec
from failover.domain.recorded import (
    RecordedSlot,
    Second,
    reachable_by_second,
    seconds_of,
    target_probes,
    view_of,
)
from failover.domain.situation import Direction, Phase
from failover.domain.state import Cause, PolicyState, initial_state
from failover.domain.target_evidence import EvidenceSettings
from failover.domain.views import MemberView
from health.domain.sample import SLOT_SECS
from health.domain.status import PathStatus

_NS = 1_000_000_000
WINDOW_PROBES = 60
"""As many as a window has at least: so many settled probes a view may claim."""

History = Mapping[int, Mapping[int, RecordedSlot]]
"""By path key, then by the slot's timestamp; a missing slot was not measured."""
Spans = Mapping[int, Sequence[tuple[float, float]]]
"""By path key, when it was in maintenance: (from, until) in seconds since 1970, UTC."""


class ReplayedSwitch(NamedTuple):
    """A switch at ``at`` (seconds since 1970, UTC; right to within a slot)."""

    at: int
    from_key: int | None
    to_key: int
    direction: Direction
    cause: Cause
    reason: str


class Exposure(NamedTuple):
    """Seconds the traffic spent: on each path, on a bad one, on one nobody measured.

    Bad is dead, or with a score below the policy's failover threshold.
    """

    secs_on: Mapping[int, int]
    bad_secs: int
    dead_secs: int
    unmeasured_secs: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """The switches that would have been, in order, and where that would have left the traffic."""

    switches: tuple[ReplayedSwitch, ...]
    exposure: Exposure


def replay(
    policy: PolicySpec,
    history: History,
    *,
    since: int,
    until: int,
    active: int,
    maintenance: Spans | None = None,
) -> Replayed:
    """Judge ``policy`` over [since, until), both multiples of a slot, starting on ``active``."""
    start = initial_state(active, float(since))
    course = _Course(policy, history, maintenance or {}, start, until)
    for timestamp in range(since, until, SLOT_SECS):
        if not course.skips(timestamp):
            course.slot(timestamp)
    moves = [(since, active), *((switch.at, switch.to_key) for switch in course.switches)]
    return Replayed(
        tuple(course.switches), exposure(policy, history, moves, since=since, until=until)
    )


def exposure(
    policy: PolicySpec,
    history: History,
    moves: Sequence[tuple[int, int]],
    *,
    since: int,
    until: int,
) -> Exposure:
    """What the traffic met that was moved as ``moves`` say: (from when on, path key), in order."""
    secs_on: Counter[int] = Counter()
    bad = dead = unmeasured = 0
    for timestamp, key, first, last in _stays(moves, since, until):
        secs_on[key] += last - first
        slots = history.get(key, {})
        slot = slots.get(timestamp)
        if slot is None:
            unmeasured += last - first
            continue
        answers = reachable_by_second(slot, *_neighbours(slots, timestamp))[first:last]
        dead += answers.count(False)
        unmeasured += answers.count(None)
        is_bad = slot.score is not None and slot.score < policy.failover_threshold
        bad += len(answers) - answers.count(None) if is_bad else answers.count(False)
    return Exposure(dict(secs_on), bad, dead, unmeasured)


class _Course:
    """One run through history: the state as it develops."""

    def __init__(
        self,
        policy: PolicySpec,
        history: History,
        maintenance: Spans,
        state: PolicyState,
        until: int,
    ) -> None:
        self._policy = policy
        self._history = history
        self._maintenance = maintenance
        self._state = state
        self._until = until
        self._at_rest = False
        self._next_noisy: float = -1
        slowest_secs = max(member.interval_ns for member in policy.members) / _NS
        self._lead_in_secs = WINDOW_PROBES * max(1.0, slowest_secs)
        self._settled: Counter[int] = Counter()
        self._evidence = {m.path_key: PathEvidence(_settings(policy, m)) for m in policy.members}
        self.switches: list[ReplayedSwitch] = []

    def slot(self, timestamp: int) -> None:
        """Let ten seconds pass."""
        laid_out = {key: _seconds(self._history.get(key, {}), timestamp) for key in self._evidence}
        if self._at_rest and all(_answers(seconds) for seconds in laid_out.values()):
            # Nothing runs out and nobody falls silent: one decision, within the slot it is for.
            for key, seconds in laid_out.items():
                whole = Second(True, tuple(probe for one in seconds for probe in one.probes))
                self._observe(key, whole, timestamp + SLOT_SECS - 1)
            self._decide(laid_out, timestamp, SLOT_SECS - 1)
            return
        for number in range(SLOT_SECS):
            for key, seconds in laid_out.items():
                if seconds:
                    self._observe(key, seconds[number], timestamp + number)
            self._decide(laid_out, timestamp, number)

    def skips(self, timestamp: int) -> bool:
        """True when the slot can be passed over: see ``_noisy_after``."""
        return self._at_rest and timestamp + self._lead_in_secs < self._noisy_after(timestamp)

    def _noisy_after(self, timestamp: int) -> float:
        """The next slot, from ``timestamp`` on, in which something is not as it should be.

        Between two of them nothing can come of a policy at rest, but that what is known of
        its members is renewed: the last probes before a noisy slot are observed again.
        """
        if self._next_noisy < timestamp:
            self._next_noisy = next(
                (at for at in range(timestamp, self._until, SLOT_SECS) if not self._is_quiet(at)),
                math.inf,
            )
        return self._next_noisy

    def _is_quiet(self, timestamp: int) -> bool:
        return all(_is_quiet(self._slot_of(key, timestamp)) for key in self._evidence) and not any(
            first - SLOT_SECS <= timestamp < last
            for spans in self._maintenance.values()
            for first, last in spans
        )

    def _decide(
        self, laid_out: Mapping[int, Sequence[Second]], timestamp: int, number: int
    ) -> None:
        at = timestamp + number
        views = {
            key: self._view(key, timestamp, seconds[number] if seconds else None, at)
            for key, seconds in laid_out.items()
        }
        decision = decide(self._policy, self._state, views, float(at))
        self._state = decision.state
        action = decision.action
        if action is not None:
            self.switches.append(
                ReplayedSwitch(
                    at, action.from_key, action.to_key, action.direction, action.cause,
                    action.reason,
                )
            )  # fmt: skip
            for evidence in self._evidence.values():
                evidence.reset()
        self._at_rest = self._is_at_rest(decision)

    def _observe(self, key: int, second: Second | None, at: int) -> None:
        if second is None or not second.probes:
            return
        self._settled[key] = min(WINDOW_PROBES, self._settled[key] + len(second.probes))
        self._evidence[key].observe(target_probes(second), at * _NS)

    def _view(self, key: int, timestamp: int, second: Second | None, at: int) -> MemberView:
        evidence = self._evidence[key]
        view = view_of(self._slot_of(key, timestamp), second, settled=self._settled[key])
        spans = self._maintenance.get(key, ())
        return view._replace(
            evidence=evidence.verdict(),
            recent_score=evidence.recent_score(),
            in_maintenance=any(first <= at < last for first, last in spans),
        )

    def _slot_of(self, key: int, timestamp: int) -> RecordedSlot | None:
        return self._history.get(key, {}).get(timestamp)

    def _is_at_rest(self, decision: Decision) -> bool:
        """On its primary, with nothing announced and nothing running out."""
        return (
            decision.phase is Phase.SETTLED
            and not decision.notices
            and self._policy.index_of(self._state.active) == 0
        )


def _settings(policy: PolicySpec, member: MemberSpec) -> EvidenceSettings:
    return EvidenceSettings(
        failover_threshold=policy.failover_threshold,
        limits=member.limits,
        interval_ns=member.interval_ns,
        bad_secs_needed=member.bad_secs_needed,
        quorum=1,  # samples are kept by path, not by target
    )


def _seconds(slots: Mapping[int, RecordedSlot], timestamp: int) -> tuple[Second, ...]:
    slot = slots.get(timestamp)
    if slot is None:
        return ()
    return seconds_of(slot, *_neighbours(slots, timestamp))


def _neighbours(
    slots: Mapping[int, RecordedSlot], timestamp: int
) -> tuple[RecordedSlot | None, RecordedSlot | None]:
    return slots.get(timestamp - SLOT_SECS), slots.get(timestamp + SLOT_SECS)


def _answers(seconds: Sequence[Second]) -> bool:
    return bool(seconds) and all(second.reachable for second in seconds)


def _is_quiet(slot: RecordedSlot | None) -> bool:
    return (
        slot is not None
        and slot.sent == slot.received
        and slot.reachable_secs == slot.known_secs == SLOT_SECS
        and slot.status is PathStatus.UP
    )


def _stays(
    moves: Sequence[tuple[int, int]], since: int, until: int
) -> Iterator[tuple[int, int, int, int]]:
    """(slot, path, first second, end second) of each stay of the traffic within a slot."""
    ends = [at for at, _ in moves[1:]] + [until]
    for (began, key), ended in zip(moves, ends, strict=True):
        at = max(began, since)
        while at < min(ended, until):
            timestamp = at - at % SLOT_SECS
            last = min(timestamp + SLOT_SECS, ended, until)
            yield timestamp, key, at - timestamp, last - timestamp
            at = last
