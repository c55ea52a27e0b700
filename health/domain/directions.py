"""The way there and the way back, told apart: what STAMP adds to a round trip.

Both ends stamp with clocks of their own that nobody synchronises, so a single
one-way time means nothing; differences of two, and counts, mean much.
"""

from __future__ import annotations

from typing import NamedTuple


class DirectionStamps(NamedTuple):
    """What one answered test packet says about each direction (RFC 8762 §4).

    ``sequence`` is the number our packet carried and ``reflector_sequence`` the
    reflector's own count of packets of this session (None from a stateless
    reflector, which repeats ours). ``forward_ns`` is the reflector's time of
    arrival minus our time of sending, ``backward_ns`` our time of arrival minus
    the reflector's time of sending; both contain the unknown offset of the clocks.
    """

    sequence: int
    reflector_sequence: int | None
    forward_ns: int
    backward_ns: int


class DirectionMetrics(NamedTuple):
    """Loss (percent) and delay variation (ms, RFC 3393) of each direction; None where unknown."""

    forward_loss_pct: float | None = None
    backward_loss_pct: float | None = None
    forward_jitter_ms: float | None = None
    backward_jitter_ms: float | None = None
