"""What a decision may know about one member: measurements, and whether it may be used.

Made from health's readings at the edge of a round, or by tests and replays. A view is a
snapshot; anything that needs a clock or another view may not enter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from health.domain.status import PathStatus, Reason

if TYPE_CHECKING:
    from failover.domain.evidence import Evidence
    from health.domain.reading import PathReading

STALE_INTERVALS = 3
STALE_NS = 5_000_000_000
"""A path without a settled probe for max(3 intervals, 5 s) is unknown."""
FRESH_INTERVALS = 2
"""A path that answered within two intervals, with no loss since, is fresh."""
ALIVE_AFTER = 3
"""Answers in a row that make a path without a score eligible as a last resort."""


class MemberView(NamedTuple):
    """One member at one moment.

    ``score`` is 0–100 or None when nothing supports one; ``settled`` the probes behind
    it; ``answers_in_a_row`` and ``loss_run`` the latest run of answers or losses;
    ``fresh`` says that the last answer is recent, nothing was lost since, and no answer to a
    check is outstanding;
    ``latency_ms`` the mean round-trip time of the window. ``evidence`` is the verdict of
    the evidence collected for this policy, None when none is; ``recent_score`` the score
    over the last 10 s; ``cost`` and ``utilisation_pct`` are those of its uplink.
    """

    status: PathStatus
    reachable: bool | None
    score: float | None
    settled: int
    answers_in_a_row: int
    loss_run: int
    fresh: bool
    latency_ms: float | None
    reason: Reason = Reason.NONE
    in_maintenance: bool = False
    enabled: bool = True
    in_schedule: bool = True
    evidence: Evidence | None = None
    recent_score: float | None = None
    cost: float = 0.0
    utilisation_pct: float | None = None


Views = Mapping[int, MemberView]
"""Views by path key; a missing member counts as ``NO_VIEW``."""

NO_VIEW = MemberView(PathStatus.UNKNOWN, None, None, 0, 0, 0, False, None, Reason.WARMING_UP)
"""Nothing is known yet."""

_SAYS_NOTHING = frozenset({Reason.STALE, Reason.MISCONFIGURED, Reason.PERMISSION, Reason.OWN_FAULT})


def from_reading(
    reading: PathReading | None,
    *,
    now_ns: int,
    in_maintenance: bool = False,
    enabled: bool = True,
    in_schedule: bool = True,
) -> MemberView:
    """The view of ``reading`` at ``now_ns`` (monotonic nanoseconds).

    A reading that the monitor stopped renewing is unknown, whatever it said last;
    without a reading the member is still warming up.
    """
    usable = (in_maintenance, enabled, in_schedule)
    if reading is None:
        return MemberView(*NO_VIEW[:8], Reason.WARMING_UP, *usable)
    reason = reading.reason
    if reason not in _SAYS_NOTHING and _is_stale(reading, now_ns):
        reason = Reason.STALE
    if reason in _SAYS_NOTHING:
        return MemberView(
            PathStatus.UNKNOWN, None, None, reading.settled, 0, 0, False, None, reason, *usable
        )
    return MemberView(
        reading.status,
        reading.reachable,
        reading.score,
        reading.settled,
        reading.answers_in_a_row,
        reading.loss_run,
        _is_fresh(reading, now_ns),
        reading.latency_ms,
        reason,
        *usable,
    )


def in_policy(
    view: MemberView,
    evidence: Evidence,
    recent_score: float | None,
    *,
    in_schedule: bool = True,
    cost: float = 0.0,
    utilisation_pct: float | None = None,
) -> MemberView:
    """``view`` as one policy sees it: with its own evidence, schedule, cost and load.

    ``recent_score`` is 0–100; a path that does not answer has none.
    """
    return MemberView(
        *view[:11],
        in_schedule,
        evidence,
        recent_score if view.reachable else None,
        cost,
        utilisation_pct,
    )


def _is_stale(reading: PathReading, now_ns: int) -> bool:
    last = reading.at_ns if reading.checked_ns is None else reading.checked_ns
    return now_ns - last > max(STALE_INTERVALS * reading.interval_ns, STALE_NS)


def _is_fresh(reading: PathReading, now_ns: int) -> bool:
    if reading.answered_ns is None or reading.loss_run or reading.in_doubt:
        return False
    return now_ns - reading.answered_ns <= FRESH_INTERVALS * reading.interval_ns
