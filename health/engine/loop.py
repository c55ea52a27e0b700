"""The probe engine: one thread, one event loop, all paths.

    wait → receive → time out → send (in chunks, receiving between) → judge → tell

Receiving comes before timing out: after a stall of this process the answers lie
in the socket with the kernel's own time stamps, and they count.
"""

from __future__ import annotations

import logging
import random
import selectors
from collections.abc import Callable, Iterable, Mapping, Sequence

from health.domain.measurement import Outcome
from health.domain.path_spec import PathSpec
from health.domain.reading import PathReading
from health.domain.sample import Sample, slot_of
from health.engine.clock import Clock, SystemClock
from health.engine.observers import Round, RoundObserver
from health.engine.outstanding import Outstanding, OutstandingProbes
from health.engine.pacer import Pacer
from health.engine.path_monitor import PathMonitor
from health.engine.resolver import NameResolver
from health.engine.target_monitor import TargetMonitor
from health.probers.base import Prober, SendError, WireTarget

log = logging.getLogger(__name__)

ROUND_NS = 1_000_000_000
"""Every path is judged once a second, and at once when a target dies or comes back."""
SEND_CHUNK = 64
"""Sends between two looks at the sockets; one huge burst overflowed the receive buffer."""
SHORTEST_WAIT_NS = 5_000_000
"""Sends due within this time leave together: a wake-up costs more than a probe."""
LONGEST_WAIT_NS = 200_000_000


class ProbeEngine:
    """Measures the paths it is given until it is told to stop.

    ``probers`` are the ready kinds; ``unavailable`` says of the others why they
    can't be used, and their paths are unknown with that sentence. ``restore`` may
    fill a new path's monitor from what a predecessor left.
    """

    def __init__(
        self,
        probers: Mapping[str, Prober],
        *,
        observers: Sequence[RoundObserver] = (),
        on_samples: Callable[[list[Sample]], None] = lambda samples: None,
        unavailable: Mapping[str, str] | None = None,
        resolver: NameResolver | None = None,
        clock: Clock | None = None,
        random_fraction: Callable[[], float] = random.random,
        restore: Callable[[PathMonitor], None] = lambda monitor: None,
    ) -> None:
        self.paths: dict[int, PathMonitor] = {}
        self.readings: dict[int, PathReading] = {}
        self.probers = probers
        self.sent_total = 0
        self.observers = observers
        self._on_samples = on_samples
        self._unavailable = unavailable or {}
        self._resolver = resolver
        self._clock = clock or SystemClock()
        self._restore = restore
        self._pacer = Pacer(random_fraction)
        self._outstanding = OutstandingProbes()
        self._tickets: dict[int, tuple[PathMonitor, TargetMonitor]] = {}
        self._tickets_of: dict[int, list[int]] = {}
        self._submitted: list[PathSpec] | None = None
        self._selector = selectors.DefaultSelector()
        self._watched: set[int] = set()
        self._stirred: set[int] = set()
        self._overruns_told = 0
        now_ns = self._clock.monotonic_ns()
        self._next_round_ns = now_ns + ROUND_NS
        self._slot = slot_of(self._clock.wall())

    @property
    def overruns(self) -> int:
        """Probes that were not sent because the loop was late."""
        return self._pacer.overruns

    # --- configuration ----------------------------------------------------------
    def submit(self, specs: Iterable[PathSpec]) -> None:
        """Measure exactly these paths from the next turn on. May be called from any thread."""
        self._submitted = list(specs)

    def configure(self, specs: Iterable[PathSpec]) -> None:
        """Take the difference to ``specs`` over; unchanged paths are not touched at all."""
        now_ns = self._clock.monotonic_ns()
        wanted = {spec.key: spec for spec in specs}
        for key in self.paths.keys() - wanted.keys():
            self._unschedule(key)
            del self.paths[key]
            self.readings.pop(key, None)
        for key, spec in wanted.items():
            monitor = self.paths.get(key)
            if monitor is None:
                self.paths[key] = monitor = PathMonitor(spec, now_ns)
                self._restore(monitor)
                self._schedule(monitor, now_ns)
            elif monitor.spec != spec:
                self._respecify(monitor, spec, now_ns)
        if self._resolver is not None:
            self._resolver.want(t.address for spec in wanted.values() for t in spec.targets)

    def _respecify(self, monitor: PathMonitor, spec: PathSpec, now_ns: int) -> None:
        same_packets = monitor.spec.probes_like(spec)
        monitor.respecify(spec)
        if not same_packets:
            self._unschedule(spec.key)
            self._schedule(monitor, now_ns)

    def _schedule(self, monitor: PathMonitor, now_ns: int) -> None:
        tickets = []
        for target in monitor.targets:
            ticket = self._pacer.add(monitor.spec.timing.interval_ns, now_ns)
            self._tickets[ticket] = (monitor, target)
            tickets.append(ticket)
        self._tickets_of[monitor.spec.key] = tickets

    def _unschedule(self, key: int) -> None:
        for ticket in self._tickets_of.pop(key):
            self._pacer.remove(ticket)
            del self._tickets[ticket]

    # --- the loop -----------------------------------------------------------------
    def run(self, should_stop: Callable[[], bool]) -> None:
        """Turn until ``should_stop()``; it is asked at least five times a second."""
        try:
            while not should_stop():
                self.turn()
        finally:
            self._selector.close()

    def turn(self) -> None:
        """One pass: wait for the next thing to do, and do it."""
        if self._submitted is not None:
            specs, self._submitted = self._submitted, None
            self.configure(specs)
        self._watch_new_sockets()
        self._selector.select(self._wait_ns() / 1e9)
        self._receive()
        self._time_out()
        self._send()
        if self._stirred or self._clock.monotonic_ns() >= self._next_round_ns:
            self._finish_round()

    def _wait_ns(self) -> int:
        now_ns = self._clock.monotonic_ns()
        soonest = now_ns + LONGEST_WAIT_NS
        for moment in (
            self._next_round_ns,
            self._pacer.next_due_ns(),
            self._outstanding.next_timeout_ns(),
        ):
            if moment is not None:
                soonest = min(soonest, moment)
        return max(SHORTEST_WAIT_NS, soonest - now_ns)

    def _watch_new_sockets(self) -> None:
        for prober in self.probers.values():
            for socket in prober.sockets():
                if socket.fileno() not in self._watched:
                    self._selector.register(socket, selectors.EVENT_READ)
                    self._watched.add(socket.fileno())

    def _receive(self) -> None:
        for kind, prober in self.probers.items():
            for reply in prober.receive():
                probe = self._outstanding.take(kind, reply.probe_id)
                if probe is not None:
                    self._settle(probe, reply.outcome, reply.rtt_ns, reply.detail)

    def _time_out(self) -> None:
        now_ns = self._clock.monotonic_ns()
        for kind, probe_id, probe in self._outstanding.timed_out(now_ns):
            self.probers[kind].forget(probe_id)
            self._settle(probe, Outcome.LOST)

    def _send(self) -> None:
        due = self._pacer.due(self._clock.monotonic_ns())
        for sent, ticket in enumerate(due, start=1):
            self._send_one(*self._tickets[ticket])
            if sent % SEND_CHUNK == 0:
                self._receive()

    def _send_one(self, path: PathMonitor, target: TargetMonitor) -> None:
        spec = path.spec
        sent_ns = self._clock.monotonic_ns()
        probe = Outstanding(path, target, target.sent(sent_ns), sent_ns)
        try:
            prober, wire = self._prober_for(spec), self._wire_target(spec, target)
            probe_id = prober.send(wire, spec.timing.timeout_ns)
        except SendError as error:
            self._settle(probe, error.outcome, detail=str(error))
            return
        self.sent_total += 1
        self._outstanding.add(spec.kind, probe_id, probe, spec.timing.timeout_ns)

    def _prober_for(self, spec: PathSpec) -> Prober:
        prober = self.probers.get(spec.kind)
        if prober is None:
            why = self._unavailable.get(spec.kind, f"no prober of kind {spec.kind!r} is running")
            raise SendError(Outcome.DENIED, why)
        return prober

    def _wire_target(self, spec: PathSpec, target: TargetMonitor) -> WireTarget:
        address: str | None = target.target.address
        if self._resolver is not None:
            address = self._resolver.address_of(target.target.address)
        if address is None:
            error = self._resolver.error_of(target.target.address) if self._resolver else ""
            raise SendError(
                Outcome.MISCONFIGURED,
                error or f"the name {target.target.address!r} has not been resolved yet",
            )
        if target.wire is None or target.wire.address != address:
            target.wire = WireTarget(
                address,
                target.target.port or 0,
                source=spec.source,
                interface=spec.interface,
                fwmark=spec.fwmark,
                dscp=spec.dscp,
                request=target.target.request,
                expected_text=target.target.expected_text,
                expected_status=target.target.expected_status,
            )
        return target.wire

    def _settle(
        self, probe: Outstanding, outcome: Outcome, rtt_ns: int | None = None, detail: str = ""
    ) -> None:
        path = probe.path
        path.count(outcome)
        change = probe.target.settle(
            probe.number, outcome, rtt_ns, detail, probe.sent_ns, self._clock.monotonic_ns()
        )
        if change is not None:
            self._stirred.add(path.spec.key)

    # --- judging and telling ------------------------------------------------------
    def _finish_round(self) -> None:
        now_ns, wall = self._clock.monotonic_ns(), self._clock.wall()
        whole = now_ns >= self._next_round_ns
        keys = list(self.paths) if whole else [key for key in self._stirred if key in self.paths]
        self._stirred.clear()
        changed = frozenset(key for key in keys if self._judge(key, now_ns))
        if whole:
            self._tick_seconds(now_ns)
            self._close_slot(wall)
        overruns, self._overruns_told = (
            self._pacer.overruns - self._overruns_told,
            self._pacer.overruns,
        )
        finished = Round(now_ns, wall, self.readings, changed, overruns, self._pacer.take_lag_ns())
        for observer in self.observers:
            try:
                observer.on_round(finished)
            except Exception:
                # An observer's defect must not stop the measuring that others rely on.
                log.exception("observer %s failed; measuring goes on", type(observer).__name__)

    def _judge(self, key: int, now_ns: int) -> bool:
        """Judge one path; True when its status or reachability changed."""
        before = self.readings.get(key)
        after = self.paths[key].evaluate(now_ns)
        self.readings[key] = after
        if before is None:
            return True
        return (before.status, before.reachable) != (after.status, after.reachable)

    def _tick_seconds(self, now_ns: int) -> None:
        for monitor in self.paths.values():
            monitor.tick_second()
        self._next_round_ns += ROUND_NS
        if self._next_round_ns <= now_ns:  # after a stall: no round is caught up
            self._next_round_ns = now_ns + ROUND_NS

    def _close_slot(self, wall: float) -> None:
        slot = slot_of(wall)
        if slot == self._slot:
            return
        closed, self._slot = self._slot, slot
        self._on_samples([path.close_slot(closed) for path in self.paths.values()])

    def close_open_slot(self) -> None:
        """Hand out the samples of the unfinished slot: the loop is about to end."""
        self._on_samples([path.close_slot(self._slot) for path in self.paths.values()])
