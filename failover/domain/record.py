"""A policy's state as plain JSON and back, so that a restart keeps every hold.

Stored times are wall-clock seconds, because monotonic time ends with the machine.
``wall_offset`` (wall − monotonic, seconds) is read by the caller; no clock may enter.
Runs of health are restored as the seconds proven until ``as_of``: the time in which
nobody measured never counts, and a stepped wall clock cannot lengthen it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from failover.domain.state import Cause, MemberClock, NoticeKind, Pause, Pin, PolicyState

VERSION = 1
Record = dict[str, Any]
"""JSON values only; ``clocks`` is keyed by the path key as text."""


def to_record(state: PolicyState, *, now: float, wall_offset: float) -> Record:
    """``state`` as JSON, valid as of ``now`` (monotonic seconds).

    Save it when ``differs_on_disk`` says so, when the monitor stops, and every few
    seconds while a return clock runs: what is not saved has to be proven again.
    """
    at = wall_offset
    return {
        "version": VERSION,
        "as_of": now + at,
        "active": state.active,
        "generation": state.generation,
        "active_since": _plus(state.active_since, at),
        "last_switch_at": _plus(state.last_switch_at, at),
        "last_cause": state.last_cause,
        "last_reason": state.last_reason,
        "dwell_waived": state.dwell_waived,
        "raised": sorted(state.raised),
        "clocks": {str(key): _clock_record(clock, at) for key, clock in state.clocks.items()},
        "pause": _pause_record(state.pause, at),
        "pin": _pin_record(state.pin, at),
    }


def from_record(record: Record, *, now: float, wall_offset: float) -> PolicyState:
    """The state that ``record`` describes, as of ``now`` (monotonic seconds).

    A moment that the present wall clock places in the future counts as now, so no hold
    gets shorter. Raises ``ValueError`` for a record of another version.
    """
    if record["version"] != VERSION:
        message = f"version {record['version']!r} of a policy state is not {VERSION}"
        raise ValueError(message)

    def past(wall: float | None) -> float | None:
        return None if wall is None else min(now, wall - wall_offset)

    cause = record["last_cause"]
    return PolicyState(
        active=record["active"],
        generation=record["generation"],
        active_since=past(record["active_since"]),
        last_switch_at=past(record["last_switch_at"]),
        last_cause=None if cause is None else Cause(cause),
        last_reason=record["last_reason"],
        dwell_waived=record["dwell_waived"],
        raised=frozenset(NoticeKind(kind) for kind in record["raised"]),
        clocks={
            int(key): _clock(clock, record["as_of"], now, wall_offset)
            for key, clock in record["clocks"].items()
        },
        pause=_pause(record["pause"], wall_offset),
        pin=_pin(record["pin"], wall_offset),
    )


def differs_on_disk(before: PolicyState, after: PolicyState) -> bool:
    """True when ``after`` holds something worth saving that ``before`` does not."""
    return before is not after and _lasting(before) != _lasting(after)


def _lasting(state: PolicyState) -> PolicyState:
    clocks = {key: replace(clock, failing_since=None) for key, clock in state.clocks.items()}
    return replace(state, warmed=False, clocks=clocks)


def _plus(moment: float | None, seconds: float) -> float | None:
    return None if moment is None else moment + seconds


def _clock_record(clock: MemberClock, at: float) -> Record:
    return {
        "healthy_since": _plus(clock.healthy_since, at),
        "carried_secs": clock.carried_secs,
        "left_at": _plus(clock.left_at, at),
        "left_because": clock.left_because,
        "penalty": clock.penalty,
        "penalty_at": clock.penalty_at + at,
    }


def _clock(record: Record, as_of: float, now: float, wall_offset: float) -> MemberClock:
    since, left_at, because = record["healthy_since"], record["left_at"], record["left_because"]
    proven = record["carried_secs"] if since is None else max(0.0, as_of - since)
    return MemberClock(
        carried_secs=proven,
        left_at=None if left_at is None else min(now, left_at - wall_offset),
        left_because=None if because is None else Cause(because),
        penalty=record["penalty"],
        penalty_at=min(now, record["penalty_at"] - wall_offset),
    )


def _pause_record(pause: Pause | None, at: float) -> Record | None:
    if pause is None:
        return None
    return {"actor": pause.actor, "reason": pause.reason, "until": _plus(pause.until, at)}


def _pause(record: Record | None, wall_offset: float) -> Pause | None:
    if record is None:
        return None
    return Pause(record["actor"], record["reason"], _plus(record["until"], -wall_offset))


def _pin_record(pin: Pin | None, at: float) -> Record | None:
    if pin is None:
        return None
    return {
        "path_key": pin.path_key,
        "actor": pin.actor,
        "reason": pin.reason,
        "set_at": pin.set_at + at,
        "expires_at": _plus(pin.expires_at, at),
        "unless_dead": pin.unless_dead,
    }


def _pin(record: Record | None, wall_offset: float) -> Pin | None:
    if record is None:
        return None
    return Pin(
        record["path_key"],
        record["actor"],
        record["reason"],
        record["set_at"] - wall_offset,
        _plus(record["expires_at"], -wall_offset),
        record["unless_dead"],
    )
