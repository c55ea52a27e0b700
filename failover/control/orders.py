"""The monitor's side of people's orders: fetched, judged at a round, closed with their event.

The decision thread fetches orders and closes them in the transaction of what they caused;
the controller judges them with the views of that very round. What an order may do is said
in ``failover.domain.operators``; no rule may enter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import QuerySet

from failover.domain import operators
from failover.domain.decision import Decision, decide
from failover.domain.operators import Refused
from failover.domain.policy import PolicySpec
from failover.domain.situation import Notice
from failover.domain.state import NoticeKind, Pause, Pin, PolicyState
from failover.domain.views import Views
from failover.models import (
    EventType,
    FailoverEvent,
    FailoverPolicy,
    OperatorOrder,
    OrderKind,
    OrderStage,
    Override,
)
from failover.orders import expire_orders, stale_sentence

LOOK_EVERY_SECS = 0.2
"""A person waits for the outcome; a look costs one query of an index."""

EVENT_OF = {
    OrderKind.FAILOVER: EventType.TRIGGERED,
    OrderKind.FAILBACK: EventType.TRIGGERED,
    OrderKind.PIN: EventType.PINNED,
    OrderKind.UNPIN: EventType.UNPINNED,
    OrderKind.PAUSE: EventType.PAUSED,
    OrderKind.RESUME: EventType.RESUMED,
}
_MOVES = frozenset({OrderKind.FAILOVER, OrderKind.FAILBACK, OrderKind.PIN})


class OrderGone(Exception):
    """The order is not open any more: it came too late, or somebody else has closed it."""


class TakenOrder(NamedTuple):
    """An order on its way through the loop, as plain values; see ``OperatorOrder``."""

    key: int
    policy_id: int
    kind: OrderKind
    path_key: int | None
    lasts_secs: int | None
    unless_dead: bool
    actor: str
    reason: str
    expected_generation: int | None


def obey(
    order: TakenOrder,
    policy: PolicySpec,
    state: PolicyState,
    views: Views,
    now: float,
    *,
    blind: bool,
) -> Decision:
    """What the order makes of ``state`` at ``now`` (monotonic seconds); raises ``Refused``."""
    expected = order.expected_generation
    if expected is not None and expected != state.generation:
        raise Refused(stale_sentence(policy.name, state.generation, expected))
    if blind and order.kind in _MOVES:
        raise Refused("The monitor was blind until now and moves nothing: order again in a moment.")
    who = {"actor": order.actor, "reason": order.reason}
    until = None if order.lasts_secs is None else now + order.lasts_secs
    if order.kind == OrderKind.FAILOVER:
        return operators.failover(policy, state, views, now, to_key=order.path_key, **who)
    if order.kind == OrderKind.FAILBACK:
        return operators.failback(policy, state, views, now, **who)
    if order.kind == OrderKind.PIN and order.path_key is not None:
        wish = Pin(order.path_key, order.actor, order.reason, now, until, order.unless_dead)
        return operators.pin(policy, state, views, now, wish)
    if order.kind == OrderKind.UNPIN:
        after, notice = operators.unpin(policy, state, **who)
    elif order.kind == OrderKind.RESUME:
        after, notice = operators.resume(policy, state, **who)
    else:
        after, notice = operators.pause(state, Pause(order.actor, order.reason, until))
    # What now holds is told at once; whether traffic moves is for the next round to decide.
    judged = decide(policy, after, views, now, blind=blind)
    situation = judged.situation._replace(state=after)
    return Decision(after, None, None, judged.phase, judged.reason, (notice,), situation)


class OrderDesk:
    """Hands each open order of a vantage out once, until it is closed or given back."""

    def __init__(self, vantage_id: int) -> None:
        self._vantage_id = vantage_id
        self._handed: set[int] = set()

    def hand_out(self, give: Callable[[TakenOrder], None], *, now: datetime) -> None:
        """Give every new order to the loop; end those that came too late."""
        rows = OperatorOrder.objects.filter(stage=OrderStage.QUEUED)
        found = list(rows.order_by("pk"))
        if not found:
            self._handed.clear()
            return
        mine = rows.filter(policy__members__path__uplink__vantage=self._vantage_id)
        keys = set(mine.values_list("pk", flat=True))
        if any(row.expires_at <= now for row in found if row.pk in keys):
            expire_orders(OperatorOrder.objects.filter(pk__in=keys), now=now)
        self._handed &= keys
        for row in found:
            if row.pk in keys - self._handed and row.expires_at > now:
                self._handed.add(row.pk)
                give(_taken(row))

    def give_back(self, order: TakenOrder | None) -> None:
        """It was not committed: hand it out again while it is open."""
        if order is not None:
            self._handed.discard(order.key)


def refuse(order: TakenOrder, why: str, *, now: datetime) -> None:
    """Close the order without an effect."""
    _open(order, now).update(stage=OrderStage.REFUSED, ended_at=now, detail=why[:500])


@contextmanager
def fulfilled(
    order: TakenOrder | None, policy: FailoverPolicy, notices: Sequence[Notice], *, now: datetime
) -> Iterator[None]:
    """One transaction for what is committed inside, the order behind it, and the rows of pins.

    Raises ``OrderGone`` (and nothing was written) when the order is not open any more.
    """
    with transaction.atomic():
        if order is not None and not _open(order, now).update(stage=OrderStage.DONE, ended_at=now):
            raise OrderGone(f"{order.kind} of {policy.name} by {order.actor}")
        yield
        _keep_pins(order, policy, notices, now)
        if order is not None:
            OperatorOrder.objects.filter(pk=order.key).update(event=_event(order))


def _open(order: TakenOrder, now: datetime) -> QuerySet[OperatorOrder]:
    return OperatorOrder.objects.filter(pk=order.key, stage=OrderStage.QUEUED, expires_at__gt=now)


def _event(order: TakenOrder) -> FailoverEvent | None:
    """The order's event: the latest of its kind, as it was added in this transaction."""
    events = FailoverEvent.objects.filter(
        policy_id=order.policy_id, event_type=EVENT_OF[order.kind]
    )
    return events.order_by("-pk").first()


def _keep_pins(
    order: TakenOrder | None, policy: FailoverPolicy, notices: Sequence[Notice], now: datetime
) -> None:
    """The rows that show pins follow the announcements, whoever caused them."""
    kinds = {notice.kind for notice in notices}
    if kinds & {NoticeKind.PINNED, NoticeKind.UNPINNED}:
        Override.objects.filter(policy=policy, released_at__isnull=True).update(released_at=now)
    if order is None or order.path_key is None or NoticeKind.PINNED not in kinds:
        return
    lasts = order.lasts_secs
    row = OperatorOrder.objects.only("person_id").get(pk=order.key)
    Override.objects.create(
        policy=policy,
        path_id=order.path_key,
        reason=order.reason,
        created_by_id=row.person_id,
        created_by_name=order.actor,
        expires_at=None if lasts is None else now + timedelta(seconds=lasts),
        unless_dead=order.unless_dead,
    )


def _taken(row: OperatorOrder) -> TakenOrder:
    return TakenOrder(
        row.pk,
        row.policy_id,
        OrderKind(row.kind),
        row.path_id,
        row.lasts_secs,
        row.unless_dead,
        row.actor,
        row.reason,
        row.expected_generation,
    )
