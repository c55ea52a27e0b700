"""What is running out, in seconds, for screens: returns, dwell, pin and pause.

Nothing here decides; the rules ask their own clocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from failover.domain.damping import return_delay_secs

if TYPE_CHECKING:
    from failover.domain.situation import Situation


class Countdown(NamedTuple):
    """``kind`` is failback, undamp, dwell, pin or pause; ``secs_left`` is never negative."""

    kind: str
    secs_left: float
    path_key: int | None = None


def countdowns(situation: Situation) -> list[Countdown]:
    """Everything that is running out, in the order in which people ask for it."""
    policy, state, now = situation.policy, situation.state, situation.now
    running = _returns(situation)
    if state.last_switch_at is not None:
        left = policy.dwell_secs - (now - state.last_switch_at)
        if left > 0.0:
            running.append(Countdown("dwell", left))
    if state.pin is not None and state.pin.expires_at is not None:
        left = max(0.0, state.pin.expires_at - now)
        running.append(Countdown("pin", left, state.pin.path_key))
    if state.pause is not None and state.pause.until is not None:
        running.append(Countdown("pause", max(0.0, state.pause.until - now)))
    return running


def _returns(situation: Situation) -> list[Countdown]:
    policy, now = situation.policy, situation.now
    active = policy.place_of(situation.state.active)
    automatic = policy.failback_mode.is_automatic
    running: list[Countdown] = []
    for place, key in enumerate(policy.order):
        clock = situation.clock(key)
        if clock.healthy_since is None or place == active:
            continue
        left = max(0.0, return_delay_secs(policy, clock) - (now - clock.healthy_since))
        if active is not None and place < active and automatic:
            running.append(Countdown("failback", left, key))
        elif clock.left_because is not None:
            running.append(Countdown("undamp", left, key))
    return running
