"""When is silence suspicious? τ follows the round-trip times of one target.

SRTT and RTTVAR as TCP keeps them for its retransmission timer (RFC 6298 §2), in
whole nanoseconds. τ only makes a probe suspect; it is lost at its timeout.
"""

from __future__ import annotations

FIRST_TAU_NS = 500_000_000
"""τ before the first answer: 500 ms, or the timeout if that is shorter."""


class RttEstimator:
    """τ = clamp(SRTT + 4·RTTVAR, ``floor_ns``, ``timeout_ns``), all in nanoseconds."""

    __slots__ = ("_floor_ns", "_timeout_ns", "rttvar_ns", "srtt_ns", "tau_ns")

    def __init__(self, floor_ns: int, timeout_ns: int) -> None:
        self._floor_ns = min(floor_ns, timeout_ns)
        self._timeout_ns = timeout_ns
        self.srtt_ns = 0
        self.rttvar_ns = 0
        self.tau_ns = min(FIRST_TAU_NS, timeout_ns)

    def feed(self, rtt_ns: int) -> None:
        """Take a round-trip time into account, however late it came."""
        srtt = self.srtt_ns
        if srtt:
            # Written out, not by calls: this runs for every answer of every path.
            error = rtt_ns - srtt
            self.srtt_ns = srtt = srtt + (error >> 3)
            self.rttvar_ns += ((error if error >= 0 else -error) - self.rttvar_ns) >> 2
        else:
            self.srtt_ns = srtt = max(1, rtt_ns)
            self.rttvar_ns = rtt_ns >> 1
        tau = srtt + 4 * self.rttvar_ns
        if tau < self._floor_ns:
            tau = self._floor_ns
        elif tau > self._timeout_ns:
            tau = self._timeout_ns
        self.tau_ns = tau

    def restore(self, srtt_ns: int, rttvar_ns: int) -> None:
        """Go on with the figures of a predecessor."""
        if srtt_ns:
            self.srtt_ns, self.rttvar_ns = srtt_ns, rttvar_ns
            tau = srtt_ns + 4 * rttvar_ns
            self.tau_ns = min(max(tau, self._floor_ns), self._timeout_ns)
