"""Is a path dead, or truly below the threshold? The two verdicts that can start a failover.

``is_dead`` takes health's word (a run of probes without an answer, confirmed by a burst).
``is_degraded`` takes the window score once thirty probes support it. Callers see only
these two functions, so a better detector changes this file and no rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from failover.domain.views import MemberView

EVIDENCE_FROM = 30
"""Settled probes that a window needs before its score is evidence."""


class Evidence(NamedTuple):
    """A verdict and the sentence that goes into the event."""

    value: bool
    sentence: str


NONE = Evidence(False, "no evidence against it")
TOO_LITTLE = Evidence(False, f"fewer than {EVIDENCE_FROM} probes: too little for evidence")


def is_dead(view: MemberView) -> bool:
    """True when health has judged the path unreachable; unknown is not dead."""
    return view.reachable is False


def is_degraded(view: MemberView, threshold: float) -> Evidence:
    """Whether the path is reachable and its score (0–100) is truly below ``threshold``."""
    score = view.score
    if score is None or score >= threshold:
        return NONE
    if view.reachable is not True:
        return NONE
    if view.settled < EVIDENCE_FROM:
        return TOO_LITTLE
    return Evidence(
        True, f"score {score:.1f} of {view.settled} probes is below the threshold {threshold:g}"
    )
