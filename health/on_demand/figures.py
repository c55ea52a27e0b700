"""One-off measurements in the words of the API: plain dictionaries, times in ms, loss in percent.

What was not measured is None. No rule of measuring may enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from health.probers.one_off import Attempt, summarise


def figures(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """What several probes say together."""
    summary = summarise(attempts)
    return {
        "sent": summary.sent,
        "received": summary.received,
        "packet_loss_pct": _rounded(summary.packet_loss_pct),
        "forward_loss_pct": _rounded(summary.forward_loss_pct),
        "backward_loss_pct": _rounded(summary.backward_loss_pct),
        "latency_ms": _rounded(summary.avg_ms),
        "min_latency_ms": _rounded(summary.min_ms),
        "max_latency_ms": _rounded(summary.max_ms),
        "jitter_ms": _rounded(summary.jitter_ms),
    }


def probe_figures(attempt: Attempt) -> dict[str, Any]:
    """One probe and its end."""
    return {
        "number": attempt.number,
        "outcome": attempt.outcome.value,
        "rtt_ms": _rounded(attempt.rtt_ms),
        "detail": attempt.detail or None,
    }


def _rounded(value: float | None) -> float | None:
    """Microseconds are as fine as these figures are."""
    return None if value is None else round(value, 3)
