"""Estimated voice quality (MOS) from latency, jitter and loss, after the E-model.

ITU-T G.107 with the reductions of Cole and Rosenbluth, "Voice over IP
Performance Monitoring" (2001), for a G.711 call with loss concealment. It is an
estimate from round-trip figures, shown beside the score and never used by a decision.
"""

from __future__ import annotations

import math

_R_DEFAULT = 94.2
_DELAY_KNEE_MS = 177.3
_CODEC_AND_PACKETIZATION_MS = 25.0


def r_factor(latency_ms: float, packet_loss_pct: float, jitter_ms: float) -> float:
    """The transmission rating R, 0–94.2.

    One-way delay is taken as half the round trip; a jitter buffer of twice the
    jitter and the codec's own 25 ms are added. ``packet_loss_pct`` in percent.
    """
    delay_ms = latency_ms / 2.0 + 2.0 * jitter_ms + _CODEC_AND_PACKETIZATION_MS
    delay_impairment = 0.024 * delay_ms
    if delay_ms > _DELAY_KNEE_MS:
        delay_impairment += 0.11 * (delay_ms - _DELAY_KNEE_MS)
    loss_impairment = 30.0 * math.log1p(15.0 * packet_loss_pct / 100.0)
    return max(0.0, _R_DEFAULT - delay_impairment - loss_impairment)


def mean_opinion_score(latency_ms: float, packet_loss_pct: float, jitter_ms: float) -> float:
    """Estimated mean opinion score, 1 (bad) to about 4.4; ITU-T G.107 annex B."""
    r = r_factor(latency_ms, packet_loss_pct, jitter_ms)
    return max(1.0, 1.0 + 0.035 * r + 7e-6 * r * (r - 60.0) * (100.0 - r))
