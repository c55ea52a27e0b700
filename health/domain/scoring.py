"""The health score: one exponential penalty of how far each metric exceeds its limit.

    score = 100 · exp(−Σ wₘ · max(0, xₘ/Tₘ − 1)),   m ∈ {latency, loss, jitter}

Within its limit a metric costs nothing, beyond it the score falls continuously:
no cliff at the limit, so a value that hovers there does not make a path flap,
and no metric can be so good that it hides another one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from health.domain.path_spec import SlaLimits


class MetricPenalty(NamedTuple):
    """What one metric costs: ``value`` and ``limit`` in its unit, ``kept`` in 0–1.

    The score is 100 times the product of the three ``kept``.
    """

    metric: str
    value: float | None
    limit: float
    kept: float

    @property
    def points_lost(self) -> float:
        """Points of 100 that this metric alone would cost."""
        return 100.0 * (1.0 - self.kept)


class ScoreBreakdown(NamedTuple):
    """A score and its parts, for pages that explain it."""

    score: float
    parts: tuple[MetricPenalty, ...]


def health_score(
    latency_ms: float, packet_loss_pct: float, jitter_ms: float | None, limits: SlaLimits
) -> float:
    """The score 0–100 of a reachable path.

    ``latency_ms`` and ``jitter_ms`` in milliseconds, ``packet_loss_pct`` in
    percent. Unknown jitter (None: fewer than two answers in a row) drops its
    term and the other weights are renormalised.
    """
    excess = limits.latency_weight * _excess(latency_ms, limits.latency_ms)
    excess += limits.packet_loss_weight * _excess(packet_loss_pct, limits.packet_loss_pct)
    if jitter_ms is not None:
        excess += limits.jitter_weight * _excess(jitter_ms, limits.jitter_ms)
    else:
        excess /= _known_weight(limits)
    return 100.0 * math.exp(-excess)


def score_breakdown(
    latency_ms: float, packet_loss_pct: float, jitter_ms: float | None, limits: SlaLimits
) -> ScoreBreakdown:
    """The same score as ``health_score`` with the share of each metric."""
    scale = 1.0 if jitter_ms is not None else 1.0 / _known_weight(limits)
    measured = (
        ("latency_ms", latency_ms, limits.latency_ms, limits.latency_weight),
        ("packet_loss_pct", packet_loss_pct, limits.packet_loss_pct, limits.packet_loss_weight),
        ("jitter_ms", jitter_ms, limits.jitter_ms, limits.jitter_weight),
    )
    parts = tuple(
        MetricPenalty(
            metric,
            value,
            limit,
            1.0 if value is None else math.exp(-weight * scale * _excess(value, limit)),
        )
        for metric, value, limit, weight in measured
    )
    return ScoreBreakdown(health_score(latency_ms, packet_loss_pct, jitter_ms, limits), parts)


def _excess(value: float, limit: float) -> float:
    return max(0.0, value / limit - 1.0)


def _known_weight(limits: SlaLimits) -> float:
    """Weight of latency and loss; 1 when all the weight is on jitter, which then costs nothing."""
    return limits.latency_weight + limits.packet_loss_weight or 1.0
