"""A policy judged again over its recorded history, with the settings an operator tries out.

Reads samples, events and traffic, lets ``failover.domain.replay`` judge, and puts what would
have been beside what was. Writes nothing; forms, requests and pages may not enter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings

from failover.domain.policy import FailbackMode, PolicyMode, PolicySpec, validate
from failover.domain.replay import Exposure, ReplayedSwitch, exposure, replay
from failover.models import FailoverEvent, FailoverPolicy
from failover.recorded_history import (
    completed_switches,
    maintenance_spans,
    metered_bytes,
    moves_of,
    recorded_slots,
)
from failover.selectors import policy_spec
from health.domain.sample import SLOT_SECS

LONGEST_SECS = 7 * 86_400
CHANGEABLE = (
    "failover_threshold", "failback_threshold", "failback_delay_secs", "failback_mode",
    "damping", "strategy", "dwell_secs", "dead_dwell_secs",
)  # fmt: skip
"""What a replay may try out; the members and what measured them stay as they were."""


class ReplayRefused(ValueError):
    """The replay can't be done as asked: ``field`` is what is wrong, the text has the cure."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class SwitchLine(NamedTuple):
    """A switch at ``at`` (seconds since 1970, UTC), in names: those of now, or of then."""

    at: int
    from_name: str
    to_name: str
    direction: str
    reason: str


@dataclass(frozen=True, slots=True)
class Course:
    """One course of events: its switches, where the traffic was, and what it met there.

    ``metered_bytes`` is what the uplinks really carried in the seconds in which the policy's
    traffic lay (or would have lain) on a metered one: an upper bound, for they carry other
    traffic too. None where no counters were recorded.
    """

    switches: Sequence[SwitchLine]
    exposure: Exposure
    metered_bytes: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """``happened`` and ``replayed`` over [since, until), seconds since 1970, UTC."""

    policy: PolicySpec
    changes: Mapping[str, Any]
    since: int
    until: int
    happened: Course
    replayed: Course

    @property
    def bad_secs_saved(self) -> int:
        """Seconds on a bad path that the tried settings would have spared; may be negative."""
        return self.happened.exposure.bad_secs - self.replayed.exposure.bad_secs


def replay_policy(
    policy: FailoverPolicy, changes: Mapping[str, Any], *, since: float, until: float, now: float
) -> Report:
    """Judge ``policy`` anew with ``changes`` (field to value, values may be text).

    Raises ``ReplayRefused`` for a field or value that can't be tried, and for a span that is
    reversed, too long, or begins before the samples are kept.
    """
    first, last = _span(since, until, now)
    actual = policy_spec(policy)
    tried = changed(actual, changes)
    history = recorded_slots(actual, first, last)
    moves = moves_of(policy, actual, first, last)
    would_be = replay(
        replace(tried, enabled=True, mode=PolicyMode.AUTOMATIC),
        history,
        since=first,
        until=last,
        active=moves[0][1],
        maintenance=maintenance_spans(actual, first, last),
    )
    would_move = [moves[0], *((switch.at, switch.to_key) for switch in would_be.switches)]
    happened = exposure(actual, history, moves, since=first, until=last)
    return Report(
        policy=tried,
        changes=dict(changes),
        since=first,
        until=last,
        happened=Course(
            [_line_of(event) for event in completed_switches(policy, first, last)],
            happened,
            metered_bytes(actual, moves, moves, last),
        ),
        replayed=Course(
            [_line(tried, switch) for switch in would_be.switches],
            would_be.exposure,
            metered_bytes(actual, would_move, moves, last),
        ),
    )


def _line(policy: PolicySpec, switch: ReplayedSwitch) -> SwitchLine:
    return SwitchLine(
        switch.at,
        policy.name_of(switch.from_key),
        policy.name_of(switch.to_key),
        switch.direction.value,
        switch.reason,
    )


def _line_of(event: FailoverEvent) -> SwitchLine:
    return SwitchLine(
        int(event.timestamp.timestamp()),
        event.from_path_name,
        event.to_path_name,
        event.direction,
        event.reason,
    )


def changed(policy: PolicySpec, changes: Mapping[str, Any]) -> PolicySpec:
    """``policy`` with other settings; raises ``ReplayRefused`` naming field, value and cure."""
    values: dict[str, Any] = {}
    for field, value in changes.items():
        if field not in CHANGEABLE:
            raise ReplayRefused(
                field, f"{field} can't be tried out; choose among {', '.join(CHANGEABLE)}."
            )
        values[field] = _read(field, value)
    tried = replace(policy, **values)
    for field, message in validate(tried):
        raise ReplayRefused(field, message)
    return tried


def _read(field: str, value: Any) -> Any:
    kind = next(known.type for known in fields(PolicySpec) if known.name == field)
    try:
        if kind == "float":
            return float(value)
        if kind == "bool":
            return _read_bool(value)
        return FailbackMode(value) if kind == "FailbackMode" else str(value)
    except (TypeError, ValueError):
        wanted = {"float": "a number", "bool": "true or false"}.get(
            str(kind), f"one of {', '.join(mode.value for mode in FailbackMode)}"
        )
        raise ReplayRefused(field, f"{value!r} is not {wanted}.") from None


def _read_bool(value: Any) -> bool:
    known = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
    if isinstance(value, bool):
        return value
    try:
        return known[str(value).lower()]
    except KeyError:
        raise ValueError(value) from None


def _span(since: float, until: float, now: float) -> tuple[int, int]:
    first = -int(-since // SLOT_SECS) * SLOT_SECS
    last = int(min(until, now) // SLOT_SECS) * SLOT_SECS
    if last <= first:
        raise ReplayRefused("until", "until lies before since, or no slot of 10 s between them.")
    if last - first > LONGEST_SECS:
        raise ReplayRefused("since", "A replay spans seven days at most; choose a later since.")
    kept_from = now - settings.RETENTION_RAW.total_seconds()
    if first < kept_from:
        raise ReplayRefused(
            "since",
            f"Samples are kept since {datetime.fromtimestamp(kept_from, UTC):%Y-%m-%d %H:%M} UTC "
            "(PATHWARDEN_RETENTION_RAW); choose a later since.",
        )
    return first, last
