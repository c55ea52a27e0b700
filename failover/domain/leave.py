"""Rule 2: leave the active path, whichever it is, and rule 3's choice of where to go.

Dead is left at once; degraded, disabled or in maintenance only when a candidate passes.
Only while the traffic has no working path do the gates relax.
"""

from __future__ import annotations

from failover.domain.evidence import is_dead, is_degraded
from failover.domain.gates import (
    RELAXATION,
    GateName,
    Leniency,
    first_failing_gate,
    first_passing,
    in_order,
)
from failover.domain.holds import ALL_DOWN, BLINDNESS, NO_PATH
from failover.domain.situation import Direction, Judgement, Phase, Situation
from failover.domain.state import Cause, NoticeKind
from failover.domain.transition import dwell_left_secs, make_switch
from failover.domain.views import NO_VIEW
from health.domain.status import LEAVE_MARGIN


def cause_to_leave(situation: Situation) -> tuple[Cause, str] | None:
    """Why the active path must be left, with the sentence; None when it may stay."""
    policy, active = situation.policy, situation.state.active
    if active is None:
        return Cause.INITIAL, "no path carries the traffic yet"
    if policy.index_of(active) is None:
        return Cause.REMOVED, "the active path is no longer a member of the policy"
    view = situation.views.get(active, NO_VIEW)
    if is_dead(view):
        return Cause.DEAD, "it does not answer" + (f" ({view.reason})" if view.reason else "")
    if situation.around.failed_generation is not None and _check_failed(situation):
        return Cause.CHECK_FAILED, "the check after the switch to it failed"
    if not view.enabled:
        return Cause.DISABLED, "the path is disabled"
    if view.in_maintenance:
        return Cause.MAINTENANCE, "its maintenance has begun"
    if not view.in_schedule:
        return Cause.SCHEDULE, "its time window has ended"
    evidence = is_degraded(view)
    return (Cause.DEGRADED, evidence.sentence) if evidence.value else None


def judge(situation: Situation, cause: Cause, why: str) -> Judgement:
    """Where the traffic goes, or why it stays although the active path should be left."""
    steps = RELAXATION if cause.is_need else RELAXATION[:1]
    target = first_passing(situation, steps)
    raised = situation.state.raised - BLINDNESS - ALL_DOWN
    name = situation.name(situation.state.active)
    if target is None:
        return _stay(situation, f"Should leave {name}: {why}; but no other path", steps[-1], raised)
    raised -= NO_PATH
    wait = dwell_left_secs(situation, cause, in_need=cause.is_need)
    if wait > 0.0:
        reason = (
            f"Leaves {name} for {situation.name(target)} in {wait:.0f} s, "
            f"when the dwell has passed: {why}."
        )
        return Judgement(Phase.SWITCHING, reason, raised)
    reason = f"Left {name} for {situation.name(target)}: {why}."
    switch = make_switch(situation, target, Direction.FAILOVER, cause, reason)
    return Judgement(Phase.SWITCHING, reason, raised, switch)


def _check_failed(situation: Situation) -> bool:
    """True while the failed check of the latest switch allows one more switch.

    Only one: where every path fails its check, moving on and on would help nobody.
    """
    policy, state = situation.policy, situation.state
    if situation.around.failed_generation != state.generation or state.dwell_waived:
        return False
    last = state.last_switch_at
    return last is not None and situation.now - last < policy.dwell_secs


def stays_without_alarm(situation: Situation) -> frozenset[NoticeKind]:
    """The conditions left once the active path may stay.

    ``no_viable_path`` is withdrawn only when the path answers and its score is clear of the
    threshold, so that a score that hovers there is announced once. A dead path may stay too,
    when a pin holds the traffic on it: its condition lasts, whatever score it died with.
    """
    raised = situation.state.raised - BLINDNESS - ALL_DOWN
    if NoticeKind.NO_VIABLE_PATH not in raised:
        return raised
    view = situation.view(situation.state.active)
    score = view.score if view.reachable is True else None
    if score is None or score < situation.policy.failover_threshold + LEAVE_MARGIN:
        return raised
    return raised - NO_PATH


def _stay(
    situation: Situation, beginning: str, leniency: Leniency, raised: frozenset[NoticeKind]
) -> Judgement:
    for key in in_order(situation):
        failing = first_failing_gate(situation, key, leniency)
        if failing is not None and failing[0] is GateName.FRESH:
            reason = f"{beginning} is fresh: {situation.name(key)}: {failing[1]}."
            return Judgement(Phase.SWITCHING, reason, raised)
    reason = f"{beginning} passes the gates; nothing moves."
    return Judgement(Phase.NO_PATH, reason, raised | NO_PATH)
