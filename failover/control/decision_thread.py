"""The thread beside the loop that makes decisions durable and carries them out.

The loop decides (``failover.control.controller``) and goes on measuring; orders wait here
while the database is slow. Nothing is committed or carried out without the lease, but the
escape from a dead path while the database is away (``failover.control.escape``).
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path as FilePath

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from failover import services
from failover.control import orders
from failover.control.actuation import Actuator
from failover.control.authority import Authority
from failover.control.courier import Courier
from failover.control.escape import EscapeHatch
from failover.control.executor_set import ExecutorSet
from failover.control.journal import Journal
from failover.control.messages import (
    Job,
    Loaded,
    Order,
    Outcome,
    Refusal,
    Reply,
    StoredState,
)
from failover.control.orders import OrderDesk, OrderGone, TakenOrder
from failover.control.presence import DatabasePresence
from failover.control.present import PresentReader
from failover.control.reconcile import Reconciler
from failover.control.setbacks import Setbacks
from failover.models import FailoverEvent, FailoverPolicy
from failover.selectors import (
    decision_fingerprint,
    paths_in_maintenance,
    policies_with_members,
    policy_spec,
)
from failover.services import PublishedState, StaleGeneration
from health.monitoring.monitor import LoopContext

__all__ = ["DecisionThread", "Loaded", "Order", "Outcome", "Reply", "StoredState", "journal_of"]

log = logging.getLogger(__name__)

POLL_SECS = 1.0
RELOAD_ANYWAY_NS = 30_000_000_000
"""A fingerprint can miss concurrent edits on PostgreSQL or a clock set back; this can't."""


def journal_of(vantage_name: str) -> Journal:
    """The journal of a vantage on this host."""
    return Journal(FilePath(settings.DATA_DIR) / f"journal-{vantage_name}.jsonl")


class DecisionThread:
    """Works on orders and publications one after the other; answers through ``reply``.

    ``reply`` is called in this thread with ``Loaded``, ``Outcome``, ``TakenOrder`` and
    ``Present`` values and must be thread-safe.
    """

    def __init__(self, context: LoopContext, reply: Callable[[Reply], None]) -> None:
        self._context = context
        self._reply = reply
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._presence = DatabasePresence()
        self._present = PresentReader()
        self._setbacks = Setbacks()
        epoch, executors, authority = context.lease.epoch, ExecutorSet(), Authority(context)
        self._actuator = Actuator(
            context.vantage_id,
            epoch,
            executors=executors,
            may_use=authority.may_use,
            uplink_states=context.uplink_states,
            on_ended=self._switch_ended,
        )
        self._reconciler = Reconciler(
            executors, epoch, may_use=authority.may_use, uplink_states=context.uplink_states
        )
        self._hatch = EscapeHatch(journal_of(context.vantage_name), executors, epoch)
        self._desk = OrderDesk(context.vantage_id)
        self._courier = Courier(context.vantage_id, context.vantage_name)
        self._policies: dict[int, FailoverPolicy] = {}
        self._fingerprint: object = None
        self._reload_ns = 0
        self._poll_at = 0.0
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

    # --- the thread ---------------------------------------------------------------------
    def _run(self) -> None:
        try:
            while True:
                if time.monotonic() >= self._poll_at:
                    # Not for every order: when hundreds of policies switch they go first.
                    self._poll_at = time.monotonic() + POLL_SECS
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
        """Wait until the next poll for work, with an eye on what people order."""
        while True:
            if not self._presence.is_away:
                self._guarded(self._take_orders)
            if self._reconciler.take_news():
                self._poll_at = 0.0
            left = self._poll_at - time.monotonic()
            try:
                return self._jobs.get(timeout=max(0.0, min(left, orders.LOOK_EVERY_SECS)))
            except queue.Empty:
                if left <= orders.LOOK_EVERY_SECS:
                    raise

    def _take_orders(self) -> None:
        if self._context.may_act():
            self._desk.hand_out(self._reply, now=self._now())

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run ``work``; what could not be done is tried again next time."""
        try:
            work()
        except (OperationalError, InterfaceError) as error:
            self._presence.missed(error)
        except DatabaseError as error:
            log.warning("the database refused a failover task: %s", error)
            connection.close()
        except Exception:
            log.exception("a failover task failed; it is tried again")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._context.clock.wall(), UTC)

    # --- what is due --------------------------------------------------------------------
    def _poll(self) -> None:
        self._presence.be_brief()
        now, now_ns = self._now(), self._context.clock.monotonic_ns()
        if self._hatch.is_waiting and self._context.may_act():
            # Before anything is loaded: what is stored is older than what is in force.
            self._hatch.import_all(lease_epoch=self._context.lease.epoch)
        fingerprint = decision_fingerprint(now=now)
        if fingerprint != self._fingerprint or now_ns >= self._reload_ns:
            self._reply(self._load(now))
            self._fingerprint = fingerprint
            self._reload_ns = now_ns + RELOAD_ANYWAY_NS
        self._tell_present(now_ns)
        self._presence.answered()
        if self._context.may_act() and not self._hatch.is_waiting:
            self._carry_out(now, now_ns)
            self._reconciler.run_when_due(self._policies.values(), now=now, now_ns=now_ns)
            self._courier.call_when_due(now=now, now_ns=now_ns)

    def _tell_present(self, now_ns: int) -> None:
        wall = self._context.clock.wall()
        news = self._present.news(self._policies.values(), wall=wall, now_ns=now_ns)
        if news is not None:
            self._reply(news)

    def _carry_out(self, now: datetime, now_ns: int) -> None:
        if self._actuator.carry_out_due(now=now):
            self._reconciler.look_soon(now_ns=now_ns)

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

    # --- orders -------------------------------------------------------------------------
    def _commit(self, order: Order) -> None:
        outcome = Outcome(order.policy_id, committed=False)
        try:
            outcome = self._settled(order)
        except StaleGeneration as error:
            log.warning("a decision came too late: %s", error)
            self._fingerprint, self._poll_at = None, 0.0  # read the state again
        except OrderGone as error:
            log.warning("an order came too late and was not carried out: %s", error)
        except DatabaseError as error:
            log.warning("the database refused a decision, the policy holds: %s", error)
            connection.close()
        except Exception:
            log.exception("a decision could not be recorded and was not carried out")
        finally:
            if not outcome.committed:
                self._desk.give_back(order.by_order)
            self._reply(outcome)
        carries = outcome.committed and not outcome.journaled and order.switch is not None
        if carries and self._context.may_act():
            self._guarded(lambda: self._carry_out(self._now(), self._context.clock.monotonic_ns()))

    def _settled(self, order: Order) -> Outcome:
        """Commit to the database; while it is away, to the journal if that may be."""
        if not self._context.may_act():
            # Is the lease gone, or the database that tells?
            self._guarded(self._poll)
        try:
            if self._presence.is_away or self._hatch.is_waiting:
                return self._escaped(order)
            if not self._context.may_act() or self._is_set_back(order):
                return Outcome(order.policy_id, committed=False)
            self._write(order)
        except (OperationalError, InterfaceError) as error:
            self._presence.missed(error)
            return self._escaped(order)
        return Outcome(order.policy_id, committed=True)

    def _escaped(self, order: Order) -> Outcome:
        policy = self._policies[order.policy_id]
        if not self._hatch.is_for(order, policy) or self._is_set_back(order):
            return Outcome(order.policy_id, committed=False)
        states = self._context.uplink_states()
        escaped = self._hatch.leave(order, policy, states, now=self._now())
        if order.switch is not None and not escaped:
            self._note_setback(order.policy_id, order.switch.to_key)
        return Outcome(order.policy_id, committed=escaped, journaled=escaped)

    def _is_set_back(self, order: Order) -> bool:
        """A switch there did not work a moment ago; a person may try all the same."""
        if order.switch is None or order.by_order is not None:
            return False
        now_ns = self._context.clock.monotonic_ns()
        key = (order.policy_id, order.switch.to_key)
        return self._setbacks.left_secs(*key, now_ns=now_ns) > 0.0

    def _switch_ended(self, event: FailoverEvent, carried_out: bool) -> None:
        if event.policy_id is None or event.to_path_id is None:
            return
        if carried_out:
            self._setbacks.forget(event.policy_id)
        else:
            self._note_setback(event.policy_id, event.to_path_id)

    def _note_setback(self, policy_id: int, path_id: int) -> None:
        now_ns = self._context.clock.monotonic_ns()
        self._setbacks.note(policy_id, path_id, now_ns=now_ns)

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
        if self._context.may_act() and not self._presence.is_away:
            services.publish(states, lease_epoch=self._context.lease.epoch, now=self._now())
