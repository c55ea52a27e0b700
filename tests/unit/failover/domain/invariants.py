"""The invariants of a decision, checked from outside with a bookkeeping of their own.

The watcher trusts nothing that ``decide`` remembers, except which path is active and
which conditions are announced.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from failover.domain.decision import Decision
from failover.domain.policy import PolicyMode, PolicySpec
from failover.domain.situation import Switch
from failover.domain.state import Cause, PolicyState
from failover.domain.views import NO_VIEW, MemberView
from health.domain.status import PathStatus

CONDITIONS = {"no_viable_path", "all_paths_down", "monitor_blind"}


@dataclass
class Watch:
    """Sees every decision of one policy in order; ``step`` raises on a broken invariant."""

    policy: PolicySpec
    healthy_since: dict[int, float] = field(default_factory=dict)
    penalty: dict[int, tuple[float, float]] = field(default_factory=dict)
    damped: set[int] = field(default_factory=set)
    moments: list[float] = field(default_factory=list)
    steps: int = 0

    def step(
        self,
        before: PolicyState,
        views: dict[int, MemberView],
        decision: Decision,
        now: float,
        *,
        blind: bool = False,
        standby: bool = False,
    ) -> None:
        """Check one decision that was taken in ``before`` at ``now``."""
        self.steps += 1
        self._watch_health(views, now, blind=blind)
        switch, after = decision.action, decision.state
        moved = after.active != before.active
        assert moved == (switch is not None), "a change without a switch or a switch without one"
        assert after.generation == before.generation + (switch is not None), "generation"
        assert decision.reason.endswith("."), "no full sentence"
        for notice in decision.notices:
            assert notice.sentence, "an empty announcement"
            repeated = notice.kind in before.raised and notice.kind.value in CONDITIONS
            assert not repeated, f"{notice.kind} announced twice"
        muted = not self.policy.enabled or standby or self.policy.mode is PolicyMode.OBSERVE
        muted = muted or after.pause is not None
        if switch is not None:
            assert not muted, "a muted policy switched"
            assert not blind, "switched while blind"
            assert after.warmed, "switched before everything was known"
            self._check_switch(before, after, views, switch, now)
        elif not (muted or blind) and after.warmed:
            self._check_not_stuck(before, after, views, now)

    def _check_switch(
        self,
        before: PolicyState,
        after: PolicyState,
        views: dict[int, MemberView],
        switch: Switch,
        now: float,
    ) -> None:
        target = views.get(switch.to_key, NO_VIEW)
        source = NO_VIEW if before.active is None else views.get(before.active, NO_VIEW)
        assert self.policy.index_of(switch.to_key) is not None, "left the policy"
        assert switch.from_key == before.active != switch.to_key == after.active
        assert target.status is not PathStatus.UNKNOWN, "went to an unknown path"
        assert target.reachable is True, "went to a dead path"
        if switch.cause is not Cause.PIN:
            assert target.enabled, "went to a disabled path"
            assert target.in_schedule, "went to a path out of schedule"
            assert not target.in_maintenance, "went to a path in maintenance"
        if switch.cause is Cause.DEAD:
            assert source.reachable is False, "left a living path as dead"
        if switch.cause is Cause.DEGRADED:
            self._check_degraded(source, target, switch.to_key)
        if switch.cause is Cause.RETURN:
            self._check_return(switch, now)
        if after.pin is not None:
            pinned = views.get(after.pin.path_key, NO_VIEW)
            away = pinned.reachable is not True or pinned.answers_in_a_row < 3
            away = away or pinned.status is PathStatus.UNKNOWN or source.reachable is False
            assert switch.to_key == after.pin.path_key or away, "left a living pinned path"
        self._check_pace(now)
        self._book(switch, now)

    def _check_degraded(self, source: MemberView, target: MemberView, to_key: int) -> None:
        threshold = self.policy.failover_threshold
        assert source.score is not None
        assert source.score < threshold
        assert source.settled >= 30, "evidence from too few probes"
        assert target.score is not None
        assert target.score >= threshold, "left a degraded path for one below the threshold"
        assert to_key not in self.damped, "left a degraded path for a damped one"

    def _check_return(self, switch: Switch, now: float) -> None:
        there, here = self.policy.index_of(switch.to_key), self.policy.index_of(switch.from_key)
        assert there is not None
        assert here is not None
        assert there < here, "returned to lower priority"
        since = self.healthy_since.get(switch.to_key)
        assert since is not None, "returned to a path without a run of health"
        assert now - since >= self._delay(switch.to_key) - 1e-6, "returned too early"

    def _check_pace(self, now: float) -> None:
        self.moments.append(now)
        if len(self.moments) > 1 and not self.policy.dead_dwell_secs:
            return
        recent = self.moments[-40:]
        for count, moment in enumerate(reversed(recent), start=1):
            bound = 2 + (now - moment) / self.policy.dead_dwell_secs
            assert count <= bound + 1e-6, f"{count} switches in {now - moment} s"

    def _check_not_stuck(
        self,
        before: PolicyState,
        after: PolicyState,
        views: dict[int, MemberView],
        now: float,
    ) -> None:
        active = NO_VIEW if before.active is None else views.get(before.active, NO_VIEW)
        if active.reachable is not False or (after.pin is not None and not after.pin.unless_dead):
            return
        last = before.last_switch_at
        if last is not None and now - last < self.policy.dead_dwell_secs:
            return
        for member in self.policy.members:
            if member.path_key == before.active:
                continue
            view = views.get(member.path_key, NO_VIEW)
            usable = view.enabled and view.in_schedule and not view.in_maintenance
            healthy = view.status is PathStatus.UP and view.reachable is True and view.fresh
            healthy = healthy and view.loss_run == 0
            good = healthy and view.score is not None and view.score >= 80.0
            assert not (usable and good), f"stayed on a dead path although {member.name} is well"

    def _watch_health(self, views: dict[int, MemberView], now: float, *, blind: bool) -> None:
        for member in self.policy.members:
            key = member.path_key
            view = NO_VIEW if blind else views.get(key, NO_VIEW)
            score = view.score
            well = view.reachable is True and view.status is not PathStatus.UNKNOWN
            if not well or score is None or score < self.policy.reset_below:
                self.healthy_since.pop(key, None)
            elif score >= self.policy.failback_threshold:
                self.healthy_since.setdefault(key, now)
            since = self.healthy_since.get(key)
            if since is not None and now - since >= self._delay(key):
                self.damped.discard(key)

    def _delay(self, key: int) -> float:
        base = self.policy.failback_delay_secs
        if not self.policy.damping:
            return base
        penalty = self.penalty.get(key, (0.0, 0.0))[0]
        return float(max(base, min(3_600.0, base * 4.0 ** max(0.0, penalty - 1.0))))

    def _book(self, switch: Switch, now: float) -> None:
        self.damped.discard(switch.to_key)
        if switch.from_key is None:
            return
        key = switch.from_key
        self.healthy_since.pop(key, None)
        penalty, at = self.penalty.get(key, (0.0, now))
        penalty *= 2.0 ** (-max(0.0, now - at) / 7_200.0)
        if switch.cause in (Cause.DEAD, Cause.DEGRADED):
            penalty = min(8.0, penalty + 1.0)
            self.damped.add(key)
        self.penalty[key] = (penalty, now)
