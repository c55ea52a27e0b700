"""The clocks that run beside the rules: proven health, runs of losses, the end of damping.

Called first in every decision, whether the policy may act or not, so that a paused or
pinned policy knows the truth when it resumes.

A return clock starts at ``failback_threshold`` and is reset by death, by ignorance and by
a score below ``reset_below``, never by one lost probe. Only ignorance that a restart of
the monitor caused pauses it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from failover.domain.damping import return_delay_secs
from failover.domain.state import UNTOUCHED, MemberClock, PolicyState
from failover.domain.views import NO_VIEW, MemberView, Views
from health.domain.status import PathStatus, Reason

if TYPE_CHECKING:
    from failover.domain.policy import PolicySpec

WARM_FROM = 10
"""Settled probes that make a member known."""

LOSSES_OF_A_RUN = 2
"""Losses in a row from which a path is failing; one lost probe is weather."""

_UNKNOWN = PathStatus.UNKNOWN
_KNOWN_TO_BE_UNUSABLE = frozenset({Reason.MISCONFIGURED, Reason.PERMISSION, Reason.RECOVERING})


def advance(
    policy: PolicySpec,
    state: PolicyState,
    views: Views,
    now: float,
    *,
    blind: bool,
    clock_ok: bool = True,
) -> PolicyState:
    """``state`` with every member's clock brought to ``now``; the same object if none moved.

    A blind monitor knows nothing: its views are ignored, and health has to be proven anew.
    """
    moved: dict[int, MemberClock] | None = None
    reset_below, clocks = policy.reset_below, state.clocks
    for key in policy.order:
        clock = clocks.get(key, UNTOUCHED)
        view = NO_VIEW if blind else views.get(key, NO_VIEW)
        score = view.score
        if (  # the common case, kept cheap: a healthy member stays healthy
            clock.healthy_since is not None
            and clock.failing_since is None
            and clock.left_because is None
            and view.reachable is True
            and view.loss_run < LOSSES_OF_A_RUN
            and score is not None
            and score >= reset_below
            and view.status is not _UNKNOWN
        ):
            continue
        after = _observed(policy, clock, view, now)
        if after is not clock:
            moved = {} if moved is None else moved
            moved[key] = after
    if moved is not None:
        state = replace(state, clocks={**clocks, **moved})
    if not state.warmed and not blind and clock_ok and _all_known(policy, views):
        state = replace(state, warmed=True)
    return state


def has_proven_itself(policy: PolicySpec, clock: MemberClock, now: float) -> bool:
    """True when the member's return clock has run out."""
    since = clock.healthy_since
    return since is not None and now - since >= return_delay_secs(policy, clock)


def proven_secs(clock: MemberClock, now: float) -> float:
    """Seconds of continuous health so far; 0 while the member is not healthy."""
    return 0.0 if clock.healthy_since is None else now - clock.healthy_since


def _observed(policy: PolicySpec, clock: MemberClock, view: MemberView, now: float) -> MemberClock:
    after = _with_health(policy, clock, view, now)
    failing = view.loss_run >= LOSSES_OF_A_RUN or view.reachable is False
    if failing != (clock.failing_since is not None):
        after = replace(after, failing_since=now if failing else None)
    if after.left_because is not None and has_proven_itself(policy, after, now):
        after = replace(after, left_at=None, left_because=None)
    return after


def _with_health(
    policy: PolicySpec, clock: MemberClock, view: MemberView, now: float
) -> MemberClock:
    since, score = clock.healthy_since, view.score
    if view.status is _UNKNOWN:
        if since is None and (not clock.carried_secs or view.reason is Reason.WARMING_UP):
            return clock
        return replace(clock, healthy_since=None, carried_secs=0.0)
    if view.reachable is not True or score is None or score < policy.reset_below:
        if since is None and not clock.carried_secs:
            return clock
        return replace(clock, healthy_since=None, carried_secs=0.0)
    if since is None and (score >= policy.failback_threshold or clock.carried_secs):
        return replace(clock, healthy_since=now - clock.carried_secs, carried_secs=0.0)
    return clock


def _all_known(policy: PolicySpec, views: Views) -> bool:
    return all(is_known(views.get(member.path_key, NO_VIEW)) for member in policy.members)


def is_known(view: MemberView) -> bool:
    """True when waiting longer would not tell more about the member's first state."""
    return (
        view.settled >= WARM_FROM
        or view.reachable is False
        or not view.enabled
        or view.reason in _KNOWN_TO_BE_UNUSABLE
    )
