"""Is a path dead, or truly below the threshold? The two verdicts that can start a failover.

``is_dead`` takes health's word (a run of probes without an answer, confirmed by a burst).
``is_degraded`` takes the sequential evidence that a ``PathEvidence`` has collected for the
policy, probe by probe. The rules see only these two functions, so a better detector
changes this file and its parts (``target_evidence``, ``cusum``) and no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from failover.domain.cusum import NEEDED
from failover.domain.target_evidence import EVIDENCE_FROM, EvidenceSettings, TargetEvidence

if TYPE_CHECKING:
    from failover.domain.views import MemberView
    from health.domain.reading import TargetProbes


class Evidence(NamedTuple):
    """A verdict and the sentence that goes into the event.

    ``strength`` of ``needed`` is the largest sum of the target that decides, ``bad_secs``
    the distinct seconds with a bad probe behind it (counted up to those needed),
    ``theta_pct`` the loss in percent that the score would still bear; None when nothing
    has been collected.
    """

    value: bool
    sentence: str
    strength: float = 0.0
    needed: float = NEEDED
    theta_pct: float | None = None
    bad_secs: int = 0


NONE = Evidence(False, "no evidence against it")
TOO_LITTLE = Evidence(False, f"fewer than {EVIDENCE_FROM} probes: too little for evidence")


def is_dead(view: MemberView) -> bool:
    """True when health has judged the path unreachable; unknown is not dead."""
    return view.reachable is False


def is_degraded(view: MemberView) -> Evidence:
    """Whether the path answers and its score is truly below the policy's threshold.

    What was collected about a path that is dead or unknown says nothing about it now.
    """
    if view.reachable is not True or view.evidence is None:
        return NONE
    return view.evidence


class PathEvidence:
    """The evidence one policy collects about one of its members.

    The path is degraded when fewer than ``quorum`` of its targets that are not blamed
    are clean.
    """

    def __init__(self, settings: EvidenceSettings) -> None:
        self.settings = settings
        self._targets: dict[int, TargetEvidence] = {}

    def observe(self, probes: Sequence[TargetProbes], now_ns: int) -> None:
        """Take a round's probes at ``now_ns`` (monotonic nanoseconds) into account.

        ``probes`` names every target of the path, also those of which nothing has settled:
        a target that is not named is probed no more and counts no more.
        """
        targets = self._targets
        for one in probes:
            target = targets.get(one.target)
            if target is None:
                target = targets[one.target] = TargetEvidence(self.settings)
            target.observe(one, now_ns)
        if len(targets) > len(probes):
            named = {one.target for one in probes}
            self._targets = {key: target for key, target in targets.items() if key in named}

    def verdict(self) -> Evidence:
        """What the probes observed so far prove."""
        heeded = [target for target in self._targets.values() if not target.blamed]
        if not heeded:
            return NONE
        ranked = sorted([(_against(target), number) for number, target in enumerate(heeded)])
        # The cleanest targets come first: the last one that the quorum needs decides.
        against, number = ranked[min(self.settings.quorum, len(heeded)) - 1]
        return _evidence(heeded[number], *against)

    def recent_score(self) -> float | None:
        """The score 0–100 of the last 10 s: that of the quorum-th best target.

        None while too few targets have been probed for that long.
        """
        heeded = [target for target in self._targets.values() if not target.blamed]
        scores = sorted(
            [score for target in heeded if (score := target.score()) is not None], reverse=True
        )
        needed = min(self.settings.quorum, len(heeded))
        return scores[needed - 1] if 0 < needed <= len(scores) else None

    def reset(self) -> None:
        """Hold nothing against the path: the policy has just switched."""
        for target in self._targets.values():
            target.reset()

    def change(self, settings: EvidenceSettings) -> None:
        """Judge by other settings: the recent past is kept, what was held against it is not."""
        self.settings = settings
        for target in self._targets.values():
            target.change(settings)

    def record(self) -> dict[str, Any]:
        """JSON values for ``restore``; times are monotonic nanoseconds of this host."""
        return {str(key): target.record() for key, target in self._targets.items()}

    def restore(self, record: dict[str, Any]) -> None:
        """Go on where a predecessor's ``record`` was taken, with the settings of now."""
        for key, target_record in record.items():
            target = self._targets[int(key)] = TargetEvidence(self.settings)
            target.restore(target_record)


def _against(target: TargetEvidence) -> tuple[bool, float, int]:
    proven, strength, bad_secs = target.bank.strongest()
    return proven and target.settled >= EVIDENCE_FROM, strength, bad_secs


def _evidence(target: TargetEvidence, proven: bool, strength: float, bad_secs: int) -> Evidence:
    theta_pct = target.allowance.theta_pct
    if target.settled < EVIDENCE_FROM:
        return TOO_LITTLE._replace(strength=strength, theta_pct=theta_pct, bad_secs=bad_secs)
    if not strength:
        return NONE._replace(theta_pct=theta_pct)
    sentence = f"evidence {strength:.1f} of {NEEDED:g} that {target.claim()}"
    if strength >= NEEDED and not proven:
        sentence += f", but only in {bad_secs} of {target.bank.secs_needed} seconds"
    return Evidence(proven, sentence, strength, NEEDED, theta_pct, bad_secs)
