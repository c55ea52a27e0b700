"""Paths that a policy could not be moved to lately, and when that may be tried again.

Without this a switch that can't work would be decided and given up again after every
dwell, with two events each time. Kept in memory: a restart tries at once.
"""

from __future__ import annotations

FIRST_PAUSE_SECS = 5.0
LONGEST_PAUSE_SECS = 900.0
MAX_DOUBLINGS = 8
"""Of the first pause, until it has reached the longest one."""


class Setbacks:
    """Counts switches given up per policy and path; times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._count: dict[tuple[int, int], int] = {}
        self._until_ns: dict[tuple[int, int], int] = {}

    def note(self, policy_id: int, path_id: int, *, now_ns: int) -> None:
        """A switch there was given up: the pause until the next one doubles."""
        key = (policy_id, path_id)
        before = self._count.get(key, 0)
        self._count[key] = before + 1
        pause_secs = min(FIRST_PAUSE_SECS * 2 ** min(before, MAX_DOUBLINGS), LONGEST_PAUSE_SECS)
        self._until_ns[key] = now_ns + int(pause_secs * 1e9)

    def forget(self, policy_id: int) -> None:
        """The policy was moved, or edited: everything may be tried again."""
        for key in [key for key in self._count if key[0] == policy_id]:
            del self._count[key], self._until_ns[key]

    def left_secs(self, policy_id: int, path_id: int, *, now_ns: int) -> float:
        """How long a switch there is not tried; 0 when it may be."""
        until_ns = self._until_ns.get((policy_id, path_id), now_ns)
        return max(0.0, (until_ns - now_ns) / 1e9)
