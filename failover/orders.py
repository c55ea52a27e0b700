"""Orders of people to policies: taken, waited for, looked up.

The process that takes an order (web) never decides and never touches a route: the monitor
that holds the lease of the policy's probe host does (``failover.control.orders``), or
nobody. An order that was not taken in time is never carried out late.
"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from failover.models import (
    FailoverPolicy,
    FailoverState,
    OperatorOrder,
    OrderKind,
    OrderStage,
    PolicyMember,
)
from health.models import MonitorLease, Vantage

GOOD_FOR_SECS = 10.0
"""An order that the monitor has not taken by then is not carried out any more."""
ORDERS_PER_MINUTE = 30
"""Of one person."""
REPEAT_SECS = 60.0
"""So long the same order at the same generation is the same order, not another one."""
SHORTEST_SECS = 60
LONGEST_SECS = 30 * 86_400
DEFAULT_SECS = 3600
"""How long a pin or pause holds: at least, at most, and unless it is said."""
REASON_LENGTH = 200
KEEP_SECS = 86_400.0
POLL_SECS = 0.05

TAKES_PATH = frozenset({OrderKind.FAILOVER, OrderKind.PIN})
TAKES_TIME = frozenset({OrderKind.PIN, OrderKind.PAUSE})


class OrderRefused(Exception):
    """The order cannot be carried out as things are; the message says why and what helps."""


class WrongField(OrderRefused):
    """``field`` of the order makes no sense for this policy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class TooManyOrders(OrderRefused):
    """This person has ordered too often within a minute; ``wait_secs`` until the next may come."""

    def __init__(self, wait_secs: float) -> None:
        super().__init__(
            f"{ORDERS_PER_MINUTE} orders a minute are the most for one person: "
            f"wait {wait_secs:.0f} s."
        )
        self.wait_secs = wait_secs


class NobodyDecides(OrderRefused):
    """No monitor holds the lease of the policy's probe host: nothing moves, by order neither."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is ordered. ``lasts_secs`` is for pins and pauses, None: until it is released.

    With ``expected_generation`` the order is void once the policy has switched since.
    """

    kind: OrderKind
    reason: str
    path_id: int | None = None
    lasts_secs: int | None = DEFAULT_SECS
    unless_dead: bool = True
    expected_generation: int | None = None


def place_order(
    policy: FailoverPolicy,
    wanted: Wanted,
    *,
    actor: str,
    person_id: int | None,
    now: dt.datetime,
) -> OperatorOrder:
    """Write the order down for the monitor; the same order once more is the first one again.

    Raises ``OrderRefused`` (and writes nothing) when it is sure that nothing would come of it.
    """
    _check_fields(policy, wanted)
    expire_orders(OperatorOrder.objects.filter(policy=policy), now=now)
    repeated = _repeated(policy, wanted, actor, now)
    if repeated is not None:
        return repeated
    _require_generation(policy, wanted)
    _require_monitor(policy, now)
    _require_patience(actor, now)
    OperatorOrder.objects.filter(asked_at__lt=now - dt.timedelta(seconds=KEEP_SECS)).delete()
    try:
        with transaction.atomic():
            return OperatorOrder.objects.create(
                policy=policy,
                kind=wanted.kind,
                path_id=wanted.path_id,
                reason=wanted.reason.strip(),
                lasts_secs=wanted.lasts_secs if wanted.kind in TAKES_TIME else None,
                unless_dead=wanted.unless_dead,
                expected_generation=wanted.expected_generation,
                actor=actor,
                person_id=person_id,
                asked_at=now,
                expires_at=now + dt.timedelta(seconds=GOOD_FOR_SECS),
            )
    except IntegrityError:
        raise OrderRefused(
            f"An order to {policy.name} is being carried out already: wait for its outcome."
        ) from None


def wait_for(order: OperatorOrder, *, patience_secs: float) -> OperatorOrder:
    """The order once it has ended, or as it is when patience ends. Blocks."""
    deadline = time.monotonic() + patience_secs
    while order.stage == OrderStage.QUEUED:
        order.refresh_from_db()
        if order.stage != OrderStage.QUEUED or time.monotonic() >= deadline:
            break
        time.sleep(POLL_SECS)
    return order


def order_of(policy_id: int, uid: uuid.UUID, *, now: dt.datetime) -> OperatorOrder | None:
    """The order as it is at ``now``; None when the policy has none of that uid."""
    mine = OperatorOrder.objects.filter(policy_id=policy_id, uid=uid)
    expire_orders(mine, now=now)
    return mine.select_related("event", "path", "policy").first()


def expire_orders(orders: QuerySet[OperatorOrder], *, now: dt.datetime) -> int:
    """End those of ``orders`` that were not taken in time; returns how many."""
    return orders.filter(stage=OrderStage.QUEUED, expires_at__lte=now).update(
        stage=OrderStage.EXPIRED,
        ended_at=now,
        detail=f"The monitor did not take the order within {GOOD_FOR_SECS:.0f} s, so nothing "
        "was done and nothing will be. Look at the probe engine under System, then order again.",
    )


def _check_fields(policy: FailoverPolicy, wanted: Wanted) -> None:
    if not wanted.reason.strip():
        raise WrongField("reason", "The reason is empty: say why, it is kept with the event.")
    if len(wanted.reason.strip()) > REASON_LENGTH:
        raise WrongField("reason", f"The reason is longer than {REASON_LENGTH} characters.")
    if wanted.kind == OrderKind.PIN and wanted.path_id is None:
        raise WrongField("path", "Choose the path to pin the traffic to.")
    _check_time(wanted)
    if wanted.path_id is None:
        return
    if wanted.kind not in TAKES_PATH:
        raise WrongField("path", f"{wanted.kind} takes no path: leave it out.")
    members = PolicyMember.objects.filter(policy=policy).order_by("position")
    names = dict(members.values_list("path_id", "path__name"))
    if wanted.path_id not in names:
        known = ", ".join(f"{key} ({name})" for key, name in names.items()) or "none"
        raise WrongField(
            "path", f"Path {wanted.path_id} is no member of {policy.name}; its members: {known}."
        )


def _check_time(wanted: Wanted) -> None:
    secs = wanted.lasts_secs
    if wanted.kind not in TAKES_TIME or secs is None:
        return
    if not SHORTEST_SECS <= secs <= LONGEST_SECS:
        raise WrongField(
            "expires_in",
            f"{secs} s is not between {SHORTEST_SECS} s and {LONGEST_SECS} s (30 days); "
            "null holds until it is released.",
        )


def _repeated(
    policy: FailoverPolicy, wanted: Wanted, actor: str, now: dt.datetime
) -> OperatorOrder | None:
    """The latest order of the policy, when ``wanted`` is that very order sent again.

    A program whose answer was lost sends it again; that must neither switch twice nor be
    told that the generation is stale, which its own order made so.
    """
    if wanted.expected_generation is None:
        return None
    last = OperatorOrder.objects.filter(policy=policy).order_by("-pk").first()
    if last is None or last.stage not in {OrderStage.QUEUED, OrderStage.DONE}:
        return None
    if last.asked_at <= now - dt.timedelta(seconds=REPEAT_SECS):
        return None
    sent = (last.kind, last.path_id, last.reason, last.expected_generation, last.actor)
    again = (wanted.kind, wanted.path_id, wanted.reason.strip(), wanted.expected_generation, actor)
    lasts = wanted.lasts_secs if wanted.kind in TAKES_TIME else None
    same = sent == again and (last.lasts_secs, last.unless_dead) == (lasts, wanted.unless_dead)
    return last if same else None


def _require_generation(policy: FailoverPolicy, wanted: Wanted) -> None:
    if wanted.expected_generation is None:
        return
    state = FailoverState.objects.filter(policy=policy).first()
    generation = state.generation if state else 0
    if generation != wanted.expected_generation:
        raise OrderRefused(stale_sentence(policy.name, generation, wanted.expected_generation))


def stale_sentence(name: str, generation: int, expected: int) -> str:
    """Why an order that was given before a switch is void."""
    return (
        f"{name} has switched since: it is at generation {generation}, the order is for "
        f"{expected}. Look where its traffic is now, then order again."
    )


def _require_monitor(policy: FailoverPolicy, now: dt.datetime) -> None:
    vantage = Vantage.objects.filter(uplinks__paths__memberships__policy=policy).first()
    if vantage is None:
        raise OrderRefused(f"{policy.name} has no members: add a primary and a backup under Edit.")
    held = MonitorLease.objects.filter(vantage=vantage, expires_at__gt=now.timestamp())
    if not held.exclude(holder="").exists():
        raise NobodyDecides(
            f"No monitor runs on probe host {vantage.name}, so nothing was done and traffic stays "
            f"where it is: start `manage.py cluster --name {vantage.name}` there."
        )


def _require_patience(actor: str, now: dt.datetime) -> None:
    minute = dt.timedelta(seconds=60)
    recent = OperatorOrder.objects.filter(actor=actor, asked_at__gt=now - minute)
    times = list(
        recent.order_by("-asked_at").values_list("asked_at", flat=True)[:ORDERS_PER_MINUTE]
    )
    if len(times) >= ORDERS_PER_MINUTE:
        raise TooManyOrders(max(1.0, (times[-1] + minute - now).total_seconds()))
