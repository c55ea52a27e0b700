"""Counts the traffic of a host's uplinks and keeps their present in the database.

A thread of its own: neither the loop nor the writing of samples waits for netlink. Reads
the counters at the end of each slot, and the states of the uplinks each second; writes
when a slot ended or a state changed. While the database is away the slots wait here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from django.db import DatabaseError, connection

from health.domain.sample import SLOT_SECS, slot_of
from health.domain.traffic import CounterReading, Growth, merged
from health.domain.uplink_meter import UplinkMeter
from health.domain.uplink_spec import UplinkSpec
from health.domain.uplink_state import UplinkState
from health.engine.clock import Clock
from health.monitoring.uplink_writer import UplinkBatch, UplinkRow, write_uplinks
from health.selectors.uplinks import uplink_meters
from health.uplinks.link_counters import CounterSource, LinkCounters

log = logging.getLogger(__name__)

TURN_SECS = 1.0
MAX_WAITING_SLOTS = 50_000
LAST_WRITE_SECS = 5.0

States = Callable[[], Mapping[int, UplinkState]]
Sink = Callable[[UplinkBatch], None]


class TrafficKeeper:
    """Call ``configure`` with the uplinks of the vantage, now and after each edit.

    ``states`` gives what is known of each uplink by its key; it is called in this
    thread and must not block. ``identity`` is ``link_counters.counters_identity``.
    ``sink`` writes; it may raise ``DatabaseError`` and is then called again.
    """

    def __init__(
        self,
        epoch: int,
        *,
        states: States,
        clock: Clock,
        identity: str,
        counters: CounterSource | None = None,
        sink: Sink | None = None,
    ) -> None:
        self.dropped_slots = 0
        self._states = states
        self._clock = clock
        self._identity = identity
        self._counters = counters or LinkCounters(clock.monotonic_ns)
        self._sink = sink or partial(write_uplinks, epoch=epoch)
        self._specs: tuple[UplinkSpec, ...] = ()
        self._meters: dict[int, UplinkMeter] = {}
        self._waiting: dict[tuple[int, int], Growth] = {}
        self._counted: tuple[int, tuple[UplinkSpec, ...]] | None = None
        self._written: dict[int, UplinkState] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)

    def configure(self, specs: Sequence[UplinkSpec]) -> None:
        """The uplinks from now on; returns at once, from any thread."""
        self._specs = tuple(specs)

    def start(self) -> None:
        """Begin to count."""
        self._thread.start()

    def close(self) -> None:
        """Count and write once more, then end; gives up after ``LAST_WRITE_SECS``."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(LAST_WRITE_SECS)

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._pause_secs()):
                self.turn()
            self.turn(is_last=True)
        finally:
            self._counters.close()
            connection.close()

    def _pause_secs(self) -> float:
        """Until the next turn; one comes just after the end of each slot."""
        left = SLOT_SECS - self._clock.wall() % SLOT_SECS
        return min(TURN_SECS, left + 0.01)

    def turn(self, *, is_last: bool = False) -> None:
        """What the thread does each second; faults are logged, and the next turn tries again."""
        try:
            self._work(is_last=is_last)
        except DatabaseError as error:
            log.warning("the database is away, traffic is counted on: %s", error)
            connection.close()
        except Exception:
            # A defect here must not silently end the counting.
            log.exception("the traffic thread met a defect; it goes on")
            connection.close()

    def _work(self, *, is_last: bool) -> None:
        specs, wall = self._specs, self._clock.wall()
        due = (slot_of(wall), specs)
        if is_last or due != self._counted:
            self._find_meters(specs)
            self._counted = due
            self._count(specs, wall)
            self._written = None
        states = self._present(specs)
        if states != self._written:
            self._write(specs, states, wall)

    def _find_meters(self, specs: Sequence[UplinkSpec]) -> None:
        """Meters go on where this or another monitor left them; those of gone uplinks end."""
        new = [spec.key for spec in specs if spec.key not in self._meters]
        found = uplink_meters(new, identity=self._identity) if new else {}
        kept = {spec.key: self._meters.get(spec.key) for spec in specs}
        self._meters = {
            key: meter or found.get(key) or UplinkMeter() for key, meter in kept.items()
        }

    def _count(self, specs: Sequence[UplinkSpec], wall: float) -> None:
        readings = self._readings(specs)
        for spec in specs:
            grown = self._meters[spec.key].note(readings.get(spec.interface), wall=wall)
            for slot, part in grown.items():
                there = self._waiting.get((slot, spec.key))
                self._waiting[slot, spec.key] = merged(there, part) if there else part
        excess = len(self._waiting) - MAX_WAITING_SLOTS
        for oldest in sorted(self._waiting)[: max(0, excess)]:
            del self._waiting[oldest]
            self.dropped_slots += 1

    def _readings(self, specs: Sequence[UplinkSpec]) -> Mapping[str, CounterReading]:
        try:
            return self._counters.read(spec.interface for spec in specs if spec.interface)
        except OSError as error:
            log.warning("traffic is not known at the moment: %s", error)
            return {}

    def _present(self, specs: Sequence[UplinkSpec]) -> dict[int, UplinkState]:
        states = self._states()
        return {
            spec.key: states.get(spec.key) or UplinkState(spec.key, interface=spec.interface)
            for spec in specs
        }

    def _write(
        self, specs: Sequence[UplinkSpec], states: dict[int, UplinkState], wall: float
    ) -> None:
        rows = [self._row(states[spec.key], wall) for spec in specs]
        if rows or self._waiting:
            self._sink(UplinkBatch(rows, dict(self._waiting)))
        self._waiting.clear()
        self._written = states

    def _row(self, state: UplinkState, wall: float) -> UplinkRow:
        meter = self._meters[state.key]
        return UplinkRow(
            state=state,
            updated_at=wall,
            receive_bps=meter.receive_bps,
            transmit_bps=meter.transmit_bps,
            totals=meter.totals,
            counted_at=meter.counted_at,
            last=meter.last,
            identity=self._identity,
        )
