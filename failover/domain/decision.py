"""``decide()``: the only judge of where a policy's traffic belongs.

Pure: the same policy, state, views and time always give the same decision. The live loop,
the audit, the replay and the tests call this one function. It composes the rules, which
live in ``holds``, ``pinned``, ``leave`` and ``failback``; no rule may enter here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from failover.domain import failback, gates, holds, leave, pinned
from failover.domain.clocks import advance
from failover.domain.countdowns import Countdown, countdowns
from failover.domain.evidence import is_dead
from failover.domain.policy import PolicyMode, PolicySpec
from failover.domain.situation import (
    USUAL,
    Judgement,
    Notice,
    Phase,
    Situation,
    Surroundings,
    Switch,
)
from failover.domain.state import NoticeKind, PolicyState
from failover.domain.transition import after_switch

if TYPE_CHECKING:
    from failover.domain.views import Views

_NO_NOTICES: tuple[Notice, ...] = ()
_CONDITIONS = (
    NoticeKind.MONITOR_BLIND,
    NoticeKind.ALL_PATHS_DOWN,
    NoticeKind.NO_VIABLE_PATH,
)
_OBSERVE = PolicyMode.OBSERVE
_new = tuple.__new__
"""Makes a named tuple of all its values in half the time of its class: for the common way."""


class Decision(NamedTuple):
    """What to do now and why.

    ``state`` replaces the state that was passed in. ``action`` is the switch to carry out,
    ``proposed`` the same or, when the policy may not act, what it would do. ``reason`` is
    a full sentence; ``notices`` are announced once. ``situation`` is what the rules saw.
    """

    state: PolicyState
    action: Switch | None
    proposed: Switch | None
    phase: Phase
    reason: str
    notices: tuple[Notice, ...]
    situation: Situation

    @property
    def candidates(self) -> list[gates.Candidate]:
        """The members beside the active one, in order, each with its first failing gate.

        Worked out when asked for: screens need it, most decisions do not.
        """
        return list(gates.candidates(self.situation, _leniency(self.situation)))

    @property
    def countdowns(self) -> list[Countdown]:
        """What is running out, with the seconds left, after this decision."""
        return countdowns(self.situation._replace(state=self.state))


def decide(
    policy: PolicySpec,
    state: PolicyState,
    views: Views,
    now: float,
    *,
    blind: bool = False,
    standby: bool = False,
    reference_ok: bool = True,
    clock_ok: bool = True,
    in_failback_window: bool = True,
    settle_until: float | None = None,
    failed_generation: int | None = None,
) -> Decision:
    """Judge ``policy`` at ``now`` (monotonic seconds); see the module for purity.

    * ``blind``: the monitor's own measurements cannot be trusted (its loop was late, its
      heartbeat stale); set it for the first decision after any gap.
    * ``reference_ok``: this host answers an echo to itself; False is blindness as well.
    * ``standby``: this host is not the master of its pair.
    * ``clock_ok``: the time of day is plausible; nothing moves before it once was.
    * ``in_failback_window``: the window of the failback mode ``window`` is open.
    * ``settle_until``: until then a tunnel may settle on a path below that has changed.
    * ``failed_generation``: the switch of this generation failed its check afterwards.

    Invariants, property-tested:

    * One active path; at most one switch per decision; generation + 1 with each and
      never otherwise; the state's active path changes only with an action.
    * Never to a path that is unknown or dead, nor to one out of use (disabled, outside
      its schedule, in maintenance), pins excepted for the last three.
    * Unknown never causes a leave. For degradation only to a path at or above the
      threshold, without evidence against it and not damped; for the strategy's preference
      only to one that is 10 points better as well.
    * A failback only after continuous health for the member's return delay.
    * At most 2 + T/3 s switches in T seconds: the dwell, and one waiver.
    * Disabled, paused, observing, standby, blind and warming-up policies never switch.
    * A pinned policy moves only to its member, or away while that cannot carry traffic.
    * A dead active path is left within the dwell when a healthy better one is known.
    * A condition is announced once while it lasts.
    """
    around = USUAL
    if not reference_ok or not clock_ok or not in_failback_window:
        around = Surroundings(reference_ok, clock_ok, in_failback_window)
    if settle_until is not None or failed_generation is not None:
        around = around._replace(settle_until=settle_until, failed_generation=failed_generation)
    blind = blind or not reference_ok
    state = advance(policy, state, views, now, blind=blind, clock_ok=clock_ok)
    notices = _NO_NOTICES
    if state.pin is not None or state.pause is not None:
        state, notices = pinned.expire(policy, state, now)
    situation = _new(Situation, (policy, state, views, now, around))
    judgement = _judge(situation, blind)
    if not policy.enabled or state.pause or standby or policy.mode is _OBSERVE:
        return _decision_of_the_muted(situation, judgement, notices)
    if judgement.raised != state.raised:
        state, notices = _announce(situation, judgement, notices)
    switch = judgement.switch
    if switch is not None:
        state = after_switch(situation._replace(state=state), switch)
    told = (state, switch, switch, judgement.phase, judgement.reason, notices, situation)
    return _new(Decision, told)


def _judge(situation: Situation, blind: bool) -> Judgement:
    state = situation.state
    if blind:
        return holds.blind(situation)
    if not state.warmed:
        return holds.warming_up(situation)
    cause = leave.cause_to_leave(situation)
    until = situation.around.settle_until
    if until is not None and situation.now < until and (cause is None or cause[0].is_failure):
        if state.pin is not None:
            return pinned.judge(situation, state.pin, None)
        return holds.settling(situation, until)
    if cause is not None or state.raised:
        held = holds.everything_fails(situation)
        if held is not None:
            return held
    if state.pin is not None:
        return pinned.judge(situation, state.pin, cause)
    if cause is not None:
        return leave.judge(situation, *cause)
    return failback.judge(situation)


def _leniency(situation: Situation) -> gates.Leniency:
    """For which purpose the candidates are listed."""
    if is_dead(situation.view(situation.state.active)):
        return gates.Leniency.LAST_RESORT
    if situation.policy.preference.moves and leave.cause_to_leave(situation) is None:
        return gates.Leniency.PREFERENCE
    return gates.Leniency.STRICT


def _announce(
    situation: Situation, judgement: Judgement, notices: tuple[Notice, ...]
) -> tuple[PolicyState, tuple[Notice, ...]]:
    state, raised = situation.state, judgement.raised
    begun = [kind for kind in _CONDITIONS if kind in raised and kind not in state.raised]
    said = tuple(Notice(kind, judgement.reason, state.active) for kind in begun)
    return replace(state, raised=raised), notices + said


def _decision_of_the_muted(
    situation: Situation, judgement: Judgement, notices: tuple[Notice, ...]
) -> Decision:
    policy, state = situation.policy, situation.state
    switch = judgement.switch
    if not policy.enabled:
        phase, who = Phase.DISABLED, "The policy is disabled"
    else:
        state, notices = _announce(situation, judgement, notices)
        phase, who = judgement.phase, "This host is on standby"
        if policy.mode is _OBSERVE:
            who = "The policy only observes"
        if state.pause is not None:
            phase, who = Phase.PAUSED, f"Paused by {state.pause.actor}: {state.pause.reason}"
    if switch is None:
        reason = f"{who}. {judgement.reason}"
    else:
        to_name = situation.name(switch.to_key)
        reason = f"{who}; it would move to {to_name}. Rule: {judgement.reason}"
    return Decision(state, None, switch, phase, reason, notices, situation)
