"""In which order the candidates of a policy are tried: one function and one row each.

A strategy orders, and some move traffic between healthy paths; whether a candidate may be
used is the gates' business. Ties are broken by score, then latency, by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from failover.domain.views import MemberView

Preference = Callable[[int, MemberView], float]
"""(place in the policy's order, view) -> rank; the smallest is tried first."""

_LAST = float("inf")


class Strategy(NamedTuple):
    """A row of the registry: what people read, and the order it stands for.

    With ``by_cost`` the policy's order is by the cost of the uplinks, and equal costs keep
    the listed order. With ``moves`` traffic also goes from a healthy path to a clearly
    better one; see ``preference``.
    """

    label: str
    help_text: str
    rank: Preference
    by_cost: bool = False
    moves: bool = False


def by_order(place: int, view: MemberView) -> float:
    """The policy's own order."""
    return float(place)


def by_score(place: int, view: MemberView) -> float:
    """The highest score over the last 10 s; the window's where there is none."""
    score = view.score if view.recent_score is None else view.recent_score
    return _LAST if score is None else -score


def by_latency(place: int, view: MemberView) -> float:
    """The lowest mean round-trip time of the window."""
    return _LAST if view.latency_ms is None else view.latency_ms


def by_load(place: int, view: MemberView) -> float:
    """The least used bandwidth of the uplink; unknown use comes last."""
    return _LAST if view.utilisation_pct is None else view.utilisation_pct


STRATEGIES: dict[str, Strategy] = {
    "priority": Strategy(
        "Priority", "Backups are tried in the order in which they are listed.", by_order
    ),
    "best_score": Strategy(
        "Best score",
        "The best score first; traffic also moves to a path that is 10 points better.",
        by_score,
        moves=True,
    ),
    "lowest_latency": Strategy(
        "Lowest latency",
        "The lowest latency first; traffic also moves there when it is 10 points better.",
        by_latency,
        moves=True,
    ),
    "lowest_cost": Strategy(
        "Lowest cost",
        "The cheapest uplink first, and back to it; equal costs as they are listed.",
        by_order,
        by_cost=True,
    ),
    "least_loaded": Strategy(
        "Least loaded",
        "The least used uplink first; traffic also moves there when it is 10 points better.",
        by_load,
        moves=True,
    ),
}
UNKNOWN = STRATEGIES["priority"]
"""Stands in for a name that ``validate`` refuses."""


def ranking(strategy: str, place: int, view: MemberView) -> tuple[float, float, float]:
    """Sort key of a candidate: the strategy's rank, then higher score, then lower latency."""
    score = -1.0 if view.score is None else view.score
    latency = _LAST if view.latency_ms is None else view.latency_ms
    return STRATEGIES[strategy].rank(place, view), -score, latency
