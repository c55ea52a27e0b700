"""Whatever happens to the paths, the invariants of ``decide`` hold.

More examples: ``PATHWARDEN_PROPERTY_EXAMPLES`` (default 120, of up to 40 actions each).
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from failover.domain import operators
from failover.domain.decision import decide
from failover.domain.evidence import Evidence
from failover.domain.policy import FailbackMode, PolicyMode
from failover.domain.record import from_record, to_record
from failover.domain.state import Pause, Pin
from failover.domain.strategies import STRATEGIES
from failover.domain.views import MemberView
from health.domain.status import PathStatus, Reason
from tests.unit.failover.domain.invariants import Watch
from tests.unit.failover.domain.worlds import (
    BAD,
    CABLE,
    DEAD,
    FIBRE,
    GOOD,
    LTE,
    ONE_LOST,
    RECOVERING,
    TWO_LOST,
    UNKNOWN,
    World,
)

EXAMPLES = int(os.environ.get("PATHWARDEN_PROPERTY_EXAMPLES", "120"))

paths = st.sampled_from([FIBRE, CABLE, LTE])
scores = st.one_of(
    st.none(), st.sampled_from([0.0, 49.9, 50.0, 69.9, 70.0, 79.9, 80.0, 100.0]), st.floats(0, 100)
)
PROOF = Evidence(True, "evidence 12.5 of 12 that loss exceeds 5.5 %")
DOUBT = Evidence(False, "evidence 9.1 of 12 that loss exceeds 5.5 %")
usual = st.sampled_from(
    [GOOD, GOOD, GOOD, BAD, DEAD, DEAD, UNKNOWN, RECOVERING, ONE_LOST, TWO_LOST]
)
odd = st.builds(
    MemberView,
    status=st.sampled_from(PathStatus),
    reachable=st.sampled_from([True, True, False, None]),
    score=scores,
    settled=st.sampled_from([0, 9, 10, 29, 30, 120]),
    answers_in_a_row=st.integers(0, 4),
    loss_run=st.integers(0, 7),
    fresh=st.booleans(),
    latency_ms=st.one_of(st.none(), st.floats(0, 1000)),
    reason=st.sampled_from(Reason),
    in_maintenance=st.booleans(),
    enabled=st.booleans(),
    in_schedule=st.booleans(),
    evidence=st.sampled_from([None, None, PROOF, DOUBT]),
    recent_score=scores,
    utilisation_pct=st.one_of(st.none(), st.floats(0, 100)),
)


class AnyLife(RuleBasedStateMachine):
    """A policy that lives through arbitrary measurements, orders, edits and restarts."""

    @initialize(
        strategy=st.sampled_from(sorted(STRATEGIES)),
        damping=st.booleans(),
        delay=st.sampled_from([0.0, 15.0, 60.0, 600.0]),
        backups=st.integers(1, 2),
    )
    def begin(self, strategy: str, damping: bool, delay: float, backups: int) -> None:
        world = World(strategy=strategy, damping=damping, failback_delay_secs=delay)
        policy = replace(world.policy, members=world.policy.members[: backups + 1])
        self.world = World(policy)
        self.watch = Watch(policy)

    def tick(self, **flags: Any) -> None:
        world, before = self.world, self.world.state
        decision = world.decide(**flags)
        views = world.seen()
        assert decide(world.policy, before, views, world.now, **flags) == decision
        self.watch.step(before, views, decision, world.now, **flags)
        again = decide(world.policy, world.state, views, world.now, **flags)
        assert again.action is None, "moved twice although nothing changed"
        if decision.action is None:
            assert not again.notices, "announced twice although nothing changed"
        assert len(decision.candidates) == len(
            [member for member in world.policy.members if member.path_key != before.active]
        )
        assert all(item.secs_left >= 0.0 for item in decision.countdowns)

    @rule(key=paths, view=st.one_of(usual, usual, odd))
    def one_path_changes(self, key: int, view: MemberView) -> None:
        self.world.see(key, view=view)
        self.tick()

    @rule(view=usual)
    def all_paths_change(self, view: MemberView) -> None:
        self.world.see(FIBRE, CABLE, LTE, view=view)
        self.tick()

    @rule(key=paths)
    def a_view_is_missing(self, key: int) -> None:
        self.world.views.pop(key, None)
        self.tick()

    @rule(secs=st.sampled_from([0.0, 0.05, 0.5, 2.9, 3.0, 9.9, 10.0]), times=st.integers(1, 4))
    def time_passes(self, secs: float, times: int) -> None:
        for _ in range(times):
            self.world.now += secs
            self.tick()

    @rule(secs=st.sampled_from([61.0, 700.0, 8_000.0]))
    def much_time_passes(self, secs: float) -> None:
        self.world.now += secs
        self.tick()

    @rule(blind=st.booleans(), standby=st.booleans(), reference_ok=st.booleans())
    def the_monitor_or_the_pair_changes(self, **flags: bool) -> None:
        self.world.now += 0.5
        self.tick(**flags)

    @rule(clock_ok=st.booleans(), in_failback_window=st.booleans())
    def the_time_of_day_changes(self, **flags: bool) -> None:
        self.world.now += 0.5
        self.tick(**flags)

    @rule(secs=st.sampled_from([0.0, 1.0, 29.0, 30.0]), times=st.integers(1, 4))
    def the_path_below_changes(self, secs: float, times: int) -> None:
        until = self.world.now + secs
        for _ in range(times):
            self.world.now += 1.0
            self.tick(settle_until=until)

    @rule(older=st.sampled_from([0, 0, 1]), secs=st.sampled_from([0.5, 9.9, 10.0]))
    def the_check_after_the_switch_fails(self, older: int, secs: float) -> None:
        self.world.now += secs
        self.tick(failed_generation=self.world.state.generation - older)

    @rule(
        enabled=st.booleans(),
        mode=st.sampled_from(PolicyMode),
        failback=st.sampled_from(FailbackMode),
    )
    def the_policy_is_edited(self, enabled: bool, mode: PolicyMode, failback: FailbackMode) -> None:
        policy = replace(self.world.policy, enabled=enabled, mode=mode, failback_mode=failback)
        self.world.policy = self.watch.policy = policy
        self.tick()

    @rule()
    def the_policy_acts_again(self) -> None:
        changes: dict[str, Any] = {"enabled": True, "mode": PolicyMode.AUTOMATIC}
        changes["failback_mode"] = FailbackMode.AUTOMATIC
        self.world.policy = self.watch.policy = replace(self.world.policy, **changes)
        self.world.state = replace(self.world.state, pause=None)
        self.tick()

    @rule(key=paths, secs=st.sampled_from([None, 5.0, 3_600.0]), unless_dead=st.booleans())
    def somebody_pins(self, key: int, secs: float | None, unless_dead: bool) -> None:
        now = self.world.now
        expires_at = None if secs is None else now + secs
        pin = Pin(key, "ada", "why not", now, expires_at, unless_dead)
        self.world.state = replace(self.world.state, pin=pin)
        self.tick()

    @rule()
    def somebody_unpins(self) -> None:
        self.world.state = replace(self.world.state, pin=None)
        self.tick()

    @rule(secs=st.sampled_from([None, 1.0]))
    def somebody_pauses(self, secs: float | None) -> None:
        until = None if secs is None else self.world.now + secs
        state, _ = operators.pause(self.world.state, Pause("ada", "lunch", until))
        self.world.state = state
        self.tick()

    @rule(downtime=st.sampled_from([0.0, 3.0, 900.0]))
    def the_monitor_restarts(self, downtime: float) -> None:
        world = self.world
        record = to_record(world.state, now=world.now, wall_offset=1e9)
        world.now += downtime
        world.state = from_record(record, now=world.now, wall_offset=1e9)
        self.watch.restart()
        self.tick()


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
