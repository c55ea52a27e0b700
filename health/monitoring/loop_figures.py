"""What the loop tells about itself: kept each second, stored with the lease, shown on /system/.

Lives in the loop's thread and only reads; the lease keeper takes the latest figures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from health.engine.loop import ProbeEngine
from health.engine.observers import Round, RoundObserver
from health.engine.rounds import ROUND_NS

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoopFigures:
    """One second of the loop. ``more`` are JSON values for ``MonitorLease.figures``."""

    paths: int = 0
    probes_per_sec: float = 0.0
    lag_secs: float = 0.0
    overruns_total: int = 0
    more: JsonObject = field(default_factory=dict)


class FigureKeeper(RoundObserver):
    """A ``RoundObserver`` that keeps the figures of the last second.

    ``ring`` tells how the writing of history goes on; ``unavailable`` the kinds that
    can't be probed by this process, with the reason.
    """

    def __init__(
        self,
        engine: ProbeEngine,
        ring: Callable[[], JsonObject],
        unavailable: Mapping[str, str],
    ) -> None:
        self.figures = LoopFigures()
        self._engine = engine
        self._ring = ring
        self._unavailable = dict(unavailable)
        self._sent = 0
        self._at_ns = 0
        self._worst_lag_ns = 0

    def on_round(self, finished: Round) -> None:
        """Keep the figures; of rounds within a second only how late the loop was."""
        self._worst_lag_ns = max(self._worst_lag_ns, finished.lag_ns)
        span_ns = finished.at_ns - self._at_ns
        if span_ns < ROUND_NS * 9 // 10:
            return
        engine = self._engine
        sent = engine.sent_total
        self.figures = LoopFigures(
            paths=len(finished.readings),
            probes_per_sec=(sent - self._sent) * 1e9 / span_ns if self._at_ns else 0.0,
            lag_secs=self._worst_lag_ns / 1e9,
            overruns_total=engine.overruns,
            more=self._more(),
        )
        self._sent, self._at_ns, self._worst_lag_ns = sent, finished.at_ns, 0

    def _more(self) -> JsonObject:
        probers = self._engine.probers
        return {
            "ring": self._ring(),
            "rejected": {
                kind: {str(reason): count for reason, count in prober.rejected.items()}
                for kind, prober in probers.items()
            },
            "modes": {
                kind: mode
                for kind, prober in probers.items()
                if (mode := getattr(prober, "mode", None))
            },
            "unavailable": self._unavailable,
            "stalls": self._engine.stalls,
        }
