"""What an operator configured: a failover policy and its members, as plain values.

Made by ``failover.selectors`` from the models and by tests; judged by ``decide()``.
Database rows, form objects and anything that can change after construction may not enter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from failover.domain.calendar import ALWAYS, WeeklySchedule
from failover.domain.strategies import STRATEGIES, UNKNOWN, Strategy
from health.domain.path_spec import SlaLimits

DWELL_SECS = 10.0
"""Least time between two switches of one policy."""
DEAD_DWELL_SECS = 3.0
"""Least time between two switches when the active path is dead."""
RESET_MARGIN = 10.0
"""Points below failback_threshold at which the return clock is reset."""
MAX_DELAY_SECS = 86_400.0
"""Longest failback delay an operator may ask for."""
DEFAULT_INTERVAL_NS = 500_000_000
DEFAULT_LIMITS = SlaLimits()


class PolicyMode(StrEnum):
    """Whether the policy acts or only tells what it would do."""

    AUTOMATIC = "automatic"
    OBSERVE = "observe"


class FailbackMode(StrEnum):
    """Who returns traffic to a better-priority path that has proven itself."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    """The path is reported ready; an operator returns."""
    WINDOW = "window"
    """As automatic, but only while the policy's failback window is open."""
    NEVER = "never"

    @property
    def is_automatic(self) -> bool:
        """True when nobody has to order a return."""
        return self in (FailbackMode.AUTOMATIC, FailbackMode.WINDOW)


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """One path of a policy; ``interval_ns`` is the spacing of its base probes.

    ``vantage`` names the host that probes it; members of one policy share it.
    ``limits`` are those of its SLA profile, ``quorum`` the targets that must be well and
    ``bad_secs_needed`` the distinct seconds with a bad probe that evidence needs;
    ``cost`` is its uplink's, in the operator's own unit. It may be used while ``schedule``
    is open. ``rides_on`` is the path that carries its packets, for a tunnel.
    """

    path_key: int
    name: str
    interval_ns: int = DEFAULT_INTERVAL_NS
    vantage: str = ""
    limits: SlaLimits = DEFAULT_LIMITS
    quorum: int = 1
    bad_secs_needed: int = 8
    cost: float = 0.0
    schedule: WeeklySchedule = ALWAYS
    rides_on: int | None = None


@dataclass(frozen=True, slots=True)
class PolicySpec:
    """A policy: ordered members (index 0 is the primary), thresholds 0–100, times in seconds.

    Construction never fails, so that ``validate`` can name everything that is wrong
    at once; ``decide`` expects a policy for which ``validate`` returns nothing.
    """

    policy_id: int
    uid: str
    name: str
    members: tuple[MemberSpec, ...]
    failover_threshold: float = 50.0
    failback_threshold: float = 80.0
    failback_delay_secs: float = 60.0
    failback_mode: FailbackMode = FailbackMode.AUTOMATIC
    damping: bool = True
    mode: PolicyMode = PolicyMode.AUTOMATIC
    enabled: bool = True
    strategy: str = "priority"
    dwell_secs: float = DWELL_SECS
    dead_dwell_secs: float = DEAD_DWELL_SECS
    failback_window: WeeklySchedule = ALWAYS
    """When returns are allowed with the failback mode ``window``."""
    reset_below: float = field(init=False, repr=False)
    """Score below which a return clock starts again."""
    order: tuple[int, ...] = field(init=False, repr=False, compare=False)
    """Path keys, the most wanted first: as listed, or by cost when the strategy says so."""
    preference: Strategy = field(init=False, repr=False, compare=False)
    """The strategy's row; that of ``priority`` for a name that ``validate`` refuses."""
    _indexes: dict[int | None, int] = field(init=False, repr=False, compare=False)
    _places: dict[int | None, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out once what every decision asks for."""
        reset_below = max(self.failover_threshold, self.failback_threshold - RESET_MARGIN)
        object.__setattr__(self, "reset_below", reset_below)
        indexes = {member.path_key: index for index, member in enumerate(self.members)}
        object.__setattr__(self, "_indexes", indexes)
        preference = STRATEGIES.get(self.strategy, UNKNOWN)
        object.__setattr__(self, "preference", preference)
        members = self.members
        if preference.by_cost:
            members = tuple(sorted(members, key=lambda member: member.cost))
        order = tuple(member.path_key for member in members)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "_places", {key: place for place, key in enumerate(order)})

    def index_of(self, path_key: int | None) -> int | None:
        """Priority of a path (0 is the primary), None when it is not a member."""
        return self._indexes.get(path_key)

    def place_of(self, path_key: int | None) -> int | None:
        """Place of a path in ``order`` (0 is the most wanted), None when it is no member."""
        return self._places.get(path_key)

    def name_of(self, path_key: int | None) -> str:
        """The member's name as people know it."""
        index = self._indexes.get(path_key)
        if index is not None:
            return self.members[index].name
        return "no path" if path_key is None else f"path {path_key}"


Problem = tuple[str, str]
"""A field of the policy and what is wrong with it, with the cure."""


def validate(policy: PolicySpec) -> list[Problem]:
    """Everything that makes ``policy`` unusable, as (field, message); empty when it is sound."""
    return [
        *_name_problems(policy),
        *_member_problems(policy.members),
        *_threshold_problems(policy),
        *_time_problems(policy),
        *_choice_problems(policy),
        *_window_problems(policy),
    ]


def _name_problems(policy: PolicySpec) -> list[Problem]:
    if policy.name.strip():
        return []
    return [("name", "The name is empty: give the policy a name that people will recognise.")]


def _member_problems(members: tuple[MemberSpec, ...]) -> list[Problem]:
    if not members:
        return [("primary", "The policy has no primary path: choose one.")]
    primary, backups = members[0], members[1:]
    problems: list[Problem] = []
    if not backups:
        problems.append(("backups", "The policy has no backup: add at least one other path."))
    keys = [member.path_key for member in backups]
    if primary.path_key in keys:
        problems.append(
            ("backups", f"{primary.name} is the primary and also a backup: remove it from one.")
        )
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        name = next(member.name for member in backups if member.path_key == key)
        problems.append(("backups", f"{name} is a backup more than once: keep it once."))
    vantages = sorted({member.vantage for member in members})
    if len(vantages) > 1:
        problems.append(
            (
                "backups",
                (
                    f"The paths are probed by different hosts ({', '.join(vantages)}): "
                    "a policy needs paths of one vantage."
                ),
            )
        )
    return problems


def _threshold_problems(policy: PolicySpec) -> list[Problem]:
    problems: list[Problem] = []
    for name in ("failover_threshold", "failback_threshold"):
        value = getattr(policy, name)
        if not 0.0 <= value <= 100.0:
            problems.append((name, f"{value:g} is outside 0 to 100: a score never gets there."))
    if not problems and policy.failover_threshold >= policy.failback_threshold:
        problems.append(
            (
                "failback_threshold",
                (
                    f"{policy.failback_threshold:g} must be above the failover threshold "
                    f"{policy.failover_threshold:g}, otherwise traffic would move to and fro."
                ),
            )
        )
    return problems


def _time_problems(policy: PolicySpec) -> list[Problem]:
    problems: list[Problem] = []
    for name in ("failback_delay_secs", "dwell_secs", "dead_dwell_secs"):
        value = getattr(policy, name)
        if not math.isfinite(value) or not 0.0 <= value <= MAX_DELAY_SECS:
            problems.append(
                (name, f"{value:g} is outside 0 to {MAX_DELAY_SECS:g} seconds (one day).")
            )
    if not problems and policy.dead_dwell_secs > policy.dwell_secs:
        problems.append(
            (
                "dead_dwell_secs",
                (
                    f"{policy.dead_dwell_secs:g} is longer than the ordinary dwell of "
                    f"{policy.dwell_secs:g} seconds: a dead path must be left sooner, not later."
                ),
            )
        )
    return problems


def _choice_problems(policy: PolicySpec) -> list[Problem]:
    choices: tuple[tuple[str, str, list[str]], ...] = (
        ("failback_mode", policy.failback_mode, [mode.value for mode in FailbackMode]),
        ("mode", policy.mode, [mode.value for mode in PolicyMode]),
        ("strategy", policy.strategy, sorted(STRATEGIES)),
    )
    return [
        (name, f"{value!r} is not known: choose one of {', '.join(allowed)}.")
        for name, value, allowed in choices
        if value not in allowed
    ]


def _window_problems(policy: PolicySpec) -> list[Problem]:
    if policy.failback_mode != FailbackMode.WINDOW or policy.failback_window.windows:
        return []
    text = (
        "The failback window is empty: say when traffic may return, such as "
        "'Mon-Fri 02:00-04:00', or choose another failback mode."
    )
    return [("failback_window", text)]
