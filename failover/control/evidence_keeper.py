"""The evidence that every policy collects about each of its members, round by round.

Two policies over the same path have evidence of their own: each has its threshold, and
forgets what it holds against its paths when it switches. What evidence is and when it is
enough is said in ``failover.domain.evidence``; no rule may enter, and no database.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from failover.domain.evidence import NONE, Evidence, PathEvidence
from failover.domain.policy import MemberSpec, PolicySpec
from failover.domain.target_evidence import EvidenceSettings
from health.domain.reading import TargetProbes

log = logging.getLogger(__name__)


class Found(NamedTuple):
    """What the probes prove against a member, and its score (0–100) over the last 10 s."""

    evidence: Evidence = NONE
    recent_score: float | None = None


NOTHING_FOUND = Found()


class EvidenceKeeper:
    """``configure`` with all policies, now and after each edit; ``observe`` every round."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[int, PathEvidence]] = {}
        self._found: dict[tuple[int, int], Found] = {}
        self._users: dict[int, list[int]] = {}
        self._uids: dict[int, str] = {}
        self._left: dict[str, Any] = {}

    def configure(self, policies: Mapping[int, PolicySpec]) -> None:
        """Collect for exactly these policies.

        Where thresholds or limits were edited what was held against a path is forgotten,
        its last seconds are kept and judged anew (semantics of edits).
        """
        self._uids = {policy_id: spec.uid for policy_id, spec in policies.items()}
        self._kept = {
            policy_id: {
                member.path_key: self._evidence_for(policy_id, spec, member)
                for member in spec.members
            }
            for policy_id, spec in policies.items()
        }
        self._users = {}
        for policy_id, _, key in self._pairs():
            self._users.setdefault(key, []).append(policy_id)
        self._left = {}  # a predecessor's word counts for the first configuration only
        self._found = {(policy_id, key): _found(one) for policy_id, one, key in self._pairs()}

    def observe(self, probes: Mapping[int, Sequence[TargetProbes]], now_ns: int) -> None:
        """Take the probes of a round, by path key, into account at ``now_ns`` (monotonic)."""
        for key, told in probes.items():
            for policy_id in self._users.get(key, ()):
                evidence = self._kept[policy_id][key]
                evidence.observe(told, now_ns)
                self._found[policy_id, key] = _found(evidence)

    def found(self, policy_id: int, path_key: int) -> Found:
        """What the policy has found out about the member."""
        return self._found.get((policy_id, path_key), NOTHING_FOUND)

    def reset(self, policy_id: int) -> None:
        """The policy has switched: it holds nothing against its members any more."""
        for key, evidence in self._kept.get(policy_id, {}).items():
            evidence.reset()
            self._found[policy_id, key] = _found(evidence)

    # --- hand-over ----------------------------------------------------------------------
    def record(self) -> dict[str, Any]:
        """JSON values for ``restore``, by the policies' uids."""
        return {
            self._uids[policy_id]: {str(key): one.record() for key, one in members.items()}
            for policy_id, members in self._kept.items()
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Go on where a predecessor's ``record`` was taken, once policies are configured."""
        self._left = record

    def _evidence_for(self, policy_id: int, spec: PolicySpec, member: MemberSpec) -> PathEvidence:
        settings = settings_of(spec, member)
        evidence = self._kept.get(policy_id, {}).get(member.path_key)
        if evidence is None:
            return self._inherited(spec, member, settings)
        if evidence.settings != settings:
            evidence.change(settings)
        return evidence

    def _inherited(
        self, spec: PolicySpec, member: MemberSpec, settings: EvidenceSettings
    ) -> PathEvidence:
        evidence = PathEvidence(settings)
        try:
            left = self._left.get(spec.uid, {}).get(str(member.path_key))
            if left is not None:
                evidence.restore(left)
        except (AttributeError, KeyError, TypeError, ValueError):
            log.exception("evidence about %s for %s begins anew", member.name, spec.name)
            return PathEvidence(settings)
        return evidence

    def _pairs(self) -> Iterator[tuple[int, PathEvidence, int]]:
        for policy_id, members in self._kept.items():
            for key, evidence in members.items():
                yield policy_id, evidence, key


def settings_of(spec: PolicySpec, member: MemberSpec) -> EvidenceSettings:
    """By what a policy judges a member."""
    return EvidenceSettings(
        spec.failover_threshold,
        member.limits,
        member.interval_ns,
        member.bad_secs_needed,
        member.quorum,
    )


def _found(evidence: PathEvidence) -> Found:
    return Found(evidence.verdict(), evidence.recent_score())
