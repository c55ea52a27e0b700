"""Samples of ten seconds become at most 360 buckets that hide no extreme. Pure.

A bucket in which nothing was sent is no data; one in which nothing was answered is a
total loss. Neither has a latency, and neither is drawn as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

SLOT_SECS = 10


class Slot(Protocol):
    """What is needed of a sample; see ``health.selectors.history.HistoryPoint``."""

    @property
    def timestamp(self) -> int: ...

    @property
    def sent(self) -> int: ...

    @property
    def received(self) -> int: ...

    @property
    def latency_ms(self) -> float | None: ...

    @property
    def min_latency_ms(self) -> float | None: ...

    @property
    def max_latency_ms(self) -> float | None: ...

    @property
    def jitter_ms(self) -> float | None: ...

    @property
    def health_score(self) -> float | None: ...

    @property
    def known_secs(self) -> int: ...

    @property
    def reachable_secs(self) -> int: ...


class Bucket(NamedTuple):
    """``start`` in seconds since 1970, UTC; times in ms, loss in percent, None: not measured."""

    start: float
    sent: int
    received: int
    latency: float | None
    least: float | None
    most: float | None
    loss: float | None
    jitter: float | None
    score: float | None

    @property
    def is_outage(self) -> bool:
        """Probes were sent and none was answered."""
        return self.sent > 0 and self.received == 0


@dataclass(frozen=True, slots=True)
class Span:
    """A range that can be asked for, and the length of its buckets."""

    key: str
    label: str
    secs: int
    bucket_secs: int
    refresh_secs: int


SPANS = {
    span.key: span
    for span in (
        Span("15m", "15 minutes", 900, 10, 10),
        Span("1h", "1 hour", 3600, 10, 15),
        Span("6h", "6 hours", 6 * 3600, 60, 60),
        Span("24h", "24 hours", 24 * 3600, 240, 240),
    )
}


LONGEST = max(SPANS.values(), key=lambda span: span.secs)


def span_asked(query: Mapping[str, str]) -> Span | None:
    """The range in an address; nonsense is taken as "not asked for"."""
    return SPANS.get(query.get("range", ""))


def span_for(begun: float | None, *, now: float) -> Span:
    """The shortest range up to ``now`` that holds a history begun then (seconds since 1970).

    Without a history it is the shortest of all, with a longer one the longest.
    """
    age = 0.0 if begun is None else now - begun
    return next((span for span in SPANS.values() if age <= span.secs), LONGEST)


def buckets(slots: Iterable[Slot], *, since: float, until: float, secs: int) -> list[Bucket | None]:
    """``slots`` (oldest first) in buckets of ``secs``; None where nothing was sent."""
    first = int(since // secs)
    last = int((until - 1e-6) // secs)
    filled: dict[int, list[Slot]] = {}
    for slot in slots:
        filled.setdefault(slot.timestamp // secs, []).append(slot)
    return [_bucket(n * secs, filled.get(n, ())) for n in range(first, last + 1)]


def _bucket(start: float, slots: Sequence[Slot]) -> Bucket | None:
    sent = sum(slot.sent for slot in slots)
    if not sent:
        return None
    received = sum(slot.received for slot in slots)
    return Bucket(
        start=start,
        sent=sent,
        received=received,
        latency=weighted((slot.latency_ms, slot.received) for slot in slots),
        least=min((s.min_latency_ms for s in slots if s.min_latency_ms is not None), default=None),
        most=max((s.max_latency_ms for s in slots if s.max_latency_ms is not None), default=None),
        loss=100.0 * (sent - received) / sent,
        jitter=weighted((slot.jitter_ms, slot.received) for slot in slots),
        score=weighted((slot.health_score, slot.known_secs) for slot in slots),
    )


def weighted(pairs: Iterable[tuple[float | None, float]]) -> float | None:
    """The mean of the known values by their weights; None when nothing is known."""
    known = [(value, weight) for value, weight in pairs if value is not None]
    total = sum(weight for _, weight in known)
    if not known:
        return None
    if not total:
        return sum(value for value, _ in known) / len(known)
    return sum(value * weight for value, weight in known) / total


@dataclass(frozen=True, slots=True)
class Statistics:
    """A range in figures; ``reachable_pct`` of the known time, ``known_pct`` of the range."""

    least: float | None
    latency: float | None
    most: float | None
    jitter: float | None
    loss: float | None
    score: float | None
    reachable_pct: float | None
    known_pct: float


def statistics(slots: Sequence[Slot], *, secs: float) -> Statistics:
    """The figures of ``slots``, which lie in a range of ``secs`` seconds."""
    whole = _bucket(0, slots)
    known = sum(slot.known_secs for slot in slots)
    reachable = sum(slot.reachable_secs for slot in slots)
    return Statistics(
        least=whole.least if whole else None,
        latency=whole.latency if whole else None,
        most=whole.most if whole else None,
        jitter=whole.jitter if whole else None,
        loss=whole.loss if whole else None,
        score=whole.score if whole else None,
        reachable_pct=100.0 * reachable / known if known else None,
        known_pct=min(100.0, 100.0 * known / secs),
    )
