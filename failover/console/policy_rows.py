"""Policies as the console shows them: a chain of hops with scores, and the state in words.

Made from ``PolicyNow`` and the rows of the paths; no query may enter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.urls import reverse

from failover.console.neighbours import role_name
from failover.selectors import PolicyNow
from health.console import words
from health.console.live import checksum
from health.console.rows import PathRow
from health.domain.status import Face

PHASE_WORDS = {
    "switching": ("switching", "warn"),
    "failback_wait": ("returning", "warn"),
    "no_path": ("no usable path", "bad"),
    "blind": ("monitor blind", "none"),
    "pinned": ("pinned", "paused"),
    "paused": ("paused", "paused"),
    "disabled": ("disabled", "paused"),
    "warming_up": ("warming up", "none"),
}
"""Word and tone of each phase that is worth a word; settled is told by where the traffic is."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One member of a policy in its order of preference."""

    path_id: int
    name: str
    label: str
    url: str
    role: str
    is_active: bool
    row: PathRow | None
    sentence: str
    passes: bool

    @property
    def face(self) -> Face | None:
        """The state of the path; None when the path is gone."""
        return self.row.face if self.row else None

    @property
    def score(self) -> str:
        """The score as shown."""
        return self.row.score if self.row else words.MISSING


@dataclass(frozen=True, slots=True)
class Countdown:
    """Something that runs out at ``until`` (seconds since 1970, UTC)."""

    label: str
    until: float


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One policy; ``since`` (seconds since 1970) is when the active path took over."""

    policy: PolicyNow
    url: str
    hops: tuple[Hop, ...]
    state: str
    tone: str
    since: float | None
    evaluated_at: float | None
    countdowns: tuple[Countdown, ...]
    is_on_backup: bool
    is_stuck: bool
    v: str

    @property
    def dom_id(self) -> str:
        """The row's id in the page."""
        return f"policy-{self.policy.policy_id}"

    @property
    def active(self) -> Hop | None:
        """The hop that carries the traffic."""
        return next((hop for hop in self.hops if hop.is_active), None)


def policy_rows(policies: Iterable[PolicyNow], paths: Mapping[int, PathRow]) -> list[PolicyRow]:
    """Rows for ``policies``, those off their primary first."""
    rows = [policy_row(policy, paths) for policy in policies]
    return sorted(rows, key=lambda row: (not row.is_stuck, not row.is_on_backup, row.policy.name))


def policy_row(policy: PolicyNow, paths: Mapping[int, PathRow]) -> PolicyRow:
    """The row of one policy."""
    hops = _hops(policy, paths)
    state, tone = _state(policy)
    running = _countdowns(policy)
    acts = policy.enabled and policy.active_path_id is not None
    since = policy.active_since.timestamp() if policy.active_since else None
    shown = tuple((hop.name, hop.score, hop.face, hop.is_active, hop.sentence) for hop in hops)
    ends = tuple((one.label, round(one.until)) for one in running)
    return PolicyRow(
        policy=policy,
        url=reverse("policy", args=[policy.policy_id]),
        hops=hops,
        state=state,
        tone=tone,
        since=since,
        evaluated_at=policy.evaluated_at.timestamp() if policy.evaluated_at else None,
        countdowns=running,
        is_on_backup=acts and not policy.using_primary,
        is_stuck=policy.enabled and policy.phase == "no_path",
        v=checksum(policy.name, shown, state, since, ends, policy.reason, policy.generation),
    )


def _hops(policy: PolicyNow, paths: Mapping[int, PathRow]) -> tuple[Hop, ...]:
    candidates = {candidate["path_id"]: candidate for candidate in policy.candidates}
    labels = _labels(policy, paths)
    return tuple(
        Hop(
            path_id=path_id,
            name=name,
            label=labels[path_id],
            url=reverse("path", args=[path_id]),
            role=role_name(position),
            is_active=path_id == policy.active_path_id,
            row=paths.get(path_id),
            sentence=candidates.get(path_id, {}).get("sentence", ""),
            passes=path_id in candidates and candidates[path_id].get("gate") is None,
        )
        for position, (path_id, name) in enumerate(policy.members)
    )


def _labels(policy: PolicyNow, paths: Mapping[int, PathRow]) -> dict[int, str]:
    """Short names for the chain: the uplinks, where they tell the members apart."""
    uplinks = {key: paths[key].path.uplink for key, _ in policy.members if key in paths}
    if len(set(uplinks.values())) == len(policy.members):
        return uplinks
    return dict(policy.members)


def _state(policy: PolicyNow) -> tuple[str, str]:
    if policy.phase in PHASE_WORDS:
        return PHASE_WORDS[policy.phase]
    if policy.active_path_id is None:
        return "not decided yet", "none"
    if policy.using_primary:
        return ("observing", "none") if policy.mode == "observe" else ("on primary", "quiet")
    return "on backup", "warn"


_COUNTDOWN_WORDS = {
    "failback": "returns to {path} in",
    "undamp": "{path} may be used again in",
    "dwell": "no further switch for",
    "pin": "pin ends in",
    "pause": "resumes in",
}


def _countdowns(policy: PolicyNow) -> tuple[Countdown, ...]:
    if policy.evaluated_at is None:
        return ()
    names = dict(policy.members)
    begun = policy.evaluated_at.timestamp()
    return tuple(
        Countdown(
            _COUNTDOWN_WORDS[one["kind"]].format(path=names.get(one["path_id"], "the path")),
            begun + one["secs_left"],
        )
        for one in policy.countdowns
        if one["kind"] in _COUNTDOWN_WORDS
    )
