"""The thread beside the loop that makes decisions durable and carries them out.

The loop decides (``failover.control.controller``) and goes on measuring; orders wait here
while the database is slow. Nothing is committed or carried out without the lease.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import DatabaseError, connection

from failover import services
from failover.control import orders
from failover.control.actuation import Actuator
from failover.control.orders import OrderDesk, OrderGone, TakenOrder
from failover.domain.policy import PolicySpec
from failover.domain.situation import Notice, Switch
from failover.models import FailoverPolicy
from failover.selectors import (
    decision_fingerprint,
    paths_in_maintenance,
    policies_with_members,
    policy_spec,
)
from failover.services import PublishedState, Scores, StaleGeneration
from health.monitoring.monitor import LoopContext

log = logging.getLogger(__name__)

POLL_SECS = 1.0
RELOAD_ANYWAY_NS = 30_000_000_000
"""A fingerprint can miss concurrent edits on PostgreSQL or a clock set back; this can't."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A policy's state as stored: its generation, active path, and the domain record."""

    generation: int
    active: int | None
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the controller must know; replaces all it knew of the configuration."""

    policies: dict[int, PolicySpec]
    states: dict[int, StoredState]
    in_maintenance: frozenset[int]
    disabled_paths: frozenset[int]


@dataclass(frozen=True, slots=True)
class Order:
    """A decision to make durable: a switch, notices, or both."""

    policy_id: int
    published: PublishedState
    switch: Switch | None
    notices: Sequence[Notice]
    scores: Scores
    evidence: dict[str, Any] = field(default_factory=dict)
    by_order: TakenOrder | None = None
    """The person's order that this carries out."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order; ``committed`` False means that it never happened."""

    policy_id: int
    committed: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """A person's order that the rules do not allow, and the sentence why."""

    order: TakenOrder
    why: str


Reply = Loaded | Outcome | TakenOrder
Job = Order | Refusal | list[PublishedState] | None


class DecisionThread:
    """Works on orders and publications one after the other; answers through ``reply``.

    ``reply`` is called in this thread with ``Loaded``, ``Outcome`` and ``TakenOrder``
    values and must be thread-safe.
    """

    def __init__(self, context: LoopContext, reply: Callable[[Reply], None]) -> None:
        self._context = context
        self._reply = reply
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._actuator = Actuator(context.vantage_id, context.lease.epoch)
        self._desk = OrderDesk(context.vantage_id)
        self._policies: dict[int, FailoverPolicy] = {}
        self._fingerprint: object = None
        self._reload_ns = 0
        self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(self, order: Order) -> None:
        """Make a decision durable and carry it out; answered by an ``Outcome``."""
        self._jobs.put(order)

    def refuse(self, order: TakenOrder, why: str) -> None:
        """Tell the person who ordered that it cannot be; not answered."""
        self._jobs.put(Refusal(order, why))

    def publish(self, states: list[PublishedState]) -> None:
        """Store judgements for pages and restarts; not answered."""
        self._jobs.put(states)

    def stop(self, timeout_secs: float) -> None:
        """Finish what is waiting and end; give up after ``timeout_secs``."""
        self._jobs.put(None)
        self._thread.join(timeout_secs)

    def _run(self) -> None:
        try:
            while True:
                self._guarded(self._poll)
                try:
                    job = self._next_job()
                except queue.Empty:
                    continue
                if job is None:
                    return
                if isinstance(job, Order):
                    self._commit(job)
                elif isinstance(job, Refusal):
                    self._guarded(partial(self._refuse, job))
                else:
                    self._guarded(partial(self._publish, job))
        finally:
            connection.close()

    def _next_job(self) -> Job:
        """Wait up to POLL_SECS for work, with an eye on what people order."""
        deadline = time.monotonic() + POLL_SECS
        while True:
            self._guarded(self._take_orders)
            left = deadline - time.monotonic()
            try:
                return self._jobs.get(timeout=max(0.0, min(left, orders.LOOK_EVERY_SECS)))
            except queue.Empty:
                if left <= orders.LOOK_EVERY_SECS:
                    raise

    def _take_orders(self) -> None:
        if self._context.may_act():
            self._desk.hand_out(self._reply, now=self._now())

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run ``work``; a database that is away is said once per attempt and tried again."""
        try:
            work()
        except DatabaseError as error:
            log.warning("the database is away, policies hold: %s", error)
            connection.close()
        except Exception:
            log.exception("a failover task failed; it is tried again")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._context.clock.wall(), UTC)

    def _poll(self) -> None:
        now, now_ns = self._now(), self._context.clock.monotonic_ns()
        fingerprint = decision_fingerprint(now=now)
        if fingerprint != self._fingerprint or now_ns >= self._reload_ns:
            self._reply(self._load(now))
            self._fingerprint = fingerprint
            self._reload_ns = now_ns + RELOAD_ANYWAY_NS
        if self._context.may_act():
            self._actuator.carry_out_due(now=now)

    def _load(self, now: datetime) -> Loaded:
        mine = policies_with_members().filter(
            members__path__uplink__vantage=self._context.vantage_id
        )
        rows = list(mine.distinct())
        services.ensure_states(rows, now=now)
        services.adopt_states(
            [row.pk for row in rows],
            vantage_id=self._context.vantage_id,
            lease_epoch=self._context.lease.epoch,
        )
        rows = list(mine.distinct())
        self._policies = {row.pk: row for row in rows}
        members = [member.path for row in rows for member in row.members.all()]
        return Loaded(
            policies={row.pk: policy_spec(row) for row in rows},
            states={
                row.pk: StoredState(
                    row.state.generation, row.state.active_path_id, row.state.record
                )
                for row in rows
            },
            in_maintenance=frozenset(paths_in_maintenance(now=now)),
            disabled_paths=frozenset(path.pk for path in members if not path.enabled),
        )

    def _commit(self, order: Order) -> None:
        committed = False
        try:
            if self._context.may_act():
                self._write(order)
                committed = True
        except StaleGeneration as error:
            log.warning("a decision came too late: %s", error)
            self._fingerprint = None  # read the state again
        except OrderGone as error:
            log.warning("an order came too late and was not carried out: %s", error)
        except DatabaseError as error:
            log.warning("the database is away, the policy holds: %s", error)
            connection.close()
        except Exception:
            log.exception("a decision could not be recorded and was not carried out")
        finally:
            if not committed:
                self._desk.give_back(order.by_order)
            self._reply(Outcome(order.policy_id, committed))
        if committed and order.switch is not None and self._context.may_act():
            self._guarded(lambda: self._actuator.carry_out_due(now=self._now()))

    def _write(self, order: Order) -> None:
        policy = self._policies[order.policy_id]
        epoch, now = self._context.lease.epoch, self._now()
        with orders.fulfilled(order.by_order, policy, order.notices, now=now):
            if order.switch is None:
                services.announce(
                    policy,
                    order.notices,
                    order.published,
                    scores=order.scores,
                    lease_epoch=epoch,
                    now=now,
                )
                return
            services.begin_switch(
                policy,
                order.switch,
                order.notices,
                order.published,
                scores=order.scores,
                evidence=order.evidence,
                lease_epoch=epoch,
                now=now,
            )

    def _refuse(self, refusal: Refusal) -> None:
        if self._context.may_act():
            orders.refuse(refusal.order, refusal.why, now=self._now())
        self._desk.give_back(refusal.order)

    def _publish(self, states: list[PublishedState]) -> None:
        if self._context.may_act():
            services.publish(states, lease_epoch=self._context.lease.epoch, now=self._now())
