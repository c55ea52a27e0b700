"""What a path did in one slot of ten seconds: the row that history is made of.

Accumulated probe by probe; two halves of one slot (a restart in between, a
hand-over) merge into what one monitor would have written.
"""

from __future__ import annotations

from typing import NamedTuple

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
    health_score: float | None
    status: PathStatus
    known_secs: int
    reachable_secs: int
    bad_secs: int
    sketch: bytes

    def merged_with(self, later: Sample) -> Sample:
        """The sample of the whole slot, ``self`` being the earlier part.

        Means are weighted by answers; the jitter's weights are the answers as
        well, because the number of pairs is not stored. The later part's score
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
    """The probes of one target that settled in the current slot."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0
        self.sketch = Sketch()
        self._rtt_sum = 0
        self._least: int | None = None
        self._greatest: int | None = None
        self._variation_sum = 0
        self._variation_count = 0
        self._previous: int | None = None
        self._bad_seconds: set[int] = set()

    def answered(self, rtt_ns: int) -> None:
        """A probe was answered after ``rtt_ns`` nanoseconds."""
        self.sent += 1
        self.received += 1
        self._rtt_sum += rtt_ns
        self._least = rtt_ns if self._least is None else min(self._least, rtt_ns)
        self._greatest = rtt_ns if self._greatest is None else max(self._greatest, rtt_ns)
        if self._previous is not None:
            self._variation_sum += abs(rtt_ns - self._previous)
            self._variation_count += 1
        self._previous = rtt_ns
        self.sketch.add(rtt_ns)

    def lost(self, sent_ns: int) -> None:
        """A probe that left at ``sent_ns`` (monotonic, nanoseconds) was lost."""
        self.sent += 1
        self._previous = None
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
    ) -> Sample:
        """Close the slot that began at ``timestamp``."""
        received, pairs = self.received, self._variation_count
        return Sample(
            timestamp=timestamp,
            path=path,
            sent=self.sent,
            received=received,
            latency_ms=self._rtt_sum / received / _NS_PER_MS if received else None,
            min_latency_ms=None if self._least is None else self._least / _NS_PER_MS,
            max_latency_ms=None if self._greatest is None else self._greatest / _NS_PER_MS,
            packet_loss_pct=100.0 * (self.sent - received) / self.sent if self.sent else None,
            jitter_ms=self._variation_sum / pairs / _NS_PER_MS if pairs else None,
            health_score=health_score,
            status=status,
            known_secs=min(SLOT_SECS, known_secs),
            reachable_secs=min(SLOT_SECS, reachable_secs),
            bad_secs=min(SLOT_SECS, len(self._bad_seconds)),
            sketch=self.sketch.to_bytes(),
        )


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
