"""One uplink's interface as it is read again and again: totals that run on, the present rate.

Pure: readings and times come as arguments. The arithmetic of two readings is in
``health.domain.traffic``.
"""

from __future__ import annotations

from health.domain.traffic import (
    CounterReading,
    Counts,
    Growth,
    bits_per_second,
    growth,
    is_blank,
    spread,
)


class UplinkMeter:
    """Totals since the uplink was first counted, and the rates between the last two readings.

    ``totals``, ``counted_at`` (seconds since 1970, UTC) and ``last`` are what a
    predecessor left; without them the meter begins with its first reading. The rates are
    None while nothing is known: at first, and while the interface is missing.
    """

    def __init__(
        self,
        totals: Counts | None = None,
        counted_at: float | None = None,
        last: CounterReading | None = None,
    ) -> None:
        self.totals = totals or Counts()
        self.counted_at = counted_at
        self.last = last
        self.receive_bps: float | None = None
        self.transmit_bps: float | None = None

    def note(self, reading: CounterReading | None, *, wall: float) -> dict[int, Growth]:
        """Take a reading at ``wall``, None when the interface is missing; gives it by slots."""
        self.receive_bps = self.transmit_bps = None
        before = self.last
        if reading is None or (before is not None and is_blank(reading, before)):
            return {}
        grown = None if before is None else growth(before, reading)
        self.last, self.counted_at = reading, wall
        if grown is None:
            return {}
        self.totals = self.totals.plus(grown.counts)
        self.receive_bps = bits_per_second(grown.counts.receive_bytes, grown.secs)
        self.transmit_bps = bits_per_second(grown.counts.transmit_bytes, grown.secs)
        return spread(grown, ends_at=wall)
