"""The traffic of an uplink's interface: from counters of the kernel to what a slot carried. Pure.

Counters wrap (drivers with 32 bits), start again (driver reload) and belong to another
interface than before (made anew: new index). Whatever happens, nothing is counted that
was not carried: in doubt the sum is too small, never too large.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from health.domain.sample import SLOT_SECS

WORD = 1 << 32
"""Where the counters of a 32-bit driver start again."""
MOST_BYTES_PER_PACKET = 65_536
"""No packet of a driver with 32-bit counters is longer, offloading included."""
SNAP_SECS = 1.0
"""A reading so close to the end of a slot was meant to be taken there."""
LONGEST_SPREAD_SECS = 3 * SLOT_SECS
"""What came together over a longer time belongs to no slot: only to the totals."""


class Counts(NamedTuple):
    """Counters of one interface, as they stand or as they grew; errors and drops in packets."""

    receive_bytes: int = 0
    transmit_bytes: int = 0
    receive_packets: int = 0
    transmit_packets: int = 0
    receive_errors: int = 0
    transmit_errors: int = 0
    receive_drops: int = 0
    transmit_drops: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*(mine + its for mine, its in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class CounterReading:
    """What the kernel said at ``at_ns`` (monotonic) about the interface number ``index``."""

    at_ns: int
    index: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Growth:
    """What an interface carried in ``secs`` seconds."""

    secs: float
    counts: Counts


SlotKey: TypeAlias = int
"""Start of a slot of 10 s, in seconds since 1970, UTC."""


def growth(before: CounterReading, after: CounterReading) -> Growth | None:
    """What was carried between two readings; None when they have nothing in common.

    Another index is another interface, whose counters say nothing about this time.
    """
    secs = (after.at_ns - before.at_ns) / 1e9
    if before.index != after.index or secs <= 0:
        return None
    return Growth(secs, _increase(before.counts, after.counts))


def is_blank(reading: CounterReading, before: CounterReading) -> bool:
    """True for a reading of nothing but zeros after others: a driver that starts again.

    It is left out. Some drivers count on from where they were, which would otherwise
    look as if everything since the start of the interface had been carried at once.
    """
    return reading.index == before.index and not any(reading.counts) and any(before.counts)


def spread(
    whole: Growth, *, ends_at: float, longest: float = LONGEST_SPREAD_SECS
) -> dict[SlotKey, Growth]:
    """``whole``, which ended at ``ends_at`` (wall, seconds since 1970), by slots.

    A reading that was late belongs evenly to the slots it spans; the parts sum up to the
    whole, to the byte. Beyond ``longest`` seconds nobody knows when it was: no slot.
    """
    if whole.secs > longest + SNAP_SECS:
        return {}
    end = _snapped(ends_at)
    start = min(_snapped(ends_at - whole.secs), end)
    first, last = _slot(start), _slot(end - 1e-6)
    if end - start < 1e-3 or first >= last:
        return {_slot((start + end) / 2): whole}
    edges = [start, *(float(slot) for slot in range(first + SLOT_SECS, last + 1, SLOT_SECS)), end]
    shares = [(edge - start) / (end - start) for edge in edges]
    parts: dict[SlotKey, Growth] = {}
    for begin, finish in pairwise(shares):
        counts = Counts(*(int(value * finish) - int(value * begin) for value in whole.counts))
        slot = _slot(start + (begin + finish) / 2 * (end - start))
        parts[slot] = Growth(whole.secs * (finish - begin), counts)
    return parts


def merged(first: Growth, second: Growth) -> Growth:
    """Two parts of one slot, such as before and after a restart."""
    return Growth(first.secs + second.secs, first.counts.plus(second.counts))


def bits_per_second(count_bytes: int, secs: float) -> float | None:
    """The mean rate; None when no time was observed."""
    return count_bytes * 8 / secs if secs > 0 else None


def utilisation_pct(bps: float | None, bandwidth_mbps: float | None) -> float | None:
    """``bps`` as a share of the configured bandwidth; None when either is not known.

    It may exceed 100: what is configured is not always what the line carries.
    """
    if bps is None or not bandwidth_mbps:
        return None
    return 100.0 * bps / (bandwidth_mbps * 1e6)


def _increase(before: Counts, after: Counts) -> Counts:
    if _was_reset(before, after):
        return after  # what was carried since; the rest before it is lost
    carried = map(_forward, before[:4], after[:4])
    return Counts(*carried, *map(_forward_in_doubt, before[4:], after[4:]))


def _was_reset(before: Counts, after: Counts) -> bool:
    """True when bytes or packets of a direction fell and a wrap does not explain it."""
    received = _is_explained(
        (before.receive_bytes, after.receive_bytes),
        (before.receive_packets, after.receive_packets),
    )
    transmitted = _is_explained(
        (before.transmit_bytes, after.transmit_bytes),
        (before.transmit_packets, after.transmit_packets),
    )
    return not (received and transmitted)


def _is_explained(size: tuple[int, int], packets: tuple[int, int]) -> bool:
    """True when a direction grew, or when one of its counters wrapped while the other grew.

    Both must agree: as many bytes as so many packets can have.
    """
    fallen = [before for before, now in (size, packets) if now < before]
    if not fallen:
        return True
    if len(fallen) > 1 or fallen[0] >= WORD:
        return False
    count_bytes, count = _forward(*size), _forward(*packets)
    return count <= count_bytes <= count * MOST_BYTES_PER_PACKET


def _forward(before: int, now: int) -> int:
    return now - before if now >= before else now + WORD - before


def _forward_in_doubt(before: int, now: int) -> int:
    """Errors and drops have nothing to be held against: they wrapped only from far up."""
    return _forward(before, now) if now >= before or WORD // 2 <= before < WORD else 0


def _slot(wall: float) -> SlotKey:
    return int(wall // SLOT_SECS) * SLOT_SECS


def _snapped(wall: float) -> float:
    nearest = round(wall / SLOT_SECS) * SLOT_SECS
    return float(nearest) if abs(wall - nearest) <= SNAP_SECS else wall
