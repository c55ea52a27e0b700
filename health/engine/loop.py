"""The probe engine: one thread, one event loop, all paths.

    wait → receive → take edits → check what is overdue → send → confirm → judge → tell

Receiving comes before checking: after a stall of this process the answers lie
in the socket with the kernel's own time stamps, and they count.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence

from health.domain.liveness import LivenessChange
from health.domain.measurement import Outcome
from health.domain.path_spec import PathSpec
from health.domain.reading import PathReading
from health.domain.sample import Sample
from health.domain.uplink_state import LinkState, UplinkState
from health.engine.bursts import Bursts
from health.engine.clock import Clock, SystemClock
from health.engine.deafness import Deafness
from health.engine.defects import DefectLog
from health.engine.lanes import Lanes
from health.engine.observers import Round, RoundObserver
from health.engine.pacer import Pacer
from health.engine.path_monitor import PathMonitor
from health.engine.reference import LocalReference
from health.engine.resolver import NameResolver
from health.engine.roster import Roster, Wanted
from health.engine.rounds import Rounds
from health.engine.target_monitor import NO_NUMBER, Probe, TargetMonitor
from health.engine.timer_wheel import TICK_NS, TimerWheel
from health.engine.waiting import Waiting
from health.probers.base import Prober, SendError

SEND_CHUNK = 64
"""Sends between two looks at the sockets; one huge burst overflowed the receive buffer."""
CALM_WAIT_NS = 10_000_000
"""Least time between two turns while no death is being confirmed: wake-ups cost most."""
LONGEST_WAIT_NS = 200_000_000
STALL_NS = 500_000_000
"""A turn that comes so much later than it should: this process did not run."""
DRAINS_AFTER_STALL = 64
_NEVER_NS = 1 << 62


class ProbeEngine:
    """Measures the paths it is given until it is told to stop.

    ``probers`` are the ready kinds; ``unavailable`` says of the others why they
    can't be used, and their paths are unknown with that sentence. ``restore`` may
    fill a new path's monitor from what a predecessor left. ``reference_kind`` is the kind
    of the local reference; without it, or without its prober, there is none.
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
        reference_kind: str = "",
    ) -> None:
        self.probers = probers
        self.sent_total = 0
        self.stalls = 0
        self._clock = clock or SystemClock()
        self._resolver = resolver
        self._names_seen = 0
        self._lanes = Lanes(probers, unavailable or {}, resolver, self._note_defect)
        self._pacer: Pacer[TargetMonitor] = Pacer(random_fraction)
        self._checks: TimerWheel[Probe] = TimerWheel()
        self._bursts = Bursts(self._send_out_of_turn)
        self._under_way: dict[str, dict[int, Probe]] = {kind: {} for kind in probers}
        self._submitted: Wanted | None = None
        self._submitted_uplinks: Mapping[int, UplinkState] | None = None
        self._waiting = Waiting()
        self._deafness = Deafness(probers)
        self._overruns_told = 0
        self._defects = DefectLog()
        now_ns = self._clock.monotonic_ns()
        self._turn_due_ns = now_ns + LONGEST_WAIT_NS
        self._turn_began_ns = now_ns
        self._late_ns = 0
        self._roster = Roster(
            self._pacer, self._lanes, resolver, restore, lambda key: self._rounds.forget(key)
        )
        self._reference: LocalReference | None = None
        if reference_kind in probers:
            self._reference = LocalReference(reference_kind, now_ns)
            self._pacer.add(self._reference.target, now_ns)
        self._rounds = Rounds(self._roster, on_samples, self._clock)
        self._rounds.observers = observers
        self.paths: Mapping[int, PathMonitor] = self._roster.paths
        """The paths under measurement, by key; to be read in the loop's thread only."""
        self.readings: Mapping[int, PathReading] = self._rounds.readings
        """The latest reading of each path, by key: the dictionary itself, for it is read often."""

    @property
    def observers(self) -> Sequence[RoundObserver]:
        """Who is told about rounds."""
        return self._rounds.observers

    @observers.setter
    def observers(self, observers: Sequence[RoundObserver]) -> None:
        self._rounds.observers = observers

    @property
    def overruns(self) -> int:
        """Probes that were not sent because the loop was late."""
        return self._pacer.overruns

    # --- from other threads ---------------------------------------------------------
    def submit(self, specs: Iterable[PathSpec]) -> None:
        """Measure exactly these paths from the next turns on. May be called from any thread."""
        self._submitted = Wanted.of(specs)

    def submit_uplinks(self, states: Mapping[int, UplinkState]) -> None:
        """Take uplinks, by key, for what they are now, and at once. From any thread."""
        self._submitted_uplinks = states
        self._waiting.ring()

    def configure(self, specs: Iterable[PathSpec]) -> None:
        """Measure exactly these paths at once; for a loop that does not turn yet."""
        self._roster.want(Wanted.of(specs))
        while self._roster.is_busy:
            self._roster.take_slice(self._clock.monotonic_ns())

    # --- the loop -------------------------------------------------------------------
    def run(self, should_stop: Callable[[], bool]) -> None:
        """Turn until ``should_stop()``; it is asked at least five times a second."""
        while not should_stop():
            self.turn()

    def turn(self) -> None:
        """One pass: wait for the next thing to do, and do it."""
        self._wait()
        self._note_stall(self._clock.monotonic_ns())
        self._receive()
        self._take_submitted()
        # As of the reading: what has arrived since, while this host was busy, is not lost.
        self._check(self._turn_began_ns)
        self._send(self._clock.monotonic_ns())
        self._bursts.turn(self._clock.monotonic_ns())
        self._judge()

    def close(self) -> None:
        """Release what the engine itself holds; it must not turn any more."""
        self._waiting.close()

    def close_open_slot(self) -> None:
        """Hand out the samples of the unfinished slot: the loop is about to end."""
        self._rounds.close_open_slot(self._clock.monotonic_ns())

    def _wait(self) -> None:
        now_ns = self._clock.monotonic_ns()
        confirming_ns = self._bursts.next_ns() or _NEVER_NS
        soonest_ns = min(
            now_ns + LONGEST_WAIT_NS,
            self._rounds.next_ns,
            self._pacer.next_due_ns() or _NEVER_NS,
            self._checks.next_ns() or _NEVER_NS,
            confirming_ns,
        )
        if soonest_ns <= now_ns or self._roster.is_busy or self._rounds.is_busy:
            # Behind, or in the middle of something: who sleeps now may not be woken in time.
            self._turn_due_ns = self._turn_began_ns
            return
        least_ns = CALM_WAIT_NS if confirming_ns == _NEVER_NS else TICK_NS
        wait_ns = max(least_ns, soonest_ns - now_ns)
        self._turn_due_ns = self._turn_began_ns + wait_ns
        sockets = [sock for prober in self.probers.values() for sock in prober.sockets()]
        self._waiting.sleep(wait_ns, sockets)

    def _note_stall(self, now_ns: int) -> None:
        """After a stall everything that has arrived is read before anything is judged.

        Late is a turn against the beginning of the one before: a process may be
        stopped while it works as well as while it waits.
        """
        self._late_ns = now_ns - self._turn_due_ns
        self._turn_began_ns = now_ns
        if self._late_ns >= STALL_NS:
            self.stalls += 1
            for _ in range(DRAINS_AFTER_STALL):
                before = self._rejected_total()
                if not self._receive() and self._rejected_total() == before:
                    break

    def _rejected_total(self) -> int:
        return sum(prober.rejected.total() for prober in self.probers.values())

    def _take_submitted(self) -> None:
        if self._submitted is not None:
            wanted, self._submitted = self._submitted, None
            self._roster.want(wanted)
        if self._submitted_uplinks is not None:
            states, self._submitted_uplinks = self._submitted_uplinks, None
            self._take_uplinks(states)
        if self._resolver is not None and self._resolver.changes != self._names_seen:
            self._names_seen = self._resolver.changes
            self._make_lanes_anew(path for path in self.paths.values() if path.has_names)
        if self._roster.is_busy:
            self._roster.take_slice(self._clock.monotonic_ns())

    def _take_uplinks(self, states: Mapping[int, UplinkState]) -> None:
        changed = {state.key: state for state in self._lanes.take_uplinks(states)}
        over = [path for path in self.paths.values() if path.spec.uplink in changed]
        now_ns = self._clock.monotonic_ns()
        for path in over:
            state = changed[path.spec.uplink]
            if state.link is LinkState.DOWN:
                for target in path.targets:
                    self._after(target, target.link_lost(state.detail, now_ns), now_ns)
        self._make_lanes_anew(over)

    def _make_lanes_anew(self, paths: Iterable[PathMonitor]) -> None:
        """Whoever's packets are the same as before keeps his lane."""
        for path in paths:
            for target in path.targets:
                if target.lane is None:
                    continue
                try:
                    self._lanes.make(target)
                except SendError:
                    self._lanes.drop(target)  # the next sending says why
                except Exception as defect:
                    self._note_defect(defect, "preparing", path.spec.kind)

    # --- receiving ------------------------------------------------------------------
    def _receive(self) -> int:
        """Settle what has arrived; returns how many replies there were."""
        count = 0
        for kind, prober in self.probers.items():
            try:
                replies = prober.receive()
            except Exception as defect:
                self._note_defect(defect, "receiving", kind)
                continue
            if not replies:
                continue
            count += len(replies)
            now_ns = self._clock.monotonic_ns()
            under_way = self._under_way[kind]
            for probe_id, outcome, rtt_ns, detail, stamps in replies:
                probe = under_way.pop(probe_id, None)
                if probe is None:
                    continue
                probe.open = False
                target = probe.target
                if rtt_ns is not None:
                    change = target.answered(probe, rtt_ns, now_ns, stamps)
                    if change is not None:
                        self._after(target, change, now_ns)
                elif outcome is Outcome.VOID:
                    target.voided(probe)
                else:
                    self._settle_loss(probe, outcome, detail, now_ns)
        return count

    # --- what is overdue --------------------------------------------------------------
    def _check(self, now_ns: int) -> None:
        for probe in self._checks.due(now_ns):
            if probe.open:
                self._check_probe(probe, now_ns)

    def _check_probe(self, probe: Probe, now_ns: int) -> None:
        target = probe.target
        timeout_ns = probe.sent_ns + target.timeout_ns
        if now_ns < timeout_ns:
            if not probe.suspect:
                # Where this host was late itself, silence is not suspicious yet.
                if self._late_ns <= target.interval_ns and not self._deafness.since(probe, now_ns):
                    self._after(target, target.suspected(probe, now_ns), now_ns)
                self._checks.add(timeout_ns, probe)
            return
        self._close(probe)
        if self._late_ns >= STALL_NS or self._deafness.since(probe, now_ns):
            target.voided(probe)
            return
        self._settle_loss(probe, Outcome.LOST, "", now_ns)

    def _close(self, probe: Probe) -> None:
        probe.open, kind = False, probe.target.kind
        self._under_way[kind].pop(probe.probe_id, None)
        self.probers[kind].forget(probe.probe_id)

    def _settle_loss(self, probe: Probe, outcome: Outcome, detail: str, now_ns: int) -> None:
        target = probe.target
        if probe.number >= 0:
            target.path.count_failure(outcome)
        change = target.lost(probe, outcome, detail, now_ns)
        if not probe.suspect:  # or its burst is under way or over
            self._after(target, change, now_ns)

    def _after(self, target: TargetMonitor, change: LivenessChange | None, now_ns: int) -> None:
        """Follow up what a probe did to the life of its target."""
        if change is not None:
            self._rounds.call(target.path)
        if target.liveness.run == 1 and target.liveness.alive is not False:
            self._bursts.confirm(target, now_ns)

    # --- sending ----------------------------------------------------------------------
    def _send(self, now_ns: int) -> None:
        due = self._pacer.due(now_ns)
        checks, check_tick = self._checks, 0
        monotonic_ns = self._clock.monotonic_ns
        for number, target in enumerate(due, start=1):
            # Each with its own time: this process may be stopped within a chunk.
            now_ns = monotonic_ns()
            probe = self._send_probe(target, now_ns, base=True)
            if probe is not None:
                # As ``TimerWheel.add``; most of a chunk belong into the same bucket.
                tick = -(-(now_ns + target.rtt.tau_ns) // TICK_NS)
                if tick != check_tick:
                    check_tick, bucket = tick, checks.bucket(tick)
                bucket.append(probe)
            if number % SEND_CHUNK == 0:
                self._receive()

    def _send_out_of_turn(self, target: TargetMonitor, now_ns: int) -> Probe | None:
        probe = self._send_probe(target, now_ns, base=False)
        if probe is not None:
            self._checks.add(now_ns + target.rtt.tau_ns, probe)
        return probe

    def _send_probe(self, target: TargetMonitor, now_ns: int, *, base: bool) -> Probe | None:
        """Send one probe; None when it did not leave. The caller lets it be checked."""
        try:
            lane = target.lane
            if lane is None:
                lane = self._lanes.make(target)
            prober = target.prober
            assert prober is not None  # noqa: S101 - set with the lane
            probe_id = prober.send(lane, target.timeout_ns)
        except SendError as error:
            self._not_sent(target, error, now_ns, base=base)
            return None
        except Exception as defect:
            self._note_defect(defect, "sending", target.kind)
            target.not_sent(Outcome.VOID, f"a defect of the {target.kind} prober: see the log")
            return None
        number = target.window.open(now_ns) if base else NO_NUMBER
        probe = Probe(target, number, now_ns, probe_id)
        target.left(probe)
        self._under_way[prober.kind][probe_id] = probe
        self.sent_total += 1
        if self._lanes.congested_since:
            self._lanes.sent(target.path.spec, now_ns)
        return probe

    def _not_sent(
        self, target: TargetMonitor, error: SendError, now_ns: int, *, base: bool
    ) -> None:
        outcome = self._lanes.outcome_of(error, target, now_ns)
        if base:
            target.path.count_failure(outcome)
        if outcome is Outcome.LINK_DOWN:
            self._lanes.drop(target)  # an interface that comes back has another index
            self._after(target, target.link_lost(str(error), now_ns), now_ns)
        elif outcome.is_loss:
            number = target.window.open(now_ns) if base else NO_NUMBER
            probe = Probe(target, number, now_ns, NO_NUMBER)
            self._after(target, target.lost(probe, outcome, str(error), now_ns), now_ns)
        else:
            target.not_sent(outcome, str(error))

    # --- judging and telling ------------------------------------------------------------
    def _judge(self) -> None:
        for path in self._bursts.settled():
            self._rounds.call(path)
        now_ns, wall = self._clock.monotonic_ns(), self._clock.wall()
        results = self._rounds.turn(now_ns, wall)
        if results is None:
            return
        judged, changed, probes = results
        overruns = self._pacer.overruns - self._overruns_told
        self._overruns_told = self._pacer.overruns
        lag_ns = self._pacer.take_lag_ns()
        answers = self._reference.answers() if self._reference else None
        known = (self.readings, judged, frozenset(changed), overruns, lag_ns, probes, answers)
        self._rounds.tell(Round(now_ns, wall, *known))
        for path in self._rounds.new_doubts():
            self._bursts.ask(path, now_ns)

    def _note_defect(self, defect: Exception, doing: str, kind: str) -> None:
        self._defects.note(defect, doing, kind, self._clock.monotonic_ns())
