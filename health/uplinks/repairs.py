"""How often the keeper puts back what somebody else has removed.

Putting it back at once is right when it happens now and then; against a program
that removes it every time it would be a fight at full speed. Decides nothing else.
"""

from __future__ import annotations

BURST = 30
"""Repairs that may follow each other without a pause."""
REFILL_SECS = 2.0
"""One more repair becomes possible each time this has passed."""
QUIET_SECS = 60.0
"""After so long without a repair the next one is news again."""


class RepairBudget:
    """A token bucket of one uplink; times are monotonic seconds."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at = 0.0
        self._last_repair: float | None = None

    def may_repair(self, now: float) -> bool:
        """Whether another repair is allowed now."""
        self._left = min(float(BURST), self._left + (now - self._at) / REFILL_SECS)
        self._at = now
        return self._left >= 1.0

    def spend(self, now: float) -> bool:
        """Note a repair; True when it is the first after a quiet time and worth a log line."""
        news = self._last_repair is None or now - self._last_repair > QUIET_SECS
        self._last_repair = now
        self._left -= 1.0
        return news
