"""The four statuses of a path, the step from one to the next, and their faces.

Status follows the score with a hysteresis so that a score hovering at a bound
does not blink; it never decides about traffic (``failover.domain`` does).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

UP_FROM = 80.0
"""Score at and above which a path is up."""
DEGRADED_FROM = 50.0
"""Score at and above which a path is degraded; below it is down."""
LEAVE_MARGIN = 5.0
"""Points above its bound that a score needs to leave a worse status."""


class PathStatus(StrEnum):
    """What the measurements say about a path."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a path has its status, where the numbers alone do not tell."""

    NONE = ""
    WARMING_UP = "warming_up"
    RECOVERING = "recovering"
    NO_ANSWER = "no_answer"
    LINK_DOWN = "link_down"
    STALE = "stale"
    MISCONFIGURED = "misconfigured"
    PERMISSION = "permission"
    OWN_FAULT = "own_fault"


class Face(NamedTuple):
    """How a state looks: data, so that no template decides by status.

    ``order`` sorts worst first; ``icon`` and ``tone`` are names of the style sheet.
    """

    key: str
    label: str
    icon: str
    tone: str
    order: int


FACES: dict[str, Face] = {
    face.key: face
    for face in (
        Face("down", "Down", "octagon-x", "bad", 0),
        Face("failing", "Failing", "diamond", "bad", 1),
        Face("degraded", "Degraded", "triangle", "warn", 2),
        Face("unknown", "No data", "circle-question", "none", 3),
        Face("paused", "Paused", "square-pause", "paused", 4),
        Face("up", "Up", "circle-check", "ok", 5),
    )
}


def face_of(status: PathStatus | str, *, reachable: bool | None, paused: bool = False) -> Face:
    """The face of a path: *Failing* answers with a bad score, *Down* does not answer."""
    if paused:
        return FACES["paused"]
    if status == PathStatus.DOWN and reachable:
        return FACES["failing"]
    return FACES[str(status)]


def next_status(previous: PathStatus, score: float) -> PathStatus:
    """The status for ``score`` (0–100) of a reachable path that had ``previous``.

    Getting worse is immediate; getting better needs ``LEAVE_MARGIN`` points
    above the bound that is crossed. Coming from ``UNKNOWN`` there is nothing
    to leave, so the plain bounds hold.
    """
    plain = _plain_status(score)
    if previous in _LEAVABLE and _BADNESS[plain] < _BADNESS[previous]:
        # Never worse than it was: the margin delays a step up, it makes no step down.
        eased = _plain_status(score - LEAVE_MARGIN)
        return min(eased, previous, key=_BADNESS.__getitem__)
    return plain


_BADNESS = {PathStatus.UP: 0, PathStatus.DEGRADED: 1, PathStatus.DOWN: 2}
_LEAVABLE = frozenset({PathStatus.DEGRADED, PathStatus.DOWN})


def _plain_status(score: float) -> PathStatus:
    if score >= UP_FROM:
        return PathStatus.UP
    if score >= DEGRADED_FROM:
        return PathStatus.DEGRADED
    return PathStatus.DOWN
