"""The ``RoundObserver`` of failover: rounds of measurements become decisions.

Lives in the loop's thread and only computes: ``decide()`` judges, the decision
thread makes durable and carries out. A policy with an order under way waits for
its outcome; an order that was not committed never happened, and the next round
decides afresh.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from failover.control import telling
from failover.control.decision_thread import (
    DecisionThread,
    Loaded,
    Order,
    Reply,
    StoredState,
)
from failover.control.evidence_keeper import EvidenceKeeper
from failover.control.orders import TakenOrder, obey
from failover.control.present import Present
from failover.domain.clocks import has_proven_itself
from failover.domain.decision import Decision, decide
from failover.domain.gates import GateName
from failover.domain.holds import is_plausible, settle_until
from failover.domain.operators import Refused
from failover.domain.policy import PolicySpec, validate
from failover.domain.record import from_record
from failover.domain.situation import Phase
from failover.domain.state import PolicyState, initial_state
from failover.domain.views import MemberView, Views, from_reading, in_policy
from failover.services import PublishedState
from health.engine.observers import Round, RoundObserver
from health.monitoring.monitor import LoopContext

log = logging.getLogger(__name__)

BLIND_LAG_NS = 2_000_000_000
"""A loop this late has not seen enough to judge anything."""
BLIND_GAP_NS = 3_000_000_000
"""Rounds come each second; a longer gap means that this process did not run."""
PUBLISH_EVERY_SECS = 2.0
LAST_WORK_SECS = 3.0


@dataclass(slots=True)
class _Watched:
    """A policy with its state in this loop."""

    spec: PolicySpec
    state: PolicyState
    sound: bool
    waiting: PolicyState | None = None
    """The state that holds once the order under way is committed."""
    decision: Decision | None = None
    ordered: list[TakenOrder] = field(default_factory=list)
    """What people have ordered and no round has judged yet, the oldest first."""
    published_phase: str = ""
    published_at: float = 0.0


class _Moment(NamedTuple):
    """What holds for every policy in one round; ``now`` is monotonic seconds."""

    now: float
    wall: float
    blind: bool
    reference_ok: bool


class FailoverController(RoundObserver):
    """Decides for every policy of a vantage on every round."""

    def __init__(self, context: LoopContext) -> None:
        self._context = context
        self._inbox: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self._thread = DecisionThread(context, self._inbox.put)
        self._evidence = EvidenceKeeper()
        self._present = Present()
        self._policies: dict[int, _Watched] = {}
        self._doubts: set[int] = set()
        self._members: frozenset[int] = frozenset()
        self._in_maintenance: frozenset[int] = frozenset()
        self._disabled_paths: frozenset[int] = frozenset()
        self._last_round_ns: int | None = None
        self._untold_gap = False
        self._wall_offset = 0.0
        self._thread.start()

    def on_round(self, finished: Round) -> None:
        """Decide for every policy that has no order under way."""
        now = finished.at_ns / 1e9
        self._wall_offset = finished.wall - now
        self._take_replies(now)
        self._evidence.observe(finished.probes, finished.at_ns)
        moment = _Moment(
            now, finished.wall, self._is_blind(finished), finished.reference_answers is not False
        )
        seen = self._views(finished)
        self._doubts.clear()
        due: list[PublishedState] = []
        for policy_id, watched in self._policies.items():
            if watched.waiting is None and watched.sound:
                views = self._views_of(policy_id, watched.spec, seen, finished.wall)
                if not self._obey(policy_id, watched, views, moment):
                    self._decide(policy_id, watched, views, moment)
            decision = watched.decision
            if decision is not None and self._is_due(watched, decision, now):
                due.append(self._published(watched, decision, now))
        if due:
            self._thread.publish(due)

    def attends(self) -> Collection[int]:
        """The members of every policy: decisions need readings of this very second."""
        return self._members

    def doubts(self) -> Collection[int]:
        """The candidates for which only a fresh answer is missing."""
        return self._doubts

    def record(self) -> Any:
        """The evidence, for a successor: it would have to collect it anew."""
        return {"evidence": self._evidence.record()}

    def restore(self, record: Any) -> None:
        """Go on with the evidence of a predecessor."""
        self._evidence.restore(record["evidence"])

    def close(self) -> None:
        """Store where everything stands, and let the thread finish."""
        now = self._context.clock.monotonic_ns() / 1e9
        states = [
            self._published(watched, watched.decision, now)
            for watched in self._policies.values()
            if watched.decision is not None and watched.waiting is None
        ]
        if states:
            self._thread.publish(states)
        self._thread.stop(LAST_WORK_SECS)

    # --- what comes back from the thread --------------------------------------------
    def _take_replies(self, now: float) -> None:
        while not self._inbox.empty():
            reply = self._inbox.get()
            if isinstance(reply, Loaded):
                self._adopt(reply, now)
            elif isinstance(reply, TakenOrder):
                self._take_order(reply)
            elif isinstance(reply, Present):
                self._present = reply
            elif reply.policy_id in self._policies:
                watched = self._policies[reply.policy_id]
                waiting, watched.waiting = watched.waiting, None
                if reply.committed and waiting is not None:
                    self._move_on(reply.policy_id, watched, waiting)

    def _move_on(self, policy_id: int, watched: _Watched, state: PolicyState) -> None:
        """A new state holds; after a switch nothing is held against any member."""
        if state.generation != watched.state.generation:
            self._evidence.reset(policy_id)
        watched.state = state

    def _take_order(self, order: TakenOrder) -> None:
        watched = self._policies.get(order.policy_id)
        if watched is None or not watched.sound:
            why = (
                "The monitor does not decide this policy: see its log, or order again in a moment."
            )
            self._thread.refuse(order, why)
        else:
            watched.ordered.append(order)

    def _adopt(self, loaded: Loaded, now: float) -> None:
        """Take the configuration over; running clocks of known policies go on."""
        self._in_maintenance = loaded.in_maintenance
        self._disabled_paths = loaded.disabled_paths
        self._members = frozenset(
            member.path_key for spec in loaded.policies.values() for member in spec.members
        )
        self._evidence.configure(loaded.policies)
        for gone in self._policies.keys() - loaded.policies.keys():
            del self._policies[gone]
        for policy_id, spec in loaded.policies.items():
            watched = self._policies.get(policy_id)
            stored = loaded.states.get(policy_id)
            problems = validate(spec)
            for name, message in problems:
                log.error("policy %s is not decided: %s: %s", spec.name, name, message)
            if watched is None:
                state = self._restored(spec, stored, now)
                self._policies[policy_id] = _Watched(spec, state, not problems)
                continue
            watched.spec, watched.sound = spec, not problems
            if stored and watched.waiting is None and stored.generation > watched.state.generation:
                self._move_on(policy_id, watched, self._restored(spec, stored, now))

    def _restored(self, spec: PolicySpec, stored: StoredState | None, now: float) -> PolicyState:
        primary = spec.members[0].path_key
        if stored is None:
            return initial_state(primary, now)
        if stored.record:
            try:
                return from_record(stored.record, now=now, wall_offset=self._wall_offset)
            except (AttributeError, KeyError, TypeError, ValueError):
                # One record that can't be read must not stop every other policy.
                log.exception("the record of policy %s can't be read; its holds end", spec.name)
        state = initial_state(stored.active or primary, now)
        return replace(state, generation=stored.generation)

    # --- deciding ---------------------------------------------------------------------
    def _is_blind(self, finished: Round) -> bool:
        """True after a gap, up to and including a round in which it can be recorded.

        After a stall the lease is stale until it has been renewed: an event of
        the first round would be refused, and nobody would learn of the gap.
        """
        last, self._last_round_ns = self._last_round_ns, finished.at_ns
        gap = last is not None and finished.at_ns - last > BLIND_GAP_NS
        blind = self._untold_gap or gap or finished.lag_ns > BLIND_LAG_NS
        self._untold_gap = blind and not self._context.may_act()
        return blind

    def _views(self, finished: Round) -> Views:
        return {key: self._view(finished, key) for key in self._members}

    def _view(self, finished: Round, key: int) -> MemberView:
        return from_reading(
            finished.readings.get(key),
            now_ns=finished.at_ns,
            in_maintenance=key in self._in_maintenance,
            enabled=key not in self._disabled_paths,
        )

    def _views_of(self, policy_id: int, spec: PolicySpec, seen: Views, wall: float) -> Views:
        """What this policy sees: with its own evidence, and by its own schedule."""
        views: dict[int, MemberView] = {}
        for member in spec.members:
            key = member.path_key
            views[key] = in_policy(
                seen[key],
                *self._evidence.found(policy_id, key),
                in_schedule=member.schedule.is_open(wall),
                cost=member.cost,
                utilisation_pct=self._present.utilisation_pct.get(key),
            )
        return views

    def _obey(self, policy_id: int, watched: _Watched, views: Views, moment: _Moment) -> bool:
        """Carry out the oldest order of a person; False when there is none that can be."""
        while watched.ordered:
            order = watched.ordered.pop(0)
            try:
                decision = obey(
                    order,
                    watched.spec,
                    watched.state,
                    views,
                    moment.now,
                    blind=moment.blind or not moment.reference_ok,
                )
            except Refused as refused:
                self._thread.refuse(order, str(refused))
                continue
            watched.decision = decision
            self._submit(policy_id, watched, decision, views, moment.now, order)
            return True
        return False

    def _decide(self, policy_id: int, watched: _Watched, views: Views, moment: _Moment) -> None:
        spec = watched.spec
        decision = decide(
            spec,
            watched.state,
            views,
            moment.now,
            blind=moment.blind,
            standby=policy_id in self._present.standby,
            reference_ok=moment.reference_ok,
            clock_ok=is_plausible(moment.wall),
            in_failback_window=spec.failback_window.is_open(moment.wall),
            settle_until=self._settles_until(watched),
        )
        watched.decision = decision
        self._doubts |= _doubtful(decision, moment.now)
        if decision.action is None and not decision.notices:
            watched.state = decision.state
            return
        self._submit(policy_id, watched, decision, views, moment.now)

    def _settles_until(self, watched: _Watched) -> float | None:
        """Until when a tunnel may settle on the path below; None where there is no tunnel."""
        index = watched.spec.index_of(watched.state.active)
        below = None if index is None else watched.spec.members[index].rides_on
        if below is None:
            return None
        carriers = [
            other.state
            for other in self._policies.values()
            if other.spec.index_of(below) is not None
        ]
        return settle_until(watched.state.active, watched.spec, carriers)

    def _submit(
        self,
        policy_id: int,
        watched: _Watched,
        decision: Decision,
        views: Views,
        now: float,
        by_order: TakenOrder | None = None,
    ) -> None:
        watched.waiting = decision.state
        self._thread.submit(
            Order(
                policy_id=policy_id,
                published=self._published(watched, decision, now),
                switch=decision.action,
                notices=decision.notices,
                scores=telling.scores(watched.spec, decision, views),
                evidence=telling.grounds(watched.spec, decision, views),
                by_order=by_order,
            )
        )

    # --- telling ------------------------------------------------------------------------
    def _is_due(self, watched: _Watched, decision: Decision, now: float) -> bool:
        """Time to publish: something visible changed, or two seconds have passed."""
        if watched.waiting is not None:
            return False
        phase = decision.phase.value
        if phase == watched.published_phase and now - watched.published_at < PUBLISH_EVERY_SECS:
            return False
        watched.published_phase, watched.published_at = phase, now
        return True

    def _published(self, watched: _Watched, decision: Decision, now: float) -> PublishedState:
        state = watched.waiting or watched.state
        return telling.published(
            watched.spec, state, decision, now=now, wall_offset=self._wall_offset
        )


def _doubtful(decision: Decision, now: float) -> set[int]:
    """The candidates that would be switched to if they had just answered."""
    if decision.phase not in (Phase.SWITCHING, Phase.FAILBACK_WAIT):
        return set()
    policy, state = decision.situation.policy, decision.state
    stale = [one.path_key for one in decision.candidates if one.gate is GateName.FRESH]
    if decision.phase is Phase.SWITCHING:
        return set(stale)
    return {key for key in stale if has_proven_itself(policy, state.clock(key), now)}
