"""A small world for decision tests: three named paths, a clock that only the test moves.

Shared by the tests of the decision core; nothing that asserts may enter.
"""

from __future__ import annotations

from typing import Any

from failover.domain.decision import Decision, decide
from failover.domain.evidence import Evidence
from failover.domain.policy import MemberSpec, PolicySpec
from failover.domain.situation import Notice, Situation, Switch
from failover.domain.state import PolicyState, initial_state
from failover.domain.views import MemberView
from health.domain.status import PathStatus, Reason

FIBRE, CABLE, LTE = 1, 2, 3
NAMES = {FIBRE: "fibre", CABLE: "cable", LTE: "lte"}
START = 1_000.0

GOOD = MemberView(PathStatus.UP, True, 95.0, 120, 120, 0, True, 20.0)
DEAD = MemberView(PathStatus.DOWN, False, 0.0, 120, 0, 6, False, None, Reason.NO_ANSWER)
BAD = GOOD._replace(status=PathStatus.DOWN, score=30.0)
UNKNOWN = MemberView(PathStatus.UNKNOWN, None, None, 120, 0, 0, False, None, Reason.STALE)
RECOVERING = MemberView(PathStatus.DEGRADED, True, None, 4, 3, 0, True, 20.0, Reason.RECOVERING)
ONE_LOST = GOOD._replace(answers_in_a_row=0, loss_run=1, fresh=False)
TWO_LOST = ONE_LOST._replace(loss_run=2)


def scored(score: float) -> MemberView:
    """A fresh, answering path with that score."""
    return GOOD._replace(score=score)


def with_evidence(view: MemberView, threshold: float = 50.0) -> MemberView:
    """``view`` with evidence against it where thirty probes have scored below ``threshold``.

    Here rules are tested, not how evidence is collected: a score is taken for it at once.
    """
    score = view.score
    if view.evidence is not None or score is None or score >= threshold or view.settled < 30:
        return view
    sentence = f"score {score:.1f} of {view.settled} probes is below the threshold {threshold:g}"
    return view._replace(evidence=Evidence(True, sentence))


def make_policy(**changes: Any) -> PolicySpec:
    """A policy over fibre, cable and lte with the product's defaults."""
    values: dict[str, Any] = {
        "policy_id": 1,
        "uid": "a-policy",
        "name": "Internet",
        "members": tuple(MemberSpec(key, name) for key, name in NAMES.items()),
    }
    return PolicySpec(**{**values, **changes})


class World:
    """A policy, its state, what is seen of each path, and the time."""

    def __init__(self, policy: PolicySpec | None = None, **changes: Any) -> None:
        self.policy = policy or make_policy(**changes)
        self.now = START
        self.state: PolicyState = initial_state(self.policy.members[0].path_key, START)
        self.views = {member.path_key: GOOD for member in self.policy.members}
        self.switches: list[Switch] = []
        self.notices: list[Notice] = []
        self.moments: list[float] = []

    def see(self, *keys: int, view: MemberView) -> World:
        """Let the paths look like ``view`` from now on."""
        self.views.update(dict.fromkeys(keys, view))
        return self

    def seen(self) -> dict[int, MemberView]:
        """The views as a decision gets them: with what the scores prove."""
        threshold = self.policy.failover_threshold
        return {key: with_evidence(view, threshold) for key, view in self.views.items()}

    def decide(self, **flags: Any) -> Decision:
        """One decision now; its state is kept."""
        decision = decide(self.policy, self.state, self.seen(), self.now, **flags)
        self.state = decision.state
        self.notices += decision.notices
        if decision.action is not None:
            self.switches.append(decision.action)
            self.moments.append(self.now)
        return decision

    def run(self, secs: float, step: float = 0.5, **flags: Any) -> Decision:
        """Decide now and every ``step`` seconds for ``secs``; the last decision."""
        until = self.now + secs
        decision = self.decide(**flags)
        while self.now + step <= until:
            self.now += step
            decision = self.decide(**flags)
        return decision

    def situation(self) -> Situation:
        """What a single rule would be asked about now."""
        return Situation(self.policy, self.state, dict(self.views), self.now)

    @property
    def active(self) -> int | None:
        """The path that carries the traffic."""
        return self.state.active

    @property
    def said(self) -> list[str]:
        """The kinds of the notices so far."""
        return [notice.kind.value for notice in self.notices]


def on_backup(**changes: Any) -> World:
    """A world whose fibre died ten minutes ago and still is dead; cable carries the traffic."""
    world = World(**changes)
    world.run(20.0)
    world.see(FIBRE, view=DEAD).run(600.0, step=1.0)
    world.switches.clear()
    world.notices.clear()
    world.moments.clear()
    return world
