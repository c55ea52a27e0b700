"""One path: judges its targets together and says what status that makes.

The value of a path is its q-th best target by score (q = quorum): a path whose
quorum answers well is well, whatever the others do. Blamed targets are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from health.domain.blame import BAD_BELOW_SCORE, TargetWitness
from health.domain.directions import NO_DIRECTIONS
from health.domain.emodel import mean_opinion_score
from health.domain.measurement import Outcome
from health.domain.path_spec import PathSpec
from health.domain.reading import PathReading, TargetProbes
from health.domain.sample import Sample, TargetSlot
from health.domain.status import PathStatus, Reason, next_status
from health.domain.window import NANOSECONDS_PER_SECOND, WindowMetrics
from health.engine.target_monitor import TargetMonitor

NOT_STRETCHED: Mapping[int, float] = {}
STALE_AFTER_INTERVALS = 3
STALE_AFTER_NS = 5 * NANOSECONDS_PER_SECOND

_FAULT_REASONS = {
    Outcome.MISCONFIGURED: Reason.MISCONFIGURED,
    Outcome.DENIED: Reason.PERMISSION,
    Outcome.CONGESTED: Reason.OWN_FAULT,
    Outcome.VOID: Reason.OWN_FAULT,
}

_new_tuple = tuple.__new__  # half the price of a NamedTuple's own constructor


class _Judged(NamedTuple):
    """A target with what it says now."""

    monitor: TargetMonitor
    metrics: WindowMetrics
    score: float | None

    def rank(self) -> tuple[int, float]:
        """Sorts best first: scored, not yet scored, not to be probed, dead, blamed."""
        if self.monitor.blamed:
            return (4, 0.0)
        if self.monitor.liveness.alive is False:
            return (3, 0.0)
        if self.monitor.fault is not None:
            return (2, 0.0)
        return (1, 0.0) if self.score is None else (0, -self.score)


class PathMonitor:
    """Everything the engine remembers about one path.

    ``stirred`` says that something happened since it was last judged that may
    change the judgement; a path that is not stirred may be judged more seldom.
    ``attended`` says that somebody wants its single probes as well.
    """

    def __init__(
        self, spec: PathSpec, now_ns: int, stretches: Mapping[int, float] = NOT_STRETCHED
    ) -> None:
        self.spec = spec
        self.attended = False
        self.targets = self._monitors(stretches)
        self.status = PathStatus.UNKNOWN
        self.since_ns = now_ns
        self.reading: PathReading | None = None
        self.stirred = True
        self.probes_total = 0
        self.failures: dict[str, int] = {}
        self._accounted_ns = now_ns
        self._known_ns = 0
        self._reachable_ns = 0
        self._deciding = self.targets[0]

    @property
    def has_names(self) -> bool:
        """True when a target has been found by its name."""
        return any(
            target.wire is not None and target.wire.address != target.target.address
            for target in self.targets
        )

    @property
    def is_asked(self) -> bool:
        """True while any target is being asked whether it still answers."""
        return any(target.is_asked for target in self.targets)

    def respecify(self, spec: PathSpec, stretches: Mapping[int, float]) -> bool:
        """Take an edit over; True when other packets are sent and all begins anew."""
        same_packets = self.spec.probes_like(spec)
        self.spec = spec
        self.stirred = True
        if not same_packets:
            self.targets = self._monitors(stretches)
            self._deciding = self.targets[0]
            self.attend(attended=self.attended)
        return not same_packets

    def attend(self, *, attended: bool) -> None:
        """From now on keep, or no longer keep, the probes that settle for ``take_probes``."""
        self.attended = attended
        for target in self.targets:
            target.settled = [] if attended else None

    def take_probes(self) -> tuple[TargetProbes, ...]:
        """What settled since the last call, by target; the path must be attended."""
        return tuple([target.take_settled() for target in self.targets])

    def continue_totals(self, probes_total: int, failures: Mapping[str, int]) -> None:
        """Let the running totals go on from those of an earlier life."""
        self.probes_total += probes_total
        for reason, count in failures.items():
            self.failures[reason] = self.failures.get(reason, 0) + count

    def _monitors(self, stretches: Mapping[int, float]) -> list[TargetMonitor]:
        return [
            TargetMonitor(self, target, stretches.get(target.key, 1.0))
            for target in self.spec.targets
        ]

    def count_failure(self, outcome: Outcome) -> None:
        """Keep the running totals that Prometheus shows; like the window, of base probes."""
        self.probes_total += 1
        self.failures[outcome.value] = self.failures.get(outcome.value, 0) + 1

    # --- judging ----------------------------------------------------------------------
    def evaluate(self, now_ns: int) -> PathReading:
        """Judge the path at ``now_ns`` (monotonic, nanoseconds)."""
        self._account(now_ns)
        judged = [self._judge(monitor, now_ns) for monitor in self.targets]
        deciding = judged[0] if len(judged) == 1 else self._choose(judged)
        self._deciding = deciding.monitor
        reachable = self._reachable()
        status, reason, detail = self._status(deciding, reachable, now_ns)
        if status is not self.status:
            self.status, self.since_ns = status, now_ns
        if status is PathStatus.UNKNOWN:
            reachable = None
        # What is not settled yet may be at any moment; a settled path must be stirred.
        self.stirred = status is PathStatus.UNKNOWN or reason is not Reason.NONE
        self.reading = self._reading(judged, deciding, reachable, reason, detail, now_ns)
        return self.reading

    def witness(self, target: TargetMonitor) -> TargetWitness:
        """What this path says about one of its targets; see ``health.domain.blame``."""
        if not self._is_bad(target):
            return TargetWitness(bad=False, another_answers=True)
        # One that is bad itself is no witness: both together speak against the path.
        another = any(
            other.liveness.alive and other.fault is None and not self._is_bad(other)
            for other in self.targets
        )
        return TargetWitness(True, another)

    def _is_bad(self, target: TargetMonitor) -> bool:
        if target.liveness.alive is None or target.fault is not None:
            return False
        score = target.score(target.window.metrics(), self.spec.limits)
        return score is not None and score < BAD_BELOW_SCORE

    def _quorum(self) -> int:
        """How many targets must answer: as configured, among those that are not blamed."""
        heeded = sum(not monitor.blamed for monitor in self.targets)
        return min(self.spec.quorum, heeded) or 1

    def _choose(self, judged: list[_Judged]) -> _Judged:
        return sorted(judged, key=_Judged.rank)[self._quorum() - 1]

    def _judge(self, monitor: TargetMonitor, now_ns: int) -> _Judged:
        monitor.window.expire(now_ns)
        metrics = monitor.window.metrics()
        return _Judged(monitor, metrics, monitor.score(metrics, self.spec.limits))

    def _reachable(self) -> bool | None:
        if len(self.targets) == 1:
            only = self.targets[0]
            return only.liveness.alive if only.fault is None or not only.liveness.alive else None
        heeded = [monitor for monitor in self.targets if not monitor.blamed]
        quorum = self._quorum()
        # What was alive when it could last be probed says nothing about now.
        alive = sum(m.liveness.alive is True and m.fault is None for m in heeded)
        if alive >= quorum:
            return True
        dead = sum(monitor.liveness.alive is False for monitor in heeded)
        return False if dead > len(heeded) - quorum else None

    def _status(
        self, deciding: _Judged, reachable: bool | None, now_ns: int
    ) -> tuple[PathStatus, Reason, str]:
        fault = deciding.monitor.fault
        if fault is not None:
            return PathStatus.UNKNOWN, _FAULT_REASONS[fault.outcome], fault.detail
        if self._is_stale(now_ns):
            return PathStatus.UNKNOWN, Reason.STALE, ""
        if reachable is False:
            link_down = deciding.monitor.link_down
            reason = Reason.LINK_DOWN if link_down else Reason.NO_ANSWER
            return PathStatus.DOWN, reason, deciding.monitor.detail
        if reachable is None:
            return PathStatus.UNKNOWN, Reason.WARMING_UP, ""
        if deciding.score is None:
            if deciding.monitor.recovering:
                return PathStatus.DEGRADED, Reason.RECOVERING, ""
            return PathStatus.UNKNOWN, Reason.WARMING_UP, ""
        return next_status(self.status, deciding.score), Reason.NONE, ""

    def _is_stale(self, now_ns: int) -> bool:
        """No probe has settled for longer than any network could explain."""
        checked_ns = max([monitor.checked_ns or 0 for monitor in self.targets])
        silent_ns = now_ns - checked_ns
        if silent_ns <= STALE_AFTER_NS or not checked_ns:
            return False  # never measured is "warming up", not "stale"
        interval_ns = min(monitor.interval_ns for monitor in self.targets)
        return silent_ns > STALE_AFTER_INTERVALS * interval_ns

    def _reading(
        self,
        judged: list[_Judged],
        deciding: _Judged,
        reachable: bool | None,
        reason: Reason,
        detail: str,
        now_ns: int,
    ) -> PathReading:
        monitor, metrics, score = deciding
        known = self.status is not PathStatus.UNKNOWN
        # By position: with 10,000 paths names would cost as much as the judging.
        return _new_tuple(
            PathReading,
            (
                self.spec.key,
                now_ns,
                self.status,
                reason,
                detail,
                reachable,
                score if known else None,
                metrics.latency_ms,
                metrics.min_latency_ms,
                metrics.max_latency_ms,
                metrics.packet_loss_pct,
                metrics.jitter_ms,
                _mos(metrics) if known else None,
                metrics.sent,
                metrics.received,
                metrics.sent,
                monitor.liveness.answers_in_a_row,
                monitor.liveness.run,
                monitor.interval_ns,
                monitor.checked_ns,
                monitor.answered_ns,
                self.since_ns,
                tuple([one.reading(what, points, now_ns) for one, what, points in judged]),
                monitor.direction_metrics(now_ns),
                bool(monitor.asks_left or monitor.asked),
            ),
        )

    # --- slots --------------------------------------------------------------------------
    def _account(self, now_ns: int) -> None:
        """Enter the time since the last call under the present state."""
        elapsed_ns, self._accounted_ns = now_ns - self._accounted_ns, now_ns
        reading = self.reading
        if reading is None or reading.status is PathStatus.UNKNOWN:
            return
        self._known_ns += elapsed_ns
        if reading.reachable:
            self._reachable_ns += elapsed_ns

    def close_slot(self, timestamp: int, now_ns: int) -> Sample:
        """The sample of the slot that began at ``timestamp``, and start the next one."""
        self._account(now_ns)
        reading = self.reading
        sample = self._deciding.slot.sample(
            timestamp=timestamp,
            path=self.spec.key,
            health_score=reading.score if reading else None,
            status=reading.status if reading else PathStatus.UNKNOWN,
            known_secs=round(self._known_ns / NANOSECONDS_PER_SECOND),
            reachable_secs=round(self._reachable_ns / NANOSECONDS_PER_SECOND),
            directions=reading.directions if reading else NO_DIRECTIONS,
        )
        self._known_ns = self._reachable_ns = 0
        for monitor in self.targets:
            monitor.slot = TargetSlot()
        return sample

    # --- hand-over ----------------------------------------------------------------------
    def record(self) -> dict[str, Any]:
        """JSON values with which ``restore`` of a fresh monitor goes on."""
        return {
            "wire": self.spec.wire_text(),
            "status": str(self.status),
            "since_ns": self.since_ns,
            "targets": [target.record() for target in self.targets],
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Go on where ``record`` was taken, if this path sends the same packets."""
        if record["wire"] != self.spec.wire_text():
            return
        self.status = PathStatus(record["status"])
        self.since_ns = record["since_ns"]
        for target, target_record in zip(self.targets, record["targets"], strict=True):
            target.restore(target_record)


def _mos(metrics: WindowMetrics) -> float | None:
    if metrics.latency_ms is None or metrics.packet_loss_pct is None:
        return None
    return mean_opinion_score(metrics.latency_ms, metrics.packet_loss_pct, metrics.jitter_ms or 0.0)
