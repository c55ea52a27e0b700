"""Which cells a run computes, in what order, with what counts: the bounds' own cells first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from bench.detector.contestants import CONTESTANTS, Contestant
from bench.detector.scenarios import (
    ADVERSARY,
    FAULTS,
    OSCILLATIONS,
    STEADY,
    Cell,
    comeback,
    detection,
    false_failovers,
    oscillating,
)

DETECTION, FALSE, OSCILLATION = "detection", "false failovers", "oscillation"
COMEBACK = "return"
JUDGED = ("realtime", "balanced")
"""The profiles that figures D2 to D4 bind; the others are measured more briefly."""


class Counts(NamedTuple):
    """How much of everything: trials of a fault, days of a loss, hours and seeds of a swing.

    ``others`` are the contestants that no figure binds; swings that are not random need
    one seed only.
    """

    trials: int
    trials_of_others: int
    days: float
    days_of_others: float
    days_of_bursts: float
    hours: float
    seeds: int


FULL = Counts(200, 60, 20.0, 5.0, 2.0, 24.0, 3)
QUICK = Counts(4, 4, 0.02, 0.02, 0.01, 1.0, 1)
QUICK_CONTESTANTS = ("realtime", "balanced", "dpinger (pfSense)", "BFD 300 ms x 3", "the original")
QUICK_FAULTS = ("blackhole", "loss 30 %", "RTT +400 ms", "reroute +130 ms")
QUICK_STEADY = ("5 % loss", "1 % in bursts of 300 ms")
QUICK_OSCILLATIONS = ("T60/5", "random 50/10", ADVERSARY)


class Task(NamedTuple):
    """One cell and how to compute it; ``counts`` says with how much, for the table."""

    part: str
    contestant: str
    scenario: str
    counts: str
    compute: Callable[[], Cell]

    @property
    def key(self) -> str:
        """The name under which the cell is kept."""
        return f"{self.part} | {self.contestant} | {self.scenario} | {self.counts}"


def tasks(counts: Counts, *, quick: bool) -> Iterator[Task]:
    """All cells: what bounds bind first, then the rest of ours, then the peers."""
    names = QUICK_CONTESTANTS if quick else tuple(CONTESTANTS)
    judged = [name for name in names if name in JUDGED]
    others = [name for name in names if name not in JUDGED]
    for group in (judged, others):
        for part in (_detection, _false, _oscillation):
            for name in group:
                yield from part(CONTESTANTS[name], counts, quick)


def _detection(who: Contestant, counts: Counts, quick: bool) -> Iterator[Task]:
    trials = counts.trials if who.name in JUDGED else counts.trials_of_others
    for name in QUICK_FAULTS if quick else FAULTS:
        compute = partial(detection, who, FAULTS[name], trials)
        yield Task(DETECTION, who.name, name, f"{trials} trials", compute)
    fewer = max(2, trials // 10)
    yield Task(DETECTION, who.name, COMEBACK, f"{fewer} trials", partial(comeback, who, fewer))


def _oscillation(who: Contestant, counts: Counts, quick: bool) -> Iterator[Task]:
    for name in QUICK_OSCILLATIONS if quick else (*OSCILLATIONS, ADVERSARY):
        seeds = counts.seeds if who.name in JUDGED and name.startswith("random") else 1
        compute = partial(oscillating, who, name, counts.hours, seeds)
        yield Task(OSCILLATION, who.name, name, f"{seeds} x {counts.hours:g} h", compute)


def _false(who: Contestant, counts: Counts, quick: bool) -> Iterator[Task]:
    full = counts.days if who.name in JUDGED else counts.days_of_others
    for name in QUICK_STEADY if quick else reversed(STEADY):
        days = counts.days_of_bursts if "bursts" in name else full
        compute = partial(false_failovers, who, name, days)
        yield Task(FALSE, who.name, name, f"{days:g} days", compute)
