"""One path: judges its targets together and says what status that makes.

The value of a path is its q-th best target by score (q = quorum): a path whose
quorum answers well is well, whatever the others do.
"""

from __future__ import annotations

from typing import NamedTuple

from health.domain.emodel import mean_opinion_score
from health.domain.measurement import Outcome
from health.domain.path_spec import PathSpec
from health.domain.reading import PathReading
from health.domain.sample import Sample, TargetSlot
from health.domain.status import PathStatus, Reason, next_status
from health.domain.window import NANOSECONDS_PER_SECOND, WindowMetrics
from health.engine.target_monitor import TargetMonitor

STALE_AFTER_INTERVALS = 3
STALE_AFTER_NS = 5 * NANOSECONDS_PER_SECOND

_FAULT_REASONS = {
    Outcome.MISCONFIGURED: Reason.MISCONFIGURED,
    Outcome.DENIED: Reason.PERMISSION,
    Outcome.CONGESTED: Reason.OWN_FAULT,
}


class _Judged(NamedTuple):
    """A target with what it says now."""

    monitor: TargetMonitor
    metrics: WindowMetrics
    score: float | None

    @property
    def rank(self) -> tuple[int, float]:
        """Sorts best first: scored, not yet scored, not to be probed, dead."""
        if self.monitor.liveness.alive is False:
            return (3, 0.0)
        if self.monitor.fault is not None:
            return (2, 0.0)
        return (1, 0.0) if self.score is None else (0, -self.score)


class PathMonitor:
    """Everything the engine remembers about one path."""

    def __init__(self, spec: PathSpec, now_ns: int) -> None:
        self.spec = spec
        self.targets = [TargetMonitor(target, spec) for target in spec.targets]
        self.status = PathStatus.UNKNOWN
        self.since_ns = now_ns
        self.reading: PathReading | None = None
        self.probes_total = 0
        self.failures: dict[str, int] = {}
        self._known_secs = 0
        self._reachable_secs = 0
        self._deciding = self.targets[0]

    def respecify(self, spec: PathSpec) -> None:
        """Take an edit over: keep the windows unless other packets will be sent."""
        if not self.spec.probes_like(spec):
            self.targets = [TargetMonitor(target, spec) for target in spec.targets]
            self._deciding = self.targets[0]
        self.spec = spec

    def count(self, outcome: Outcome) -> None:
        """Keep the running totals that Prometheus shows."""
        if outcome is Outcome.VOID:
            return
        self.probes_total += 1
        if outcome is not Outcome.ANSWERED:
            self.failures[outcome.value] = self.failures.get(outcome.value, 0) + 1

    def evaluate(self, now_ns: int) -> PathReading:
        """Judge the path at ``now_ns`` (monotonic, nanoseconds)."""
        judged = [self._judge(monitor, now_ns) for monitor in self.targets]
        deciding = sorted(judged, key=lambda one: one.rank)[self.spec.quorum - 1]
        self._deciding = deciding.monitor
        reachable = self._reachable()
        status, reason, detail = self._status(deciding, reachable, now_ns)
        if status is not self.status:
            self.status, self.since_ns = status, now_ns
        if status is PathStatus.UNKNOWN:
            reachable = None
        self.reading = self._reading(judged, deciding, reachable, reason, detail, now_ns)
        return self.reading

    def tick_second(self) -> None:
        """Account one second of the current slot to the present state."""
        if self.reading is None or self.reading.status is PathStatus.UNKNOWN:
            return
        self._known_secs += 1
        if self.reading.reachable:
            self._reachable_secs += 1

    def close_slot(self, timestamp: int) -> Sample:
        """The sample of the slot that began at ``timestamp``, and start the next one."""
        reading = self.reading
        sample = self._deciding.slot.sample(
            timestamp=timestamp,
            path=self.spec.key,
            health_score=reading.score if reading else None,
            status=reading.status if reading else PathStatus.UNKNOWN,
            known_secs=self._known_secs,
            reachable_secs=self._reachable_secs,
        )
        self._known_secs = self._reachable_secs = 0
        for monitor in self.targets:
            monitor.slot = TargetSlot()
        return sample

    def _judge(self, monitor: TargetMonitor, now_ns: int) -> _Judged:
        monitor.window.expire(now_ns)
        metrics = monitor.window.metrics()
        return _Judged(monitor, metrics, monitor.score(metrics, self.spec.limits))

    def _reachable(self) -> bool | None:
        # What was alive when it could last be probed says nothing about now.
        alive = sum(m.liveness.alive is True and m.fault is None for m in self.targets)
        dead = sum(monitor.liveness.alive is False for monitor in self.targets)
        if alive >= self.spec.quorum:
            return True
        return False if dead > len(self.targets) - self.spec.quorum else None

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
        limit_ns = max(STALE_AFTER_INTERVALS * self.spec.timing.interval_ns, STALE_AFTER_NS)
        checked = [m.checked_ns for m in self.targets if m.checked_ns is not None]
        if not checked:
            return False  # never measured is "warming up", not "stale"
        return now_ns - max(checked) > limit_ns

    def _reading(
        self,
        judged: list[_Judged],
        deciding: _Judged,
        reachable: bool | None,
        reason: Reason,
        detail: str,
        now_ns: int,
    ) -> PathReading:
        metrics, monitor = deciding.metrics, deciding.monitor
        known = self.status is not PathStatus.UNKNOWN
        return PathReading(
            key=self.spec.key,
            at_ns=now_ns,
            status=self.status,
            reason=reason,
            detail=detail,
            reachable=reachable,
            score=deciding.score if known else None,
            latency_ms=metrics.latency_ms,
            min_latency_ms=metrics.min_latency_ms,
            max_latency_ms=metrics.max_latency_ms,
            packet_loss_pct=metrics.packet_loss_pct,
            jitter_ms=metrics.jitter_ms,
            mos=_mos(metrics) if known else None,
            sent=metrics.sent,
            received=metrics.received,
            settled=metrics.sent,
            answers_in_a_row=monitor.liveness.answers_in_a_row,
            loss_run=monitor.liveness.loss_run,
            interval_ns=self.spec.timing.interval_ns,
            checked_ns=monitor.checked_ns,
            answered_ns=monitor.answered_ns,
            since_ns=self.since_ns,
            targets=tuple(one.monitor.reading(one.metrics, one.score) for one in judged),
        )


def _mos(metrics: WindowMetrics) -> float | None:
    if metrics.latency_ms is None or metrics.packet_loss_pct is None:
        return None
    return mean_opinion_score(metrics.latency_ms, metrics.packet_loss_pct, metrics.jitter_ms or 0.0)
