"""What a policy remembers between decisions. Durable: ``record.py`` stores it as JSON.

All times are monotonic seconds. A state is replaced whole, never changed; sockets, rows
and wall-clock time may not enter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Cause(StrEnum):
    """Why traffic was moved, or would be."""

    DEAD = "dead"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"
    DISABLED = "disabled"
    """The path itself was disabled."""
    SCHEDULE = "schedule"
    """The path's time window ended."""
    REMOVED = "removed"
    """The active path is no longer a member of the policy."""
    INITIAL = "initial"
    """The policy had no active path yet."""
    CHECK_FAILED = "check_failed"
    """The traffic did not pass over the path after the switch to it."""
    RETURN = "return"
    PREFERENCE = "preference"
    """The strategy prefers another healthy path."""
    OPERATOR = "operator"
    PIN = "pin"

    @property
    def is_failure(self) -> bool:
        """True when the path that was left failed, so that its return is damped."""
        return self in _FAILURES

    @property
    def is_outage(self) -> bool:
        """True when the path that was left carried nothing; one such switch needs no dwell."""
        return self in _OUTAGES

    @property
    def is_need(self) -> bool:
        """True when the traffic has no working path, so that any that answers is better."""
        return self in _NEEDS

    @property
    def is_penalised(self) -> bool:
        """True when leaving for this makes the path prove itself longer before a return."""
        return self in _PENALISED


_OUTAGES = frozenset({Cause.DEAD, Cause.CHECK_FAILED})
_FAILURES = _OUTAGES | {Cause.DEGRADED}
_NEEDS = _OUTAGES | {Cause.REMOVED, Cause.INITIAL}
_PENALISED = _FAILURES | {Cause.PREFERENCE}


class NoticeKind(StrEnum):
    """What is announced beside switches; conditions are announced once while they last."""

    NO_VIABLE_PATH = "no_viable_path"
    ALL_PATHS_DOWN = "all_paths_down"
    MONITOR_BLIND = "monitor_blind"
    PIN_EXPIRING = "pin_expiring"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    PAUSED = "paused"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class MemberClock:
    """The memory about one member.

    ``healthy_since`` is when its present run of health began; ``carried_secs`` the health
    it had proven before the monitor restarted, waiting for the first new measurement.
    ``left_because`` (with ``left_at``) is set while the member is damped. ``penalty``
    counts its failures, and moves away by preference, as of ``penalty_at``.
    ``failing_since`` is when its present run of losses began; it is not stored.
    """

    healthy_since: float | None = None
    carried_secs: float = 0.0
    left_at: float | None = None
    left_because: Cause | None = None
    penalty: float = 0.0
    penalty_at: float = 0.0
    failing_since: float | None = None


UNTOUCHED = MemberClock()


@dataclass(frozen=True, slots=True)
class Pin:
    """An operator's override: traffic stays on ``path_key`` until ``expires_at`` (None: released).

    With ``unless_dead`` a dead pinned path is left and returned to when it lives again.
    """

    path_key: int
    actor: str
    reason: str
    set_at: float
    expires_at: float | None = None
    unless_dead: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    """An operator's stop: nothing moves until ``until`` (None: resumed by hand)."""

    actor: str
    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class PolicyState:
    """Where a policy's traffic is, since when and why, and every hold that is running.

    ``generation`` grows by one with every switch and fences executors. ``raised`` are the
    conditions already announced. ``warmed`` says that every member was known once since
    the monitor started; ``dwell_waived`` that the extra switch for a death right after a
    switch has been used.
    """

    active: int | None = None
    generation: int = 0
    active_since: float | None = None
    last_switch_at: float | None = None
    last_cause: Cause | None = None
    last_reason: str = ""
    dwell_waived: bool = False
    warmed: bool = False
    raised: frozenset[NoticeKind] = frozenset()
    clocks: Mapping[int, MemberClock] = field(default_factory=dict)
    pause: Pause | None = None
    pin: Pin | None = None

    def clock(self, path_key: int) -> MemberClock:
        """The member's clock; a member never seen before has an untouched one."""
        return self.clocks.get(path_key, UNTOUCHED)


def initial_state(primary: int, now: float) -> PolicyState:
    """The state of a new policy: traffic is on its primary, nothing has happened yet."""
    return PolicyState(active=primary, active_since=now)
