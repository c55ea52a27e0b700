"""One target: its window, its life, and what it did in the current slot.

Also carries what the loop needs to send to it, so that the loop finds everything
of a probe in one place. Judges single probes; paths are judged in ``path_monitor``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from health.domain.directions import (
    NO_DIRECTIONS,
    DirectionMetrics,
    DirectionStamps,
    DirectionWindow,
)
from health.domain.liveness import Liveness, LivenessChange
from health.domain.measurement import Outcome
from health.domain.path_spec import SlaLimits, TargetSpec
from health.domain.reading import Settled, TargetProbes, TargetReading
from health.domain.rtt_estimator import RttEstimator
from health.domain.sample import TargetSlot
from health.domain.scoring import health_score
from health.domain.window import (
    NANOSECONDS_PER_SECOND,
    UNKNOWN_RTT,
    ProbeWindow,
    WindowMetrics,
)

if TYPE_CHECKING:
    from health.engine.path_monitor import PathMonitor
    from health.probers.base import Lane, Prober, WireTarget

SCORE_FROM_PROBES = 10
"""Settled probes from which a target has a score."""
SCORE_FROM_PROBES_AFTER_DEATH = 20
"""The same after the target came back to life."""
MAX_BURST_PROBES = 12
NO_NUMBER = -1
"""Number of a confirmation probe: it has no place in the window."""
_NS_PER_MS = 1_000_000
_new_tuple = tuple.__new__  # half the price of a NamedTuple's own constructor


class Fault(NamedTuple):
    """Why the last probe could not be sent; a fault of this host, not of the network."""

    outcome: Outcome
    detail: str


class Probe:
    """One probe under way. ``number`` is its place in the window, ``NO_NUMBER`` in a burst."""

    __slots__ = ("number", "open", "probe_id", "sent_ns", "suspect", "target")

    def __init__(self, target: TargetMonitor, number: int, sent_ns: int, probe_id: int) -> None:
        self.target = target
        self.number = number
        self.sent_ns = sent_ns
        self.probe_id = probe_id
        self.open = True
        self.suspect = False


class TargetMonitor:
    """Collects what happens to the probes of one target of one path."""

    # With more than thirty attributes a plain instance is slower at every one of them.
    __slots__ = (
        "_counts_from",
        "_directions",
        "_last_answered",
        "_last_unanswered",
        "_slow_ns",
        "answered_ns",
        "asked",
        "asks_left",
        "blamed",
        "burst_left",
        "bursting",
        "checked_ns",
        "detail",
        "due_ns",
        "fault",
        "grid_ns",
        "interval_ns",
        "kind",
        "lane",
        "link_down",
        "liveness",
        "path",
        "prober",
        "recovering",
        "restarted",
        "retired",
        "rtt",
        "settled",
        "skipped",
        "slot",
        "target",
        "timeout_ns",
        "window",
        "wire",
    )

    def __init__(self, path: PathMonitor, target: TargetSpec, stretch: float = 1.0) -> None:
        timing = path.spec.timing
        self.path = path
        self.target = target
        self.kind = path.spec.kind
        """Of its own: an edit may give the path another one while probes are under way."""
        self.liveness = Liveness(timing.hold_ns)
        self.rtt = RttEstimator(timing.suspect_floor_ns, timing.timeout_ns)
        self.timeout_ns = timing.timeout_ns
        self.interval_ns = 0
        self.window = self._window(stretch)
        self.slot = TargetSlot()
        self._directions: DirectionWindow | None = None
        self.fault: Fault | None = None
        self.detail = ""
        self.link_down = False
        self.recovering = False
        self.blamed = False
        self.checked_ns: int | None = None
        self.answered_ns: int | None = None
        self.settled: list[Settled] | None = None
        """Base probes that ended, for whoever attends to the path; None while nobody does."""
        self.restarted = True
        self._counts_from = 0
        self._slow_ns = int(path.spec.limits.latency_ms * _NS_PER_MS)
        self._last_answered = NO_NUMBER
        self._last_unanswered = NO_NUMBER
        # Of the pacer and the loop.
        self.grid_ns = self.due_ns = 0
        self.skipped = self.retired = False
        self.burst_left = self.asks_left = 0
        self.bursting = False
        self.asked: set[int] = set()
        """Ids of the probes under way that ask whether the target still answers."""
        self.wire: WireTarget | None = None
        self.lane: Lane = None
        self.prober: Prober | None = None

    @property
    def destination(self) -> tuple[str, str, int | None]:
        """What targets of several paths may have in common: kind, address and port."""
        return (self.kind, self.target.address, self.target.port)

    def stretch(self, factor: float) -> bool:
        """Probe ``factor`` times as seldom as configured; True when that is a change."""
        interval_ns = int(self.path.spec.timing.interval_ns * factor)
        if interval_ns == self.interval_ns:
            return False
        before, self.window = self.window, self._window(factor)
        self.window.go_on(before)  # and so do the numbers of the probes under way
        self._directions = None
        return True

    def _window(self, stretch: float) -> ProbeWindow:
        timing = self.path.spec.timing
        self.interval_ns = int(timing.interval_ns * stretch)
        return ProbeWindow(
            timing.window_secs * NANOSECONDS_PER_SECOND, self.interval_ns, timing.timeout_ns
        )

    # --- one probe ------------------------------------------------------------------
    def left(self, probe: Probe) -> None:
        """The probe has left this host; a session counts those of a burst as well."""
        if self._directions is not None:
            self._directions.sent(probe.probe_id, probe.sent_ns, counts=probe.number >= 0)

    def answered(
        self, probe: Probe, rtt_ns: int, now_ns: int, stamps: DirectionStamps | None = None
    ) -> LivenessChange | None:
        """The probe was answered after ``rtt_ns``, before or after it became suspect."""
        number = probe.number
        self.rtt.feed(rtt_ns)
        self.checked_ns = self.answered_ns = now_ns
        if number >= 0:
            self.path.probes_total += 1
            self.window.answer(number, rtt_ns)
            self.slot.rtts.append(rtt_ns)
            if number > self._last_answered:
                self._last_answered = number
            if rtt_ns > self._slow_ns:
                self.path.stirred = True
            if self.settled is not None:
                self._note_settled(probe, rtt_ns)
        elif self.asked:
            self.asked.discard(probe.probe_id)
        if stamps is not None or self._directions is not None:
            self._note_directions(probe.probe_id, stamps)
        life = self.liveness
        if life.alive and not life.run and self.fault is None:  # nearly always
            life.answers_in_a_row += 1
            return None
        self.path.stirred = True
        self.fault, self.detail, self.link_down = None, "", False
        change = life.answered(now_ns)
        if change is LivenessChange.CAME_BACK:
            # Or the return would wait until the outage has left the window.
            self._restart_after(self._last_unanswered)
            self.recovering = True
        return change

    def suspected(self, probe: Probe, now_ns: int) -> LivenessChange | None:
        """The probe is unanswered after τ; it may still be answered until its timeout."""
        probe.suspect = True
        return self._unanswered(probe, now_ns)

    def lost(
        self, probe: Probe, outcome: Outcome, detail: str, now_ns: int
    ) -> LivenessChange | None:
        """The probe was lost at its timeout, or refused by a router or the target."""
        if probe.number >= 0:
            self.window.lose(probe.number)
            self.slot.lost(probe.sent_ns)
            if self.settled is not None and outcome is not Outcome.LINK_DOWN:
                self._note_settled(probe, None)
        if self._directions is not None:
            self._directions.lost(probe.probe_id)
        self.checked_ns = now_ns
        self.fault = None
        if self.liveness.run or not probe.suspect:  # or others have been answered since
            self.detail = detail
        self.link_down = False
        self.path.stirred = True
        return None if probe.suspect else self._unanswered(probe, now_ns)

    def voided(self, probe: Probe) -> None:
        """This host was late: what became of the probe nobody knows."""
        if probe.number >= 0:
            self.window.ignore(probe.number)
        elif probe.probe_id in self.asked:
            self.give_up_asking()
        if self._directions is not None:
            self._directions.ignored(probe.probe_id)

    def link_lost(self, detail: str, now_ns: int) -> LivenessChange | None:
        """This host saw the uplink's interface go down or away: dead at once."""
        number = self.window.open(now_ns)
        self.window.lose(number)
        self.slot.lost(now_ns)
        self._last_unanswered = number
        self.checked_ns = now_ns
        self.fault, self.detail, self.link_down = None, detail, True
        self.path.stirred = True
        return self._after(self.liveness.link_lost(now_ns))

    def not_sent(self, outcome: Outcome, detail: str) -> None:
        """A fault of this host kept a probe from leaving: nothing is known of the network."""
        self.fault = Fault(outcome, detail)
        self.path.stirred = True

    @property
    def is_asked(self) -> bool:
        """True from the doubt whether the target still answers until that is settled."""
        return bool(self.asks_left or self.asked)

    def give_up_asking(self) -> None:
        """One answer is missing: the others would not settle the doubt any more."""
        self.asks_left = 0
        self.asked.clear()

    def _unanswered(self, probe: Probe, now_ns: int) -> LivenessChange | None:
        if probe.number > self._last_unanswered:
            self._last_unanswered = probe.number
        self.path.stirred = True
        if probe.probe_id in self.asked:
            self.give_up_asking()
        change = self.liveness.unanswered(probe.sent_ns, now_ns)
        if change is not None:
            self.checked_ns = now_ns  # a death is known before its first probe is lost
        return self._after(change)

    def _after(self, change: LivenessChange | None) -> LivenessChange | None:
        if change is LivenessChange.DIED:
            # From now on the window tells of the outage alone: 100 % loss, no latency.
            self._restart_after(self._last_answered)
            self.recovering = False
        return change

    def _note_settled(self, probe: Probe, rtt_ns: int | None) -> None:
        if self.settled is not None and probe.number >= self._counts_from:
            self.settled.append(Settled(probe.sent_ns, rtt_ns))

    def _restart_after(self, number: int) -> None:
        self.window.restart_after(number)
        self.restarted, self._counts_from = True, number + 1
        if self.settled is not None:
            self.settled = []

    def take_settled(self) -> TargetProbes:
        """The base probes that have settled since the last call; the path must be attended."""
        probes = TargetProbes(self.target.key, self.settled or (), self.restarted, self.blamed)
        self.settled, self.restarted = [], False
        return probes

    def _note_directions(self, probe_id: int, stamps: DirectionStamps | None) -> None:
        if self._directions is None:
            # Only kinds that tell directions pay for a window of them.
            timing = self.path.spec.timing
            span_ns = timing.window_secs * NANOSECONDS_PER_SECOND
            self._directions = DirectionWindow(span_ns, self.interval_ns, timing.timeout_ns)
            return
        self._directions.answered(probe_id, stamps)

    # --- the whole target -------------------------------------------------------------
    def score(self, metrics: WindowMetrics, limits: SlaLimits) -> float | None:
        """0 when dead, None while there are too few probes, else the health score."""
        if self.liveness.alive is False:
            return 0.0
        needed = SCORE_FROM_PROBES_AFTER_DEATH if self.recovering else SCORE_FROM_PROBES
        if metrics.sent < needed or metrics.latency_ms is None or metrics.packet_loss_pct is None:
            return None
        self.recovering = False
        return health_score(metrics.latency_ms, metrics.packet_loss_pct, metrics.jitter_ms, limits)

    def reading(self, metrics: WindowMetrics, score: float | None, now_ns: int) -> TargetReading:
        """The target as shown on the page of its path."""
        life = self.liveness
        return _new_tuple(
            TargetReading,
            (
                self.target.key,
                self.target.address,
                life.alive,
                score,
                metrics.latency_ms,
                metrics.packet_loss_pct,
                metrics.jitter_ms,
                metrics.sent,
                metrics.received,
                self.fault.detail if self.fault else self.detail,
                self.interval_ns // _NS_PER_MS,
                life.hold_now_ns(now_ns) // _NS_PER_MS,
                self.blamed,
            ),
        )

    def direction_metrics(self, now_ns: int) -> DirectionMetrics:
        """Loss and delay variation of each direction; nothing where the kind can't tell."""
        if self._directions is None:
            return NO_DIRECTIONS
        self._directions.expire(now_ns)
        return self._directions.metrics()

    # --- hand-over ----------------------------------------------------------------------
    def record(self) -> dict[str, Any]:
        """JSON values with which ``restore`` goes on; probes under way are left out."""
        return {
            "history": self.window.history(),
            "liveness": self.liveness.record(),
            "rtt": (self.rtt.srtt_ns, self.rtt.rttvar_ns),
            "recovering": self.recovering,
            "checked_ns": self.checked_ns,
            "answered_ns": self.answered_ns,
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Go on where a predecessor's ``record`` was taken."""
        self.restarted = False
        self.window.refill(record["history"])
        self._note_history(record["history"])
        self.liveness.restore(record["liveness"])
        self.rtt.restore(*record["rtt"])
        self.recovering = record["recovering"]
        self.checked_ns = record["checked_ns"]
        self.answered_ns = record["answered_ns"]

    def _note_history(self, history: list[tuple[int, int | None]]) -> None:
        for number, (_, rtt_ns) in enumerate(history):
            if rtt_ns is None:
                self._last_unanswered = number
            elif rtt_ns != UNKNOWN_RTT:
                self._last_answered = number
