"""The invariants of a decision, checked from outside with a bookkeeping of their own.

The watcher trusts nothing that ``decide`` remembers, except which path is active and
which conditions are announced.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from failover.domain.decision import Decision
from failover.domain.policy import FailbackMode, PolicyMode, PolicySpec
from failover.domain.situation import Switch
from failover.domain.state import Cause, PolicyState
from failover.domain.strategies import STRATEGIES
from failover.domain.views import NO_VIEW, MemberView
from health.domain.status import PathStatus, Reason

VOLUNTARY = {Cause.RETURN, Cause.PREFERENCE}
CONDITIONS = {"no_viable_path", "all_paths_down", "monitor_blind"}


@dataclass
class Watch:
    """Sees every decision of one policy in order; ``step`` raises on a broken invariant."""

    policy: PolicySpec
    healthy_since: dict[int, float] = field(default_factory=dict)
    penalty: dict[int, tuple[float, float]] = field(default_factory=dict)
    damped: set[int] = field(default_factory=set)
    moments: list[float] = field(default_factory=list)
    causes: Counter[Cause] = field(default_factory=Counter)
    paused: set[int] = field(default_factory=set)
    """Members that a restarted monitor has not measured yet: their runs of health wait."""
    steps: int = 0

    def restart(self) -> None:
        """The monitor has restarted and knows nothing yet."""
        self.paused = {member.path_key for member in self.policy.members}

    def step(
        self,
        before: PolicyState,
        views: dict[int, MemberView],
        decision: Decision,
        now: float,
        *,
        blind: bool = False,
        standby: bool = False,
        reference_ok: bool = True,
        clock_ok: bool = True,
        in_failback_window: bool = True,
        settle_until: float | None = None,
        failed_generation: int | None = None,
    ) -> None:
        """Check one decision that was taken in ``before`` at ``now``."""
        self.steps += 1
        blind = blind or not reference_ok
        settling = settle_until is not None and now < settle_until
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
            assert clock_ok or before.warmed, "switched by a clock that was never set"
            held = settling and switch.cause is not Cause.PIN
            assert not (held and switch.cause.is_failure), "left a path that was settling"
            assert not (held and switch.cause in VOLUNTARY), "moved while a tunnel was settling"
            if switch.cause in VOLUNTARY:
                self._check_mode(in_failback_window=in_failback_window)
            if switch.cause is Cause.CHECK_FAILED:
                self._check_second_chance(before, failed_generation, now)
            self._check_switch(before, after, views, switch, now)
        elif not (muted or blind or settling) and after.warmed:
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
        if switch.cause is Cause.PREFERENCE:
            self._check_preference(source, target, switch, now)
        if after.pin is not None:
            pinned = views.get(after.pin.path_key, NO_VIEW)
            away = pinned.reachable is not True or pinned.answers_in_a_row < 3
            away = away or pinned.status is PathStatus.UNKNOWN or source.reachable is False
            assert switch.to_key == after.pin.path_key or away, "left a living pinned path"
        self._check_pace(now)
        self.causes[switch.cause] += 1
        self._book(switch, now)

    def _check_degraded(self, source: MemberView, target: MemberView, to_key: int) -> None:
        threshold = self.policy.failover_threshold
        if source.evidence is None:
            assert source.score is not None
            assert source.score < threshold
            assert source.settled >= 30, "evidence from too few probes"
        else:
            assert source.evidence.value, "left without evidence"
        self._check_well(target)
        assert to_key not in self.damped, "left a degraded path for a damped one"

    def _check_well(self, target: MemberView) -> None:
        assert target.score is not None
        assert target.score >= self.policy.failover_threshold, "to a path below the threshold"
        assert target.evidence is None or not target.evidence.value, "to a degraded path"
        assert target.fresh, "went to a path that did not just answer"

    def _check_mode(self, *, in_failback_window: bool) -> None:
        mode = self.policy.failback_mode
        assert mode in (FailbackMode.AUTOMATIC, FailbackMode.WINDOW), "moved against the mode"
        assert in_failback_window or mode is FailbackMode.AUTOMATIC, "moved out of the window"

    def _check_second_chance(self, before: PolicyState, failed: int | None, now: float) -> None:
        assert failed == before.generation, "left for the check of another switch"
        assert before.last_switch_at is not None
        assert now - before.last_switch_at < self.policy.dwell_secs, "left long after the check"
        assert not before.dwell_waived, "went on and on for failed checks"

    def _check_preference(
        self, source: MemberView, target: MemberView, switch: Switch, now: float
    ) -> None:
        assert STRATEGIES[self.policy.strategy].moves, "the strategy moves nothing by itself"
        assert source.reachable is True or source.reachable is None
        assert target.recent_score is not None
        assert source.recent_score is not None
        assert target.recent_score >= source.recent_score + 10.0, "less than ten points better"
        self._check_well(target)
        self._check_proven(switch.to_key, now)

    def _check_return(self, switch: Switch, now: float) -> None:
        order = [member.path_key for member in self.policy.members]
        if self.policy.strategy == "lowest_cost":
            costs = {member.path_key: member.cost for member in self.policy.members}
            order.sort(key=lambda key: costs[key])
        assert switch.from_key is not None
        assert order.index(switch.to_key) < order.index(switch.from_key), "to lower priority"
        self._check_proven(switch.to_key, now)

    def _check_proven(self, key: int, now: float) -> None:
        since = self.healthy_since.get(key)
        assert since is not None, "returned to a path without a run of health"
        assert now - since >= self._delay(key) - 1e-6, "returned too early"

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
            if view.status is PathStatus.UNKNOWN and view.reason is Reason.WARMING_UP:
                if key in self.paused:
                    continue
            else:
                self.paused.discard(key)
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
        failed = switch.cause in (Cause.DEAD, Cause.DEGRADED, Cause.CHECK_FAILED)
        if failed:
            self.damped.add(key)
        if failed or switch.cause is Cause.PREFERENCE:
            penalty = min(8.0, penalty + 1.0)
        self.penalty[key] = (penalty, now)
