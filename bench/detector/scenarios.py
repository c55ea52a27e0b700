"""What is tried: faults to be seen, losses to be borne, oscillations to be sat out.

A cell of a table is one contestant in one scenario. Each is a pure function of its names
and counts, so that any cell can be computed again alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.detector.contestants import Contestant
from bench.detector.network import (
    BLACKHOLE,
    FAIR,
    SECOND_NS,
    Adversary,
    Network,
    Phases,
    Weather,
    always,
    bursts,
    fair_until,
    oscillation,
    sojourns,
)
from bench.detector.policy_run import Move
from bench.detector.sliding import Span, most_in_an_hour, most_secs_in_an_hour, overlap

Cell = dict[str, float | int | None]
"""What a cell of a table holds, as JSON values; times in seconds, None: never."""

DAY = 86_400.0
RETURNED_WITHIN = 3600.0
STEADY_FROM_SECS = 300.0
"""When an oscillation begins."""
LEAST_OUTAGE_SECS = 2.0

# --- faults to be seen -----------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A line that changes once; ``seen_within`` seconds at most are waited."""

    name: str
    weather: Weather
    seen_within: float = 1800.0


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("blackhole", BLACKHOLE, 300.0),
        Fault("loss 50 %", Weather(0.5)),
        Fault("loss 30 %", Weather(0.3)),
        Fault("loss 20 %", Weather(0.2)),
        Fault("loss 10 %", Weather(0.1)),
        Fault("loss 5 %", Weather(0.05), 600.0),
        Fault("RTT +400 ms", Weather(delay_ms=400.0), 600.0),
        Fault("jitter +60 ms", Weather(jitter_ms=180.0), 600.0),
        Fault("reroute +130 ms", Weather(delay_ms=130.0), 300.0),
    )
}
FAST_REROUTE = Fault("reroute +130 ms", Weather(delay_ms=80.0), 300.0)
"""The profile "fast" is for lines on which a detour ends at 100 ms."""


def detection(who: Contestant, fault: Fault, trials: int) -> Cell:
    """How long until the traffic is moved: p50 and p95 over ``trials``, None where never."""
    if who.name == "fast" and fault.name == FAST_REROUTE.name:
        fault = FAST_REROUTE
    times: list[float | None] = []
    deaths = switches = 0
    for trial in range(trials):
        seed = f"{who.name}/{fault.name}/{trial}"
        began = _begins(who, seed)
        network = Network(seed, who.base, fair_until(int(began * SECOND_NS), fault.weather))
        course = who.run(network, seed, began + fault.seen_within, began)
        times.append(course.first_move_after(began))
        deaths += course.deaths > 0
        switches = max(switches, len(course.moves))
    ordered = sorted(float("inf") if time is None else time for time in times)
    p50, p95 = (_finite(ordered[min(trials - 1, int(part * trials))]) for part in (0.5, 0.95))
    never = times.count(None)
    return {"p50": p50, "p95": p95, "never": never, "deaths": deaths, "switches": switches}


def _finite(secs: float) -> float | None:
    return None if secs == float("inf") else round(secs, 2)


def _begins(who: Contestant, seed: str) -> float:
    """When a fault begins; its chance is another than that of lines and of probes."""
    return who.warm_secs + 10.0 * random.Random(f"{seed}/begins").random()


def comeback(who: Contestant, trials: int) -> Cell:
    """How long after the repair of an outage of 5 minutes the traffic is back."""
    times: list[float] = []
    for trial in range(trials):
        seed = f"{who.name}/comeback/{trial}"
        began = _begins(who, seed)
        repaired = began + 300.0
        phases = oscillation(int(began * SECOND_NS), DAY, 300.0)
        course = who.run(
            Network(seed, who.base, phases), seed, repaired + RETURNED_WITHIN, repaired
        )
        returned = course.return_after(repaired)
        times.append(float("inf") if returned is None else returned)
    times.sort()
    return {"p50": _finite(times[trials // 2]), "p95": _finite(times[int(0.95 * trials)])}


# --- losses to be borne ------------------------------------------------------------------------
def _independent(share: float) -> Callable[[str], Phases]:
    return lambda seed: always(Weather(share))


STEADY: dict[str, Callable[[str], Phases]] = {
    "0.5 % loss": _independent(0.005),
    "1 % loss": _independent(0.01),
    "2 % loss": _independent(0.02),
    "3 % loss": _independent(0.03),
    "5 % loss": _independent(0.05),
    "1 % in bursts of 100 ms": lambda seed: bursts(seed, 9.9, 0.1, BLACKHOLE),
    "1 % in bursts of 300 ms": lambda seed: bursts(seed, 29.7, 0.3, BLACKHOLE),
    "2 % in bursts of 1 s, half lost": lambda seed: bursts(seed, 24.0, 1.0, Weather(0.5)),
}


def false_failovers(who: Contestant, steady: str, days: float) -> Cell:
    """Failovers a day on a line that only loses a little."""
    seed = f"{who.name}/{steady}"
    course = who.run(Network(seed, who.base, STEADY[steady](seed)), seed, days * DAY, None)
    count = sum(move.to_backup for move in course.moves)
    return {
        "count": count,
        "days": days,
        "per_day": round(count / days, 3),
        "deaths": course.deaths,
    }


# --- oscillations to be sat out ------------------------------------------------------------------
def _periodic(period: float, down: float) -> Callable[[str], Phases]:
    def phases(seed: str) -> Phases:
        late = random.Random(f"{seed}/begins").random() * min(period, 60.0)
        return oscillation(int((STEADY_FROM_SECS + late) * SECOND_NS), period - down, down)

    return phases


def _random(up: float, down: float) -> Callable[[str], Phases]:
    from_ns = int(STEADY_FROM_SECS * SECOND_NS)
    return lambda seed: sojourns(seed, from_ns, up, down, LEAST_OUTAGE_SECS)


OSCILLATIONS: dict[str, Callable[[str], Phases]] = {
    **{
        f"T{period}/{down}": _periodic(period, down)
        for period, down in (
            (4, 2), (10, 3), (30, 10), (45, 15), (60, 5), (100, 20), (150, 3), (200, 60),
            (300, 8), (400, 200), (500, 2), (600, 30),
        )
    },
    "random 30/5": _random(30.0, 5.0),
    "random 50/10": _random(50.0, 10.0),
    "random 120/60": _random(120.0, 60.0),
    "random 300/20": _random(300.0, 20.0),
    "random 570/30": _random(570.0, 30.0),
    "random 6 h/5 min": _random(21_600.0, 300.0),
}  # fmt: skip
ADVERSARY = "adversary"


def oscillating(who: Contestant, name: str, hours: float, seeds: int) -> Cell:
    """The worst sliding hour over all seeds: switches, and seconds on a dead path."""
    switches, dead, total = 0, 0.0, 0
    for number in range(seeds):
        seed = f"{who.name}/{name}/{number}"
        until = hours * 3600.0
        if name == ADVERSARY:
            from_ns = int(STEADY_FROM_SECS * SECOND_NS)
            network: Network = Adversary(seed, who.base, fair_until(from_ns, FAIR))
        else:
            network = Network(seed, who.base, OSCILLATIONS[name](seed))
        moves = who.run(network, seed, until, None).moves
        on_primary = _on_primary(moves, until)
        outages = [(began / SECOND_NS, ended / SECOND_NS) for began, ended in network.outages]
        if name == ADVERSARY:
            outages = [(STEADY_FROM_SECS, until)]
        switches = max(switches, most_in_an_hour([move.at for move in moves]))
        dead = max(dead, most_secs_in_an_hour(overlap(on_primary, outages)))
        total += len(moves)
    per_hour = round(total / seeds / hours, 3)
    return {"switches": switches, "dead": round(dead, 2), "per_hour": per_hour}


def _on_primary(moves: Sequence[Move], until: float) -> list[Span]:
    spans: list[Span] = []
    began = 0.0
    for move in moves:
        if move.to_backup:
            spans.append((began, move.at))
        else:
            began = move.at
    if not moves or not moves[-1].to_backup:
        spans.append((began, until))
    return spans
