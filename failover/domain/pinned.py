"""Rule 1's override: a person holds the traffic on one member for a while.

A pin suspends rules 2 and 4. With ``unless_dead`` a dead pinned path is escaped by rule 2,
and returned to after three answers and the dwell. Expiry and its announcements live here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from failover.domain import leave
from failover.domain.holds import ALL_DOWN, BLINDNESS, NO_PATH
from failover.domain.situation import Direction, Judgement, Notice, Phase, Situation
from failover.domain.state import Cause, NoticeKind, Pin, PolicyState
from failover.domain.transition import dwell_left_secs, make_switch
from failover.domain.views import ALIVE_AFTER, MemberView
from health.domain.status import PathStatus

if TYPE_CHECKING:
    from failover.domain.policy import PolicySpec

WARN_SECS = 600.0
"""A pin that was set for longer than this is announced this long before it expires."""

_EXPIRING = frozenset({NoticeKind.PIN_EXPIRING})


def expire(
    policy: PolicySpec, state: PolicyState, now: float
) -> tuple[PolicyState, tuple[Notice, ...]]:
    """``state`` without overrides that have run out, and the notices about them."""
    notices: list[Notice] = []
    pause, pin = state.pause, state.pin
    if pause is not None and pause.until is not None and now >= pause.until:
        notices.append(Notice(NoticeKind.RESUMED, "The pause has run out."))
        state = replace(state, pause=None)
    if pin is None:
        return state, tuple(notices)
    name, ended = policy.name_of(pin.path_key), _end_of(policy, pin, now)
    if ended:
        notices.append(Notice(NoticeKind.UNPINNED, f"The pin on {name} {ended}.", pin.path_key))
        state = replace(state, pin=None, raised=state.raised - _EXPIRING)
    elif _expires_soon(pin, now) and NoticeKind.PIN_EXPIRING not in state.raised:
        sentence = f"The pin on {name} expires within {WARN_SECS / 60:.0f} minutes."
        notices.append(Notice(NoticeKind.PIN_EXPIRING, sentence, pin.path_key))
        state = replace(state, raised=state.raised | _EXPIRING)
    return state, tuple(notices)


def judge(situation: Situation, pin: Pin, cause: tuple[Cause, str] | None) -> Judgement:
    """Stay on the pinned member, go to it, or escape from it while it is dead.

    ``cause`` is rule 2's verdict about the active path. A failed check is no death: a person
    who pins to such a path wants the traffic there.
    """
    held = _held(situation, pin)
    away = situation.state.active != pin.path_key
    in_need = cause is not None and cause[0].is_need and (away or cause[0] is Cause.DEAD)
    if away and is_ready(situation.view(pin.path_key)):
        return _go_to(situation, pin, held, in_need=in_need)
    if cause is None or not in_need or not pin.unless_dead:
        return held
    return leave.judge(situation, *cause)


def is_ready(view: MemberView) -> bool:
    """True when a pinned member may carry traffic: known, and three answers in a row."""
    return (
        view.status is not PathStatus.UNKNOWN
        and view.reachable is True
        and view.answers_in_a_row >= ALIVE_AFTER
    )


def _held(situation: Situation, pin: Pin) -> Judgement:
    raised = leave.stays_without_alarm(situation) if situation.state.raised else frozenset()
    reason = f"Pinned to {situation.name(pin.path_key)} by {pin.actor}: {pin.reason}."
    return Judgement(Phase.PINNED, reason, raised)


def _go_to(situation: Situation, pin: Pin, held: Judgement, *, in_need: bool) -> Judgement:
    if dwell_left_secs(situation, Cause.PIN, in_need=in_need) > 0.0:
        return held
    reason = f"Moved to {situation.name(pin.path_key)}, where {pin.actor} pinned the traffic."
    switch = make_switch(situation, pin.path_key, Direction.OPERATOR, Cause.PIN, reason)
    raised = situation.state.raised - BLINDNESS - ALL_DOWN - NO_PATH
    return held._replace(reason=reason, raised=raised, switch=switch)


def _end_of(policy: PolicySpec, pin: Pin, now: float) -> str:
    if policy.index_of(pin.path_key) is None:
        return "ended: the path is no longer a member of the policy"
    if pin.expires_at is not None and now >= pin.expires_at:
        return "has expired"
    return ""


def _expires_soon(pin: Pin, now: float) -> bool:
    if pin.expires_at is None or pin.expires_at - pin.set_at <= WARN_SECS:
        return False
    return pin.expires_at - now <= WARN_SECS
