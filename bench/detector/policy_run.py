"""One policy in virtual time: a primary on a made-up line, a backup that is always well.

Does what the controller does each round (``failover.control.controller``): reading to view,
probes to evidence, ``decide()``, and a clean slate of evidence after a switch. Moving the
traffic takes no time here; that is measured in the lab.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from bench.detector.network import SECOND_NS, Network
from bench.detector.probed_path import ProbedPath
from bench.detector.profiles import Profile
from failover.domain.decision import decide
from failover.domain.evidence import PathEvidence
from failover.domain.policy import MemberSpec, PolicySpec
from failover.domain.state import initial_state
from failover.domain.target_evidence import EvidenceSettings
from failover.domain.views import MemberView, Views, from_reading
from health.domain.status import PathStatus

PRIMARY, BACKUP = 1, 2
WELL = MemberView(PathStatus.UP, True, 100.0, 120, 120, 0, True, 10.0)
SLOTS_KEPT = 10
"""Rounds between two clearings of what only samples need."""


class Move(NamedTuple):
    """A switch: when (seconds since the beginning), whether to the backup, and why."""

    at: float
    to_backup: bool
    cause: str


class PolicyRun:
    """Runs one policy over ``network``; ``seed`` places its probes.

    ``thorough`` judges also in those rounds in which nothing could come of it. A test shows
    that it makes no difference but to the time it takes.
    """

    def __init__(
        self,
        profile: Profile,
        network: Network,
        seed: str,
        targets: int = 1,
        *,
        thorough: bool = False,
    ) -> None:
        spec = profile.spec(targets)
        self.path = ProbedPath(spec, network, random.Random(f"{seed}/probes").random)
        self.moves: list[Move] = []
        self.now_ns = 0
        self._network = network
        self._thorough = thorough
        self._policy = PolicySpec(
            policy_id=1,
            uid="simulated",
            name="simulated",
            members=(
                MemberSpec(PRIMARY, "primary", spec.timing.interval_ns),
                MemberSpec(BACKUP, "backup", spec.timing.interval_ns),
            ),
            failback_delay_secs=profile.failback_delay_secs,
        )
        self._state = initial_state(PRIMARY, 0.0)
        self._evidence = PathEvidence(
            EvidenceSettings(
                self._policy.failover_threshold,
                profile.limits,
                spec.timing.interval_ns,
                profile.bad_secs_needed,
                spec.quorum,
            )
        )
        self._next_round_ns = SECOND_NS

    @property
    def on_backup(self) -> bool:
        """Where the traffic is."""
        return self._state.active == BACKUP

    def run_until(self, secs: float, *, stop_at_move: bool = False) -> None:
        """Let time pass until ``secs``, or until the first switch from now on."""
        until_ns, moves = int(secs * SECOND_NS), len(self.moves)
        while self.now_ns < until_ns:
            at_ns = self.path.go_on_until(self._next_round_ns)
            if at_ns is None:
                at_ns = self._next_round_ns
                self._next_round_ns += SECOND_NS
                if at_ns // SECOND_NS % SLOTS_KEPT == 0:
                    self.path.close_slots()
            self.now_ns = at_ns
            self._round(at_ns)
            if stop_at_move and len(self.moves) > moves:
                return

    def _round(self, now_ns: int) -> None:
        monitor, evidence = self.path.monitor, self._evidence
        calm = not monitor.stirred and not self.on_backup and not self._thorough
        evidence.observe(monitor.take_probes(), now_ns)
        verdict = evidence.verdict()
        if calm and not verdict.value:
            return  # nothing happened since a judgement that let the traffic stay
        view = from_reading(monitor.evaluate(now_ns), now_ns=now_ns)
        views: Views = {PRIMARY: view._replace(evidence=verdict), BACKUP: WELL}
        now = now_ns / SECOND_NS
        decision = decide(self._policy, self._state, views, now)
        self._state = decision.state
        if decision.action is not None:
            evidence.reset()
            self.moves.append(Move(now, self.on_backup, str(decision.action.cause)))
            self._network.primary_active = not self.on_backup
