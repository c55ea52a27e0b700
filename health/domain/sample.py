"""What a path did in one slot of ten seconds: the row that history is made of.

Accumulated probe by probe; two halves of one slot (a restart in between, a
hand-over) merge into what one monitor would have written.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from health.domain.directions import NO_DIRECTIONS, DirectionMetrics
from health.domain.sketch import Sketch
from health.domain.status import PathStatus

SLOT_SECS = 10
_NS_PER_MS = 1_000_000
_NS_PER_SECOND = 1_000_000_000


class Sample(NamedTuple):
    """One slot of one path. Times in ms, loss in percent, None where nothing was measured."""

    timestamp: int
    path: int
    sent: int
    received: int
    latency_ms: float | None
    min_latency_ms: float | None
    max_latency_ms: float | None
    packet_loss_pct: float | None
    jitter_ms: float | None
    forward_loss_pct: float | None
    backward_loss_pct: float | None
    forward_jitter_ms: float | None
    backward_jitter_ms: float | None
    health_score: float | None
    status: PathStatus
    known_secs: int
    reachable_secs: int
    bad_secs: int
    sketch: bytes

    def merged_with(self, later: Sample) -> Sample:
        """The sample of the whole slot, ``self`` being the earlier part.

        Means are weighted by answers, those of the jitter and of the directions
        as well, because the number of pairs is not stored. The later part's score
        and status stand, as they would have at the end of the slot.
        """
        sent, received = self.sent + later.sent, self.received + later.received
        joined = Sketch.from_bytes(self.sketch).merge(Sketch.from_bytes(later.sketch))
        return later._replace(
            sent=sent,
            received=received,
            latency_ms=_weighted(self, later, "latency_ms"),
            min_latency_ms=_least(self.min_latency_ms, later.min_latency_ms),
            max_latency_ms=_greatest(self.max_latency_ms, later.max_latency_ms),
            packet_loss_pct=100.0 * (sent - received) / sent if sent else None,
            jitter_ms=_weighted(self, later, "jitter_ms"),
            forward_loss_pct=_weighted(self, later, "forward_loss_pct"),
            backward_loss_pct=_weighted(self, later, "backward_loss_pct"),
            forward_jitter_ms=_weighted(self, later, "forward_jitter_ms"),
            backward_jitter_ms=_weighted(self, later, "backward_jitter_ms"),
            health_score=later.health_score
            if later.health_score is not None
            else self.health_score,
            known_secs=min(SLOT_SECS, self.known_secs + later.known_secs),
            reachable_secs=min(SLOT_SECS, self.reachable_secs + later.reachable_secs),
            bad_secs=min(SLOT_SECS, self.bad_secs + later.bad_secs),
            sketch=joined.to_bytes(),
        )


def slot_of(wall: float) -> int:
    """Start of the slot that contains ``wall`` (seconds since 1970, UTC)."""
    return int(wall // SLOT_SECS) * SLOT_SECS


class TargetSlot:
    """The base probes of one target that settled in the current slot.

    ``rtts`` has one entry a probe in order of settling: the round-trip time in
    nanoseconds, None for a loss. Entering one must cost nothing; the arithmetic
    waits until the slot closes.
    """

    __slots__ = ("_bad_seconds", "rtts")

    def __init__(self) -> None:
        self.rtts: list[int | None] = []
        self._bad_seconds: set[int] | None = None

    def lost(self, sent_ns: int) -> None:
        """A probe that left at ``sent_ns`` (monotonic, nanoseconds) was lost."""
        self.rtts.append(None)
        if self._bad_seconds is None:
            self._bad_seconds = set()
        self._bad_seconds.add(sent_ns // _NS_PER_SECOND)

    def sample(
        self,
        *,
        timestamp: int,
        path: int,
        health_score: float | None,
        status: PathStatus,
        known_secs: int,
        reachable_secs: int,
        directions: DirectionMetrics = NO_DIRECTIONS,
    ) -> Sample:
        """Close the slot that began at ``timestamp``."""
        answered = [rtt for rtt in self.rtts if rtt is not None]
        sent, received = len(self.rtts), len(answered)
        return Sample(
            timestamp,
            path,
            sent,
            received,
            sum(answered) / received / _NS_PER_MS if received else None,
            min(answered) / _NS_PER_MS if received else None,
            max(answered) / _NS_PER_MS if received else None,
            100.0 * (sent - received) / sent if sent else None,
            _jitter_ms(self.rtts),
            *directions,
            health_score,
            status,
            min(SLOT_SECS, known_secs),
            min(SLOT_SECS, reachable_secs),
            min(SLOT_SECS, len(self._bad_seconds or ())),
            Sketch.of(answered).to_bytes(),
        )


def _jitter_ms(rtts: list[int | None]) -> float | None:
    """Mean difference of neighbouring probes that were both answered (RFC 3393), in ms."""
    steps = [
        abs(later - earlier)
        for earlier, later in pairwise(rtts)
        if earlier is not None and later is not None
    ]
    return sum(steps) / len(steps) / _NS_PER_MS if steps else None


def _weighted(earlier: Sample, later: Sample, field: str) -> float | None:
    first: float | None = getattr(earlier, field)
    second: float | None = getattr(later, field)
    if first is None or second is None:
        return second if first is None else first
    weight = earlier.received + later.received
    return (first * earlier.received + second * later.received) / weight


def _least(first: float | None, second: float | None) -> float | None:
    return min((value for value in (first, second) if value is not None), default=None)


def _greatest(first: float | None, second: float | None) -> float | None:
    return max((value for value in (first, second) if value is not None), default=None)
