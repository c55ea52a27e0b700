"""Judging and telling: every path once a second, and at once when a target dies or returns.

With many paths the work is cut into slices, so that sending never waits for it;
calm paths (nothing happened that could change their judgement) then take turns.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from health.domain.blame import is_to_blame
from health.domain.reading import PathReading, TargetProbes
from health.domain.sample import Sample, slot_of
from health.engine.clock import Clock
from health.engine.observers import Round, RoundObserver
from health.engine.path_monitor import PathMonitor
from health.engine.roster import Roster
from health.engine.target_monitor import TargetMonitor

log = logging.getLogger(__name__)

ROUND_NS = 1_000_000_000
ALL_EACH_ROUND = 2_000
"""Up to so many paths all are judged in every round."""
CALM_ROUNDS = 8
"""Beyond, a calm path is judged in one round of so many."""
SLICE = 32
"""Paths judged, or slots closed, between two looks at the clock."""
TURN_BUDGET_NS = 20_000_000
"""How long judging may keep a turn from sending; a round of many paths takes several turns."""


class Judged(NamedTuple):
    """What there is to tell: keys of the judged paths, those whose status or reachability
    changed, and the single probes of those that somebody attends to."""

    keys: list[int]
    changed: list[int]
    probes: dict[int, tuple[TargetProbes, ...]]


class Rounds:
    """Judges the paths of ``roster``; ``readings`` has the latest reading of each."""

    def __init__(
        self,
        roster: Roster,
        on_samples: Callable[[list[Sample]], None],
        clock: Clock,
    ) -> None:
        self.readings: dict[int, PathReading] = {}
        self.observers: Sequence[RoundObserver] = ()
        self._roster = roster
        self._on_samples = on_samples
        self._clock = clock
        self._urgent: set[int] = set()
        self._left: Iterator[int] | None = None
        self._judged: list[int] = []
        self._changed: list[int] = []
        self._calm_turn = 0
        self._attended: set[int] = set()
        self._doubted: set[int] = set()
        self._blamed: set[TargetMonitor] = set()
        self._slot = slot_of(clock.wall())
        self._closing: Iterator[int] | None = None
        self._closing_slot = self._slot
        self.next_ns = clock.monotonic_ns() + ROUND_NS

    @property
    def is_busy(self) -> bool:
        """True while a round or the closing of a slot is under way."""
        return self._left is not None or self._closing is not None or bool(self._urgent)

    def call(self, path: PathMonitor) -> None:
        """Judge this path in this very turn: a target of it died or came back."""
        self._urgent.add(path.spec.key)

    def forget(self, key: int) -> None:
        """The path is no longer measured."""
        self.readings.pop(key, None)

    def turn(self, now_ns: int, wall: float) -> Judged | None:
        """Go on with what is due; returns what there is to tell, if there is anything."""
        self._close_slots(now_ns, wall)
        if self._left is None and now_ns >= self.next_ns:
            self._begin(now_ns)
        finished = self._left is not None and self._judge_some(self._left, now_ns)
        if finished:
            self._left = None
        elif not self._urgent:
            return None
        # In a finished round too: a path may have been judged before its target died.
        urgent, self._urgent = self._urgent, set()
        for key in urgent:
            self._judge(key, now_ns)
        return self._take_results()

    def tell(self, finished: Round) -> None:
        """Give a round to every observer."""
        for observer in self.observers:
            try:
                observer.on_round(finished)
            except Exception:
                # An observer's defect must not stop the measuring that others rely on.
                log.exception("observer %s failed; measuring goes on", type(observer).__name__)

    def close_open_slot(self, now_ns: int) -> None:
        """Hand out the samples of what is unfinished: the loop is about to end."""
        if self._closing is not None:
            self._hand_out(list(self._closing), self._closing_slot, now_ns)
            self._closing = None
        self._hand_out(list(self._roster.paths), self._slot, now_ns)

    # --- a round ------------------------------------------------------------------------
    def _begin(self, now_ns: int) -> None:
        self.next_ns += ROUND_NS
        if self.next_ns <= now_ns:  # after a stall: no round is caught up
            self.next_ns = now_ns + ROUND_NS
        self._blame()
        self._attend(self._named(lambda observer: observer.attends(), "attends to"))
        self._left = iter(self._due_paths())

    def _due_paths(self) -> list[int]:
        paths = self._roster.paths
        if len(paths) <= ALL_EACH_ROUND:
            return list(paths)
        self._calm_turn = (self._calm_turn + 1) % CALM_ROUNDS
        return [
            key
            for number, (key, path) in enumerate(paths.items())
            if path.stirred or number % CALM_ROUNDS == self._calm_turn or path.attended
        ]

    def _attend(self, wanted: set[int]) -> None:
        paths = self._roster.paths
        for key in (self._attended - wanted) & paths.keys():
            paths[key].attend(attended=False)
        for key in wanted & paths.keys():
            if not paths[key].attended:
                paths[key].attend(attended=True)
        self._attended = wanted

    def new_doubts(self) -> list[PathMonitor]:
        """The paths that an observer doubts and none did when this was asked before."""
        doubted = self._named(lambda observer: observer.doubts(), "doubts")
        new, self._doubted = doubted - self._doubted, doubted
        paths = self._roster.paths
        return [paths[key] for key in new if key in paths]

    def _named(
        self, ask: Callable[[RoundObserver], Collection[int]], what_it_does: str
    ) -> set[int]:
        keys: set[int] = set()
        for observer in self.observers:
            try:
                keys.update(ask(observer))
            except Exception:
                log.exception("observer %s %s nothing now", type(observer).__name__, what_it_does)
        return keys

    def _judge_some(self, left: Iterator[int], now_ns: int) -> bool:
        """Judge until the turn's budget is used up; True when all are done."""
        until_ns = now_ns + TURN_BUDGET_NS
        while keys := list(islice(left, SLICE)):
            for key in keys:
                self._judge(key, now_ns)
            if self._clock.monotonic_ns() >= until_ns:
                return False
        return True

    def _judge(self, key: int, now_ns: int) -> None:
        path = self._roster.paths.get(key)
        if path is None:
            return  # gone since the round began
        before = self.readings.get(key)
        after = self.readings[key] = path.evaluate(now_ns)
        self._judged.append(key)
        if before is None or (before.status, before.reachable) != (after.status, after.reachable):
            self._changed.append(key)

    def _take_results(self) -> Judged:
        # A path may have gone since it was judged in an earlier turn of the round.
        judged = [key for key in self._judged if key in self.readings]
        changed = [key for key in self._changed if key in self.readings]
        self._judged, self._changed = [], []
        # Once each: an urgent path may have been judged twice.
        paths = [self._roster.paths[key] for key in dict.fromkeys(judged)]
        probes = {path.spec.key: path.take_probes() for path in paths if path.attended}
        return Judged(judged, changed, probes)

    def _blame(self) -> None:
        at_fault = {
            target
            for pairs in self._roster.shared.values()
            if is_to_blame(one.path.witness(one) for one in self._targets(pairs))
            for target in self._targets(pairs)
        }
        # Also those that nobody shares any more: who is alone is not to blame.
        for target in at_fault ^ self._blamed:
            target.blamed = target in at_fault
            target.path.stirred = True
        self._blamed = at_fault

    def _targets(self, pairs: Iterable[tuple[int, int]]) -> Iterator[TargetMonitor]:
        for path_key, target_key in pairs:
            target = self._roster.target(path_key, target_key)
            if target is not None:
                yield target

    # --- slots --------------------------------------------------------------------------
    def _close_slots(self, now_ns: int, wall: float) -> None:
        slot = slot_of(wall)
        if slot != self._slot and self._closing is None:
            self._closing, self._closing_slot = iter(list(self._roster.paths)), self._slot
            self._slot = slot
        if self._closing is None:
            return
        until_ns = now_ns + TURN_BUDGET_NS
        while keys := list(islice(self._closing, SLICE)):
            self._hand_out(keys, self._closing_slot, now_ns)
            if self._clock.monotonic_ns() >= until_ns:
                return
        self._closing = None

    def _hand_out(self, keys: Sequence[int], slot: int, now_ns: int) -> None:
        paths: Mapping[int, PathMonitor] = self._roster.paths
        samples = [paths[key].close_slot(slot, now_ns) for key in keys if key in paths]
        if samples:
            self._on_samples(samples)
