"""In which order the candidates of a policy are tried: one function and one row each.

A strategy only orders; whether a candidate may be used is the gates' business.
Ties are broken by score, then latency, by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from failover.domain.views import MemberView

Preference = Callable[[int, MemberView], float]
"""(priority index, view) -> rank; the smallest is tried first."""


class Strategy(NamedTuple):
    """A row of the registry: what people read, and the order it stands for."""

    label: str
    help_text: str
    rank: Preference


def by_priority(index: int, view: MemberView) -> float:
    """The configured order."""
    return float(index)


STRATEGIES: dict[str, Strategy] = {
    "priority": Strategy(
        "Priority", "Backups are tried in the order in which they are listed.", by_priority
    ),
}


def ranking(strategy: str, index: int, view: MemberView) -> tuple[float, float, float]:
    """Sort key of a candidate: the strategy's rank, then higher score, then lower latency."""
    score = -1.0 if view.score is None else view.score
    latency = float("inf") if view.latency_ms is None else view.latency_ms
    return STRATEGIES[strategy].rank(index, view), -score, latency
