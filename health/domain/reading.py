"""The latest judgement about a path: what the engine publishes and others read.

Readings are immutable and replaced whole, so that any thread may hold one.
They carry monotonic times only; wall-clock labels are added where rows are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from health.domain.directions import NO_DIRECTIONS, DirectionMetrics
from health.domain.status import PathStatus, Reason


class TargetReading(NamedTuple):
    """One target's window: times in milliseconds, loss in percent, null where unknown.

    ``interval_ms`` is the spacing of probes in force, which many paths to one
    destination stretch; ``hold_ms`` how long a death is confirmed, which a false
    one doubles for a while; ``blamed``: bad on every path that uses it, left out.
    """

    key: int
    address: str
    alive: bool | None
    score: float | None
    latency_ms: float | None
    packet_loss_pct: float | None
    jitter_ms: float | None
    sent: int
    received: int
    detail: str = ""
    interval_ms: int = 0
    hold_ms: int = 0
    blamed: bool = False


class Settled(NamedTuple):
    """A base probe that has ended: sent when (monotonic ns), and its RTT in ns, None if lost."""

    sent_ns: int
    rtt_ns: int | None


class TargetProbes(NamedTuple):
    """The base probes of one target that have settled since the round before, in that order.

    ``restarted`` says that the target's window began anew meanwhile: what was known of it
    before says nothing about it now. ``blamed`` targets do not count for their path.
    """

    target: int
    settled: Sequence[Settled]
    restarted: bool = False
    blamed: bool = False


class PathReading(NamedTuple):
    """One path as judged at ``at_ns`` (monotonic clock, nanoseconds).

    ``score`` is 0–100, ``latency_ms`` the mean round-trip time of the window,
    ``packet_loss_pct`` 0–100; each is None when nothing supports it.
    ``settled`` counts the probes behind them, ``answers_in_a_row`` the answers
    since the last suspect at the path's deciding target, ``loss_run`` the suspects and
    losses since the last answer. ``checked_ns`` is when a probe was last settled and
    ``answered_ns`` when one was last answered, None if never. ``since_ns`` is
    when the status began. ``in_doubt``: the deciding target is being asked whether it still
    answers, and not all answers have come.
    """

    key: int
    at_ns: int
    status: PathStatus
    reason: Reason
    detail: str
    reachable: bool | None
    score: float | None
    latency_ms: float | None
    min_latency_ms: float | None
    max_latency_ms: float | None
    packet_loss_pct: float | None
    jitter_ms: float | None
    mos: float | None
    sent: int
    received: int
    settled: int
    answers_in_a_row: int
    loss_run: int
    interval_ns: int
    checked_ns: int | None
    answered_ns: int | None
    since_ns: int
    targets: tuple[TargetReading, ...] = ()
    directions: DirectionMetrics = NO_DIRECTIONS
    in_doubt: bool = False
