"""Recorded slots as ``decide()`` would have met them: second by second, probe by probe.

A sample says how many probes of its ten seconds were lost and how their round-trip times
were distributed, not when each was sent. Here they are laid out again: bad ones spread
evenly over the slot, an outage at the edge where the neighbouring slot has it. So the times
of a replay are right to within a slot. Decisions and databases may not enter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from failover.domain.views import ALIVE_AFTER, NO_VIEW, MemberView
from health.domain.reading import Settled, TargetProbes
from health.domain.sample import SLOT_SECS
from health.domain.status import PathStatus, Reason

_NS = 1_000_000_000
_NS_PER_MS = 1_000_000
_GOLDEN = 0.6180339887498949
"""Multiples of it modulo 1 fill an interval evenly, however many are taken (Weyl 1916)."""


class RecordedSlot(NamedTuple):
    """One member in one slot: ``timestamp`` seconds since 1970, UTC; ``rtts_ms`` (value, count).

    ``reachable_secs`` of ``known_secs`` the path answered; ``score`` is that at the slot's end.
    """

    timestamp: int
    sent: int
    received: int
    latency_ms: float | None
    score: float | None
    status: PathStatus
    known_secs: int
    reachable_secs: int
    rtts_ms: tuple[tuple[float, int], ...] = ()


class Second(NamedTuple):
    """One member in one second: whether it answered (None: unknown), and its base probes."""

    reachable: bool | None
    probes: tuple[Settled, ...]


def seconds_of(
    slot: RecordedSlot, before: RecordedSlot | None, after: RecordedSlot | None
) -> tuple[Second, ...]:
    """The ten seconds of ``slot``; the neighbours say at which end an outage lies."""
    reachable = reachable_by_second(slot, before, after)
    probes = _probes_by_second(slot)
    return tuple(Second(answers, sent) for answers, sent in zip(reachable, probes, strict=True))


def view_of(slot: RecordedSlot | None, second: Second | None, *, settled: int) -> MemberView:
    """What the decision saw of the member; ``settled`` are the probes of its window by then."""
    if slot is None or second is None or second.reachable is None:
        return NO_VIEW._replace(reason=Reason.STALE)
    if not second.reachable:
        return MemberView(PathStatus.DOWN, False, 0.0, settled, 0, ALIVE_AFTER, False, None)
    status = slot.status
    if status is PathStatus.UNKNOWN:  # it became unknown later in the slot
        status = PathStatus.DEGRADED
    return MemberView(status, True, slot.score, settled, ALIVE_AFTER, 0, True, slot.latency_ms)


def target_probes(second: Second | None) -> list[TargetProbes]:
    """The second's probes as one target's: samples are kept by path."""
    if second is None or not second.probes:
        return []
    return [TargetProbes(0, second.probes)]


def reachable_by_second(
    slot: RecordedSlot, before: RecordedSlot | None, after: RecordedSlot | None
) -> list[bool | None]:
    """Whether the path answered in each of the slot's seconds; None where nobody knows."""
    known = min(slot.known_secs, SLOT_SECS)
    answering = min(slot.reachable_secs, known)
    silent, unknown = known - answering, SLOT_SECS - known
    # The unknown seconds of a start come first, those of an end last.
    began_unknown = before is None or before.known_secs == 0
    outage_goes_on = after is not None and after.reachable_secs < after.known_secs
    outage_began = before is not None and before.reachable_secs < before.known_secs
    answers: list[bool | None] = [True] * answering
    silence: list[bool | None] = [False] * silent
    gap: list[bool | None] = [None] * unknown
    ends_here = outage_began and not outage_goes_on
    seconds = silence + answers if ends_here else answers + silence
    return gap + seconds if began_unknown else seconds + gap


def _probes_by_second(slot: RecordedSlot) -> list[tuple[Settled, ...]]:
    """The slot's probes in the order of their seconds, the bad ones evenly between the good."""
    worst_first: list[int | None] = [None] * (slot.sent - slot.received)
    for value_ms, count in sorted(slot.rtts_ms, reverse=True):
        worst_first += [int(value_ms * _NS_PER_MS)] * count
    usual_ns = int((slot.latency_ms or 0.0) * _NS_PER_MS)  # where the sketch has fewer
    worst_first += [usual_ns] * (slot.sent - len(worst_first))
    spacing_ns = SLOT_SECS * _NS // max(1, slot.sent)
    began_ns = slot.timestamp * _NS
    settled = [
        Settled(began_ns + place * spacing_ns, worst_first[rank])
        for place, rank in enumerate(_evenly(slot.sent))
    ]
    return [
        tuple(settled[second * slot.sent // SLOT_SECS : (second + 1) * slot.sent // SLOT_SECS])
        for second in range(SLOT_SECS)
    ]


@lru_cache(maxsize=1024)
def _evenly(count: int) -> tuple[int, ...]:
    """The ranks 0 … count − 1 in an order in which the first few of any number lie far apart."""
    return tuple(sorted(range(count), key=lambda rank: rank * _GOLDEN % 1.0))
