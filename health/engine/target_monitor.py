"""One target: its window, its life, and what it did in the current slot."""

from __future__ import annotations

from typing import NamedTuple

from health.domain.liveness import Liveness, LivenessChange
from health.domain.measurement import Outcome
from health.domain.path_spec import PathSpec, SlaLimits, TargetSpec
from health.domain.reading import TargetReading
from health.domain.sample import TargetSlot
from health.domain.scoring import health_score
from health.domain.window import (
    NANOSECONDS_PER_SECOND,
    UNKNOWN_RTT,
    ProbeWindow,
    WindowMetrics,
)
from health.probers.base import WireTarget

SCORE_FROM_PROBES = 10
"""Settled probes from which a target has a score."""
SCORE_FROM_PROBES_AFTER_DEATH = 20
"""The same after the target came back to life."""


class Fault(NamedTuple):
    """Why the last probe could not be sent; a fault of this host, not of the network."""

    outcome: Outcome
    detail: str


class TargetMonitor:
    """Collects what happens to the probes of one target of one path."""

    def __init__(self, target: TargetSpec, path: PathSpec) -> None:
        self.target = target
        self.liveness = Liveness()
        self.window = ProbeWindow(
            path.timing.window_secs * NANOSECONDS_PER_SECOND,
            path.timing.interval_ns,
            path.timing.timeout_ns,
        )
        self.slot = TargetSlot()
        self.wire: WireTarget | None = None
        """How its probes leave; kept, because probers cache by it."""
        self.fault: Fault | None = None
        self.detail = ""
        self.link_down = False
        self.recovering = False
        self.checked_ns: int | None = None
        self.answered_ns: int | None = None
        self._last_answered = -1
        self._last_lost = -1

    def restore_window(self, history: list[tuple[int, int | None]]) -> None:
        """Go on with the probes of a predecessor; see ``ProbeWindow.history``."""
        self.window.refill(history)
        for number, (_, rtt_ns) in enumerate(history):
            if rtt_ns is None:
                self._last_lost = number
            elif rtt_ns != UNKNOWN_RTT:
                self._last_answered = number

    def sent(self, now_ns: int) -> int:
        """A probe leaves now; returns its number."""
        return self.window.open(now_ns)

    def settle(
        self,
        number: int,
        outcome: Outcome,
        rtt_ns: int | None,
        detail: str,
        sent_ns: int,
        now_ns: int,
    ) -> LivenessChange | None:
        """A probe has ended; returns the change of life it caused, if any."""
        if outcome is Outcome.ANSWERED and rtt_ns is not None:
            return self._answered(number, rtt_ns, now_ns)
        if outcome.is_loss:
            return self._lost(number, outcome, detail, sent_ns, now_ns)
        self.window.ignore(number)
        if outcome is not Outcome.VOID:
            self.fault = Fault(outcome, detail)
        return None

    def _answered(self, number: int, rtt_ns: int, now_ns: int) -> LivenessChange | None:
        self.window.answer(number, rtt_ns)
        self.slot.answered(rtt_ns)
        self._last_answered = max(self._last_answered, number)
        self.checked_ns = self.answered_ns = now_ns
        self.fault, self.detail, self.link_down = None, "", False
        change = self.liveness.answered()
        if change is LivenessChange.CAME_BACK:
            # Or the return would wait until the outage has left the window.
            self.window.restart_after(self._last_lost)
            self.recovering = True
        return change

    def _lost(
        self, number: int, outcome: Outcome, detail: str, sent_ns: int, now_ns: int
    ) -> LivenessChange | None:
        self.window.lose(number)
        self.slot.lost(sent_ns)
        self._last_lost = max(self._last_lost, number)
        self.checked_ns = now_ns
        self.fault, self.detail = None, detail
        self.link_down = outcome is Outcome.LINK_DOWN
        change = self.liveness.lost(proven=self.link_down)
        if change is LivenessChange.DIED:
            # From now on the window tells of the outage alone: 100 % loss, no latency.
            self.window.restart_after(self._last_answered)
            self.recovering = False
        return change

    def score(self, metrics: WindowMetrics, limits: SlaLimits) -> float | None:
        """0 when dead, None while there are too few probes, else the health score."""
        if self.liveness.alive is False:
            return 0.0
        needed = SCORE_FROM_PROBES_AFTER_DEATH if self.recovering else SCORE_FROM_PROBES
        if metrics.sent < needed or metrics.latency_ms is None or metrics.packet_loss_pct is None:
            return None
        self.recovering = False
        return health_score(metrics.latency_ms, metrics.packet_loss_pct, metrics.jitter_ms, limits)

    def reading(self, metrics: WindowMetrics, score: float | None) -> TargetReading:
        """The target as shown on the page of its path."""
        return TargetReading(
            key=self.target.key,
            address=self.target.address,
            alive=self.liveness.alive,
            score=score,
            latency_ms=metrics.latency_ms,
            packet_loss_pct=metrics.packet_loss_pct,
            jitter_ms=metrics.jitter_ms,
            sent=metrics.sent,
            received=metrics.received,
            detail=self.fault.detail if self.fault else self.detail,
        )
