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
from datetime import UTC, datetime
from typing import Any

from failover.control.decision_thread import (
    DecisionThread,
    Loaded,
    Order,
    Reply,
    StoredState,
)
from failover.control.orders import TakenOrder, obey
from failover.domain.decision import Decision, decide
from failover.domain.operators import Refused
from failover.domain.policy import PolicySpec, validate
from failover.domain.record import from_record, to_record
from failover.domain.state import PolicyState, initial_state
from failover.domain.views import MemberView, Views, from_reading
from failover.services import PublishedState, Scores
from health.engine.observers import Round
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


class FailoverController:
    """Decides for every policy of a vantage on every round."""

    def __init__(self, context: LoopContext) -> None:
        self._context = context
        self._inbox: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self._thread = DecisionThread(context, self._inbox.put)
        self._policies: dict[int, _Watched] = {}
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
        blind = self._is_blind(finished)
        views = self._views(finished)
        due: list[PublishedState] = []
        for policy_id, watched in self._policies.items():
            if watched.waiting is None and watched.sound:
                obeyed = self._obey(policy_id, watched, views, now, blind=blind)
                if not obeyed:
                    self._decide(policy_id, watched, views, now, blind=blind)
            decision = watched.decision
            if decision is not None and self._is_due(watched, decision, now):
                due.append(self._published(policy_id, watched, decision, now))
        if due:
            self._thread.publish(due)

    def attends(self) -> Collection[int]:
        """The members of every policy: decisions need readings of this very second."""
        return self._members

    def close(self) -> None:
        """Store where everything stands, and let the thread finish."""
        now = self._context.clock.monotonic_ns() / 1e9
        states = [
            self._published(policy_id, watched, watched.decision, now)
            for policy_id, watched in self._policies.items()
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
            elif reply.policy_id in self._policies:
                watched = self._policies[reply.policy_id]
                if reply.committed and watched.waiting is not None:
                    watched.state = watched.waiting
                watched.waiting = None

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
                watched.state = self._restored(spec, stored, now)

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
        keys = {
            member.path_key
            for watched in self._policies.values()
            for member in watched.spec.members
        }
        return {key: self._view(finished, key) for key in keys}

    def _view(self, finished: Round, key: int) -> MemberView:
        return from_reading(
            finished.readings.get(key),
            now_ns=finished.at_ns,
            in_maintenance=key in self._in_maintenance,
            enabled=key not in self._disabled_paths,
        )

    def _obey(
        self, policy_id: int, watched: _Watched, views: Views, now: float, *, blind: bool
    ) -> bool:
        """Carry out the oldest order of a person; False when there is none that can be."""
        while watched.ordered:
            order = watched.ordered.pop(0)
            try:
                decision = obey(order, watched.spec, watched.state, views, now, blind=blind)
            except Refused as refused:
                self._thread.refuse(order, str(refused))
                continue
            watched.decision = decision
            self._submit(policy_id, watched, decision, views, now, order)
            return True
        return False

    def _decide(
        self, policy_id: int, watched: _Watched, views: Views, now: float, *, blind: bool
    ) -> None:
        decision = decide(watched.spec, watched.state, views, now, blind=blind)
        watched.decision = decision
        if decision.action is None and not decision.notices:
            watched.state = decision.state
            return
        self._submit(policy_id, watched, decision, views, now)

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
                published=self._published(policy_id, watched, decision, now),
                switch=decision.action,
                notices=decision.notices,
                scores=_scores(watched.spec, decision, views),
                evidence=_evidence(watched.spec, decision, views),
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

    def _published(
        self, policy_id: int, watched: _Watched, decision: Decision, now: float
    ) -> PublishedState:
        state = watched.waiting or watched.state
        healthy_since = state.clock(watched.spec.members[0].path_key).healthy_since
        return PublishedState(
            policy_id=policy_id,
            generation=state.generation,
            phase=decision.phase.value,
            reason=decision.reason,
            record=to_record(state, now=now, wall_offset=self._wall_offset),
            judgement=_judgement(decision),
            primary_healthy_since=(
                None
                if healthy_since is None
                else datetime.fromtimestamp(healthy_since + self._wall_offset, UTC)
            ),
        )


def _judgement(decision: Decision) -> dict[str, Any]:
    return {
        "candidates": [
            {
                "path_id": candidate.path_key,
                "name": candidate.name,
                "gate": candidate.gate,
                "sentence": candidate.sentence,
            }
            for candidate in decision.candidates
        ],
        "countdowns": [
            {
                "kind": countdown.kind,
                "secs_left": round(countdown.secs_left, 1),
                "path_id": countdown.path_key,
            }
            for countdown in decision.countdowns
        ],
    }


def _scores(spec: PolicySpec, decision: Decision, views: Views) -> Scores:
    """The primary's score, and the target's or else the best backup's."""
    primary, *backups = (member.path_key for member in spec.members)
    if decision.action is not None and decision.action.to_key != primary:
        return Scores(views[primary].score, views[decision.action.to_key].score)
    known = [score for key in backups if (score := views[key].score) is not None]
    return Scores(views[primary].score, max(known, default=None))


def _evidence(spec: PolicySpec, decision: Decision, views: Views) -> dict[str, Any]:
    """What the decision was based on, for the event."""
    return {
        "cause": decision.action.cause if decision.action else None,
        "members": [
            {
                "path_id": member.path_key,
                "name": member.name,
                "status": str(views[member.path_key].status),
                "reachable": views[member.path_key].reachable,
                "score": views[member.path_key].score,
                "latency_ms": views[member.path_key].latency_ms,
            }
            for member in spec.members
        ],
        **_judgement(decision),
    }
