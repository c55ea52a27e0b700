"""Measure targets now, for a person who waits: a handful of probes, each told as it ends.

Not the engine: no windows, no liveness, no bursts. But the same probers along the same
contract for every kind, so that a one-off measurement accepts and times an answer exactly
as the monitor does. Prints nothing and knows no Django; ``manage.py probe`` and
``health.on_demand`` do the talking.
"""

from __future__ import annotations

import contextlib
import itertools
import select
import time
from typing import TYPE_CHECKING, NamedTuple

from health.domain.measurement import Outcome
from health.probers.base import SendError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from health.domain.directions import DirectionStamps
    from health.probers.base import Lane, Prober, Reply, WireTarget

_NS_PER_MS = 1_000_000
_NS_PER_SEC = 1_000_000_000
_TURN_SECS = 0.005
"""How often answers are read that wake nobody: their time of arrival is stamped anyway."""


class Attempt(NamedTuple):
    """One probe: ``rtt_ms`` in milliseconds when answered, else ``detail`` says why not.

    ``target`` is the place of its target among those that are measured, ``number`` counts
    the probes of that target from 1.
    """

    number: int
    outcome: Outcome
    rtt_ms: float | None = None
    detail: str = ""
    target: int = 0
    directions: DirectionStamps | None = None


class Summary(NamedTuple):
    """All probes of a measurement. Times in milliseconds, None where nothing was measured.

    ``sent`` counts probes that left this host and ``packet_loss_pct`` refers to
    them. ``jitter_ms`` is the mean |RTTᵢ − RTTᵢ₋₁| of consecutive probes that
    were both answered (cf. RFC 3393); it is None without such a pair. The loss of
    each direction is that between the first and the last answer, because only
    answers say what the far end has counted; None where the kind cannot tell.
    """

    sent: int
    received: int
    packet_loss_pct: float | None
    min_ms: float | None
    avg_ms: float | None
    max_ms: float | None
    jitter_ms: float | None
    forward_loss_pct: float | None = None
    backward_loss_pct: float | None = None


class _UnderWay(NamedTuple):
    target: int
    number: int
    deadline: float


class _Round:
    """The probes of one measurement: what is due, what is under way, what has ended."""

    def __init__(
        self, prober: Prober, targets: Sequence[WireTarget], count: int, timeout_secs: float
    ) -> None:
        self._prober = prober
        self._targets = targets
        self._lanes: dict[int, Lane] = {}
        self._under_way: dict[int, _UnderWay] = {}
        self._timeout_secs = timeout_secs
        self._silence = f"no answer within {timeout_secs:g} s"

    def send(self, number: int) -> Iterator[Attempt]:
        """Send one probe to each target; those that could not leave have ended."""
        for place, target in enumerate(self._targets):
            try:
                if place not in self._lanes:
                    self._lanes[place] = self._prober.prepare(target)
                timeout_ns = int(self._timeout_secs * _NS_PER_SEC)
                probe_id = self._prober.send(self._lanes[place], timeout_ns)
            except SendError as error:
                yield Attempt(number, error.outcome, None, f"not sent: {error}", place)
                continue
            deadline = time.monotonic() + self._timeout_secs
            self._under_way[probe_id] = _UnderWay(place, number, deadline)

    def wait(self, until: float) -> Iterator[Attempt]:
        """What ends before ``until`` (monotonic seconds); returns early when all has ended."""
        while self._under_way and (left := until - time.monotonic()) > 0:
            yield from self._turn(left)

    def finish(self) -> Iterator[Attempt]:
        """What is still under way, until its deadlines."""
        while self._under_way:
            yield from self._turn(_TURN_SECS)

    def close(self) -> None:
        """Give everything back to the prober, also what was interrupted."""
        for probe_id in self._under_way:
            self._prober.forget(probe_id)
        for lane in self._lanes.values():
            self._prober.release(lane)

    def _turn(self, at_most_secs: float) -> Iterator[Attempt]:
        select.select(self._prober.sockets(), [], [], min(at_most_secs, _TURN_SECS))
        for reply in self._prober.receive():
            probe = self._under_way.pop(reply.probe_id, None)
            if probe is not None:
                yield _ended(probe, reply)
        yield from self._overdue(time.monotonic())

    def _overdue(self, now: float) -> Iterator[Attempt]:
        late = [key for key, probe in self._under_way.items() if probe.deadline <= now]
        for probe_id in late:
            probe = self._under_way.pop(probe_id)
            self._prober.forget(probe_id)
            yield Attempt(probe.number, Outcome.LOST, None, self._silence, probe.target)


def measure(
    prober: Prober,
    targets: Sequence[WireTarget],
    count: int,
    interval_secs: float,
    timeout_secs: float,
) -> Generator[Attempt, None, None]:
    """``count`` probes to each target, one each ``interval_secs``, in the order of their ends.

    The targets are probed side by side. Closing the iterator ends the measurement; the
    prober stays open.
    """
    with contextlib.closing(_Round(prober, targets, count, timeout_secs)) as running:
        due = time.monotonic()
        for number in range(1, count + 1):
            yield from running.send(number)
            due += interval_secs
            if number < count:
                yield from running.wait(due)
                time.sleep(max(0.0, due - time.monotonic()))
        yield from running.finish()


def summarise(attempts: Sequence[Attempt]) -> Summary:
    """The figures of all attempts so far, of one target or of several."""
    measured = [a for a in attempts if a.outcome.is_measurement]
    rtts = [a.rtt_ms for a in measured if a.rtt_ms is not None]
    steps = [abs(later - earlier) for earlier, later in _neighbours(attempts)]
    forward, backward = _losses_by_direction(attempts)
    return Summary(
        sent=len(measured),
        received=len(rtts),
        packet_loss_pct=100 * (1 - len(rtts) / len(measured)) if measured else None,
        min_ms=min(rtts) if rtts else None,
        avg_ms=sum(rtts) / len(rtts) if rtts else None,
        max_ms=max(rtts) if rtts else None,
        jitter_ms=sum(steps) / len(steps) if steps else None,
        forward_loss_pct=forward,
        backward_loss_pct=backward,
    )


def by_target(attempts: Sequence[Attempt], targets: int) -> list[list[Attempt]]:
    """The attempts of each target, in the order in which they were sent."""
    found: list[list[Attempt]] = [[] for _ in range(targets)]
    for attempt in sorted(attempts, key=lambda one: one.number):
        found[attempt.target].append(attempt)
    return found


def _ended(probe: _UnderWay, reply: Reply) -> Attempt:
    rtt_ms = None if reply.rtt_ns is None else reply.rtt_ns / _NS_PER_MS
    return Attempt(
        probe.number, reply.outcome, rtt_ms, reply.detail, probe.target, reply.directions
    )


def _neighbours(attempts: Sequence[Attempt]) -> Iterator[tuple[float, float]]:
    """The times of consecutive probes to the same target that were both answered."""
    in_order = sorted(attempts, key=lambda one: (one.target, one.number))
    for earlier, later in itertools.pairwise(in_order):
        same = earlier.target == later.target
        if same and earlier.rtt_ms is not None and later.rtt_ms is not None:
            yield earlier.rtt_ms, later.rtt_ms


def _losses_by_direction(attempts: Sequence[Attempt]) -> tuple[float | None, float | None]:
    """Percent lost on the way there and on the way back (RFC 8762 §4.2, stateful reflector)."""
    sent = counted = answered = 0
    for _, group in itertools.groupby(
        sorted(attempts, key=lambda one: (one.target, one.number)), key=lambda one: one.target
    ):
        stamps = [one.directions for one in group if one.directions is not None]
        told = [one for one in stamps if one.reflector_sequence is not None]
        if len(told) < 2 or len(told) < len(stamps):
            continue
        numbers = [one.reflector_sequence or 0 for one in told]
        sent += told[-1].sequence - told[0].sequence
        counted += max(numbers) - min(numbers)
        answered += len(told) - 1
    if not 0 < answered <= counted <= sent:
        return None, None  # stateless, started anew, or too few answers to tell
    return 100 * (sent - counted) / sent, 100 * (counted - answered) / counted
