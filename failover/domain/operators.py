"""What a person may order: failover, failback, pin, unpin, pause, resume.

Each order is a pure transition that ``decide()`` then lives with; each needs an actor and
a reason. An order that cannot be carried out raises ``Refused`` and changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from failover.domain.clocks import advance
from failover.domain.decision import Decision
from failover.domain.gates import RELAXATION, Leniency, first_failing_gate, first_passing
from failover.domain.pinned import is_ready
from failover.domain.policy import PolicyMode, PolicySpec
from failover.domain.situation import Direction, Notice, Phase, Situation, Switch
from failover.domain.state import Cause, NoticeKind, Pause, Pin, PolicyState
from failover.domain.transition import after_switch, make_switch
from failover.domain.views import Views


class Refused(Exception):
    """An order that cannot be carried out now; the message says why and what would help."""


def failover(
    policy: PolicySpec,
    state: PolicyState,
    views: Views,
    now: float,
    *,
    actor: str,
    reason: str,
    to_key: int | None = None,
) -> Decision:
    """Switch once to ``to_key``, or to the best candidate; normal rules then apply."""
    situation = _ordered(policy, state, views, now, reason)
    _refuse_if_pinned(situation)
    target = first_passing(situation, RELAXATION) if to_key is None else to_key
    if target is None:
        raise Refused("No other path passes the gates: nothing to fail over to.")
    return _move(situation, target, Cause.OPERATOR, f"{actor} ordered: {reason}", actor)


def failback(
    policy: PolicySpec,
    state: PolicyState,
    views: Views,
    now: float,
    *,
    actor: str,
    reason: str,
) -> Decision:
    """Return to the primary once, without waiting for its return clock."""
    situation = _ordered(policy, state, views, now, reason)
    _refuse_if_pinned(situation)
    primary = policy.members[0].path_key
    return _move(situation, primary, Cause.OPERATOR, f"{actor} ordered: {reason}", actor)


def pin(policy: PolicySpec, state: PolicyState, views: Views, now: float, order: Pin) -> Decision:
    """Hold the traffic on one member, moving it there at once; replaces an earlier pin."""
    situation = _ordered(policy, state, views, now, order.reason)
    name = situation.name(order.path_key)
    if policy.index_of(order.path_key) is None:
        raise Refused(f"{name} is not a member of {policy.name}.")
    if not is_ready(situation.view(order.path_key)):
        raise Refused(f"{name} does not answer: a pin needs a reachable path.")
    if order.expires_at is not None and order.expires_at <= now:
        raise Refused("The pin would have expired already: choose a later time.")
    said = Notice(
        NoticeKind.PINNED, f"Pinned to {name}: {order.reason}", order.path_key, order.actor
    )
    raised = situation.state.raised - {NoticeKind.PIN_EXPIRING}
    situation = situation._replace(state=replace(situation.state, pin=order, raised=raised))
    switch = None
    if situation.state.active != order.path_key:
        switch = make_switch(
            situation, order.path_key, Direction.OPERATOR, Cause.PIN, order.reason, order.actor
        )
    return _decision(situation, switch, Phase.PINNED, said.sentence, (said,))


def unpin(
    policy: PolicySpec, state: PolicyState, *, actor: str, reason: str
) -> tuple[PolicyState, Notice]:
    """Release the pin; normal rules resume, return clocks kept running meanwhile."""
    if state.pin is None:
        raise Refused(f"{policy.name} is not pinned.")
    sentence = f"The pin on {policy.name_of(state.pin.path_key)} was released: {reason}"
    raised = state.raised - {NoticeKind.PIN_EXPIRING}
    notice = Notice(NoticeKind.UNPINNED, sentence, state.pin.path_key, actor)
    return replace(state, pin=None, raised=raised), notice


def pause(state: PolicyState, order: Pause) -> tuple[PolicyState, Notice]:
    """Let nothing move until the pause ends; replaces an earlier pause."""
    _require_reason(order.reason)
    return replace(state, pause=order), Notice(
        NoticeKind.PAUSED, f"Paused: {order.reason}", state.active, order.actor
    )


def resume(
    policy: PolicySpec, state: PolicyState, *, actor: str, reason: str
) -> tuple[PolicyState, Notice]:
    """End the pause."""
    if state.pause is None:
        raise Refused(f"{policy.name} is not paused.")
    notice = Notice(NoticeKind.RESUMED, f"Resumed: {reason}", state.active, actor)
    return replace(state, pause=None), notice


def _ordered(
    policy: PolicySpec, state: PolicyState, views: Views, now: float, reason: str
) -> Situation:
    _require_reason(reason)
    if not policy.enabled:
        raise Refused(f"{policy.name} is disabled: enable it first.")
    if policy.mode is PolicyMode.OBSERVE:
        raise Refused(f"{policy.name} only observes: set its mode to automatic first.")
    return Situation(policy, advance(policy, state, views, now, blind=False), views, now)


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused("The reason is empty: say why, it is kept with the event.")


def _refuse_if_pinned(situation: Situation) -> None:
    held = situation.state.pin
    if held is not None:
        raise Refused(
            f"Pinned to {situation.name(held.path_key)} by {held.actor}: release the pin first."
        )


def _move(situation: Situation, target: int, cause: Cause, why: str, actor: str) -> Decision:
    name = situation.name(target)
    if situation.policy.index_of(target) is None:
        raise Refused(f"{name} is not a member of {situation.policy.name}.")
    if target == situation.state.active:
        raise Refused(f"{name} carries the traffic already.")
    failing = first_failing_gate(situation, target, Leniency.LAST_RESORT)
    if failing is not None:
        raise Refused(f"{name} cannot take over: {failing[1]}.")
    switch = make_switch(situation, target, Direction.OPERATOR, cause, why, actor)
    return _decision(situation, switch, Phase.SWITCHING, why, ())


def _decision(
    situation: Situation,
    switch: Switch | None,
    phase: Phase,
    reason: str,
    notices: tuple[Notice, ...],
) -> Decision:
    state = situation.state if switch is None else after_switch(situation, switch)
    return Decision(state, switch, switch, phase, reason, notices, situation)
