"""Orders to probe a path now: taken, waited for, looked up.

The order is always carried out by the path's own vantage (``carrying``): its cluster has
the permissions, the network and the routes that the monitor has, and the process that
takes the order (web) may have none of them.
"""

from __future__ import annotations

import time
import uuid

from django.db import IntegrityError, transaction
from django_q.tasks import async_task

from health.models import MonitorLease, OrderState, Path, PathTarget, ProbeOrder, Vantage

MAX_COUNT = 10
DEFAULT_COUNT = 3
ORDERS_PER_MINUTE = 30
"""Of one person."""
START_WITHIN_SECS = 30.0
"""An order that nobody has begun by then is not carried out any more."""
END_WITHIN_SECS = 60.0
"""Longer than ten probes a second apart and the longest timeout take."""
KEEP_SECS = 86_400.0
POLL_SECS = 0.05
TASK = "health.tasks.carry_out_probe_order"
OPEN_STATES = (OrderState.QUEUED, OrderState.RUNNING)


class OrderRefused(Exception):
    """The path cannot be probed as things are; the message says why and what helps."""


class ProbeUnderWay(OrderRefused):
    """The path is being probed already."""


class TooManyOrders(OrderRefused):
    """This person has asked too often within a minute; ``wait_secs`` until the next may come."""

    def __init__(self, wait_secs: float) -> None:
        super().__init__(
            f"{ORDERS_PER_MINUTE} measurements a minute are the most for one person: "
            f"wait {wait_secs:.0f} s."
        )
        self.wait_secs = wait_secs


class NobodyMeasures(OrderRefused):
    """No monitor lives on the path's probe host."""


def place_order(path: Path, *, actor: str, count: int, now: float) -> ProbeOrder:
    """Order ``count`` probes to each target of ``path`` from the path's own probe host.

    ``now`` is seconds since 1970. Raises ``OrderRefused`` when it is sure that nothing
    would come of it.
    """
    vantage = path.uplink.vantage
    if not PathTarget.objects.filter(path=path).exists():
        raise OrderRefused(f"{path.name} has no target: add one under Edit.")
    if not _is_measured(vantage, now):
        raise NobodyMeasures(
            f"Nobody measures on probe host {vantage.name}: start `manage.py cluster --name "
            f"{vantage.name}` there."
        )
    _expire(path, now)
    _require_patience(actor, now)
    try:
        with transaction.atomic():
            order = ProbeOrder.objects.create(path=path, actor=actor, count=count, asked_at=now)
    except IntegrityError:
        raise ProbeUnderWay(f"{path.name} is being probed already: wait for its result.") from None
    # After the commit: a broker that is not the database could be faster than it.
    queue = {"cluster": vantage.name, "save": False, "group": "probe"}
    async_task(TASK, str(order.uid), vantage.name, q_options=queue)
    return order


def wait_for(order: ProbeOrder, *, patience_secs: float) -> ProbeOrder:
    """The order once it has ended, or as it is when patience ends. Blocks."""
    deadline = time.monotonic() + patience_secs
    while order.state in OPEN_STATES:
        order.refresh_from_db()
        if order.state not in OPEN_STATES or time.monotonic() >= deadline:
            break
        time.sleep(POLL_SECS)
    return order


def order_of(path_id: int, uid: uuid.UUID, *, now: float) -> ProbeOrder | None:
    """The order as it is at ``now``; None when the path has none of that uid."""
    order = ProbeOrder.objects.filter(path_id=path_id, uid=uid).select_related("path").first()
    if order is not None and order.state in OPEN_STATES and _expire(order.path, now):
        order.refresh_from_db()
    return order


def _expire(path: Path, now: float) -> int:
    """End the path's orders that nobody carries out, and forget old ones of any path."""
    ProbeOrder.objects.filter(asked_at__lt=now - KEEP_SECS).delete()
    orders = ProbeOrder.objects.filter(path=path)
    name = path.uplink.vantage.name
    late = orders.filter(state=OrderState.QUEUED, asked_at__lt=now - START_WITHIN_SECS).update(
        state=OrderState.EXPIRED,
        ended_at=now,
        detail=f"No worker of probe host {name} took the order: is `manage.py cluster --name "
        f"{name}` running there?",
    )
    stuck = orders.filter(state=OrderState.RUNNING, started_at__lt=now - END_WITHIN_SECS).update(
        state=OrderState.EXPIRED,
        ended_at=now,
        detail=f"The worker of probe host {name} ended before the measurement did: ask again.",
    )
    return late + stuck


def _is_measured(vantage: Vantage, now: float) -> bool:
    leases = MonitorLease.objects.filter(vantage=vantage, expires_at__gt=now)
    return leases.exclude(holder="").exists()


def _require_patience(actor: str, now: float) -> None:
    recent = ProbeOrder.objects.filter(actor=actor, asked_at__gt=now - 60.0).order_by("-asked_at")
    times = list(recent.values_list("asked_at", flat=True)[:ORDERS_PER_MINUTE])
    if len(times) >= ORDERS_PER_MINUTE:
        raise TooManyOrders(max(1.0, times[-1] + 60.0 - now))
