"""Made-up lines: what becomes of a packet that is sent at a given moment.

A line goes through phases; each has a loss, an added delay and an added jitter. Only
lines may enter here, no detector and no rule.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from bench.detector.profiles import Base

SECOND_NS = 1_000_000_000
FOR_EVER = 1 << 62
_NS_PER_MS = 1_000_000.0


class Weather(NamedTuple):
    """One phase: loss as a share, added delay in ms, and jitter: up to so many ms more."""

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0


FAIR = Weather()
BLACKHOLE = Weather(loss=1.0)

Phases = Iterator[tuple[int, Weather]]
"""Phases in order, each with the time at which it ends (ns)."""


class Network:
    """A line with a good day's round-trip times (Gaussian) and phases of weather.

    ``primary_active`` is told by whoever moves traffic; most lines do not care.
    ``outages`` are the phases of total loss so far, as (from, to) in ns.
    """

    def __init__(self, seed: str, base: Base, phases: Phases) -> None:
        self.primary_active = True
        self.outages: list[tuple[int, int]] = []
        self._random = random.Random(f"{seed}/line")
        self._base = base
        self._phases = phases
        self._ends_ns = 0
        self._weather = FAIR

    def rtt_ns(self, now_ns: int) -> int | None:
        """The round-trip time of a packet sent at ``now_ns`` in ns, None when it is lost."""
        while now_ns >= self._ends_ns:
            began_ns = self._ends_ns
            self._ends_ns, self._weather = next(self._phases)
            if self._weather.loss >= 1.0:
                self.outages.append((began_ns, self._ends_ns))
        loss, delay_ms, jitter_ms = self._weather
        if loss and (loss >= 1.0 or self._random.random() < loss):
            return None
        return self._travel_ns(delay_ms, jitter_ms)

    def _travel_ns(self, delay_ms: float, jitter_ms: float) -> int:
        rtt_ms, deviation_ms = self._base
        travel_ms = max(0.3 * rtt_ms, self._random.gauss(rtt_ms, deviation_ms)) + delay_ms
        if jitter_ms:
            travel_ms += self._random.random() * jitter_ms
        return int(travel_ms * _NS_PER_MS)


class Adversary(Network):
    """Kills the primary whenever it is active, from the first phase's end on."""

    def rtt_ns(self, now_ns: int) -> int | None:
        """As ``Network.rtt_ns``."""
        if now_ns < self._ends_ns:
            return self._travel_ns(0.0, 0.0)
        if not self._ends_ns:
            self._ends_ns, _ = next(self._phases)
            return self.rtt_ns(now_ns)
        return None if self.primary_active else self._travel_ns(0.0, 0.0)


# --- phases --------------------------------------------------------------------------------
def fair_until(at_ns: int, then: Weather, before: Weather = FAIR) -> Phases:
    """``before`` until ``at_ns``, then ``then`` for ever."""
    yield at_ns, before
    yield FOR_EVER, then


def always(weather: Weather) -> Phases:
    """The same weather for ever."""
    yield FOR_EVER, weather


def oscillation(from_ns: int, up_secs: float, down_secs: float) -> Phases:
    """Up and down in turn; the first outage begins at ``from_ns``."""
    at_ns = from_ns
    yield at_ns, FAIR
    while True:
        at_ns += int(down_secs * SECOND_NS)
        yield at_ns, BLACKHOLE
        at_ns += int(up_secs * SECOND_NS)
        yield at_ns, FAIR


def sojourns(seed: str, from_ns: int, up_secs: float, down_secs: float, least: float) -> Phases:
    """Exponential times up and down with these means; no outage shorter than ``least`` s."""
    chance = random.Random(f"{seed}/weather")
    at_ns = from_ns
    while True:
        yield at_ns, FAIR
        at_ns += int(max(least, chance.expovariate(1.0 / down_secs)) * SECOND_NS)
        yield at_ns, BLACKHOLE
        at_ns += int(chance.expovariate(1.0 / up_secs) * SECOND_NS)


def bursts(seed: str, good_secs: float, bad_secs: float, bad: Weather) -> Phases:
    """A Gilbert–Elliott channel: exponential sojourns in a good and a bad state."""
    chance = random.Random(f"{seed}/weather")
    at_ns = 0
    while True:
        at_ns += int(chance.expovariate(1.0 / good_secs) * SECOND_NS)
        yield at_ns, FAIR
        at_ns += int(chance.expovariate(1.0 / bad_secs) * SECOND_NS)
        yield at_ns, bad
