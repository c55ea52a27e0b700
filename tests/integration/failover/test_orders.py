"""Taking orders in the web process: what is written down, refused, repeated, and let expire."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from failover import orders
from failover.models import (
    FailoverEvent,
    FailoverPolicy,
    FailoverState,
    OperatorOrder,
    OrderKind,
    OrderStage,
)
from failover.orders import NobodyDecides, OrderRefused, TooManyOrders, Wanted, WrongField
from health.models import MonitorLease
from tests.factories import (
    FailoverPolicyFactory,
    FailoverStateFactory,
    MonitorLeaseFactory,
    PathFactory,
    UplinkFactory,
    UserFactory,
    VantageFactory,
)

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def policy() -> FailoverPolicy:
    """A policy at generation 4 whose monitor lives."""
    vantage = VantageFactory(name="edge")
    MonitorLeaseFactory(vantage=vantage, expires_at=NOW.timestamp() + 3)
    members = [
        PathFactory(name=name, uplink=UplinkFactory(vantage=vantage)) for name in ("fibre", "lte")
    ]
    made: FailoverPolicy = FailoverPolicyFactory(name="Internet", members=members)
    FailoverStateFactory(policy=made, active_path=members[0], generation=4)
    return made


def member(policy: FailoverPolicy, position: int) -> int:
    """The key of a member."""
    return int(policy.members.get(position=position).path_id)


def place(
    policy: FailoverPolicy,
    kind: OrderKind = OrderKind.FAILOVER,
    *,
    at: float = 0.0,
    actor: str = "ann",
    **more: Any,
) -> OperatorOrder:
    """Order something some seconds after NOW."""
    wanted = Wanted(kind, more.pop("reason", "line work"), **more)
    now = NOW + dt.timedelta(seconds=at)
    return orders.place_order(policy, wanted, actor=actor, person_id=None, now=now)


def close(order: OperatorOrder, stage: OrderStage = OrderStage.DONE) -> None:
    """What the monitor would write."""
    OperatorOrder.objects.filter(pk=order.pk).update(stage=stage)


def test_an_order_is_written_down_and_moves_nothing(policy: FailoverPolicy) -> None:
    person = UserFactory()
    wanted = Wanted(OrderKind.PIN, " line work ", member(policy, 1), 900, unless_dead=False)
    order = orders.place_order(policy, wanted, actor=person.username, person_id=person.pk, now=NOW)
    order.refresh_from_db()
    assert (order.kind, order.path_id, order.reason) == ("pin", member(policy, 1), "line work")
    assert (order.lasts_secs, order.unless_dead, order.stage) == (900, False, "queued")
    assert order.expires_at - order.asked_at == dt.timedelta(seconds=10)
    assert order.person == person
    assert FailoverState.objects.get().generation == 4
    assert not FailoverEvent.objects.exists()


def test_only_pins_and_pauses_have_a_time(policy: FailoverPolicy) -> None:
    order = place(policy, OrderKind.FAILBACK)
    assert order.lasts_secs is None
    close(order)
    assert place(policy, OrderKind.PAUSE).lasts_secs == 3600


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_a_reason_is_demanded_and_short(policy: FailoverPolicy, reason: str) -> None:
    with pytest.raises(WrongField) as refused:
        place(policy, reason=reason)
    assert refused.value.field == "reason"


def test_a_pin_needs_a_path(policy: FailoverPolicy) -> None:
    with pytest.raises(WrongField, match="Choose the path"):
        place(policy, OrderKind.PIN)


def test_a_path_of_somebody_else_is_named_with_the_members(policy: FailoverPolicy) -> None:
    other = PathFactory().pk
    with pytest.raises(WrongField, match=rf"Path {other} is no member of Internet.*\(fibre\)"):
        place(policy, path_id=other)


def test_what_takes_no_path_says_so(policy: FailoverPolicy) -> None:
    with pytest.raises(WrongField, match="failback takes no path"):
        place(policy, OrderKind.FAILBACK, path_id=member(policy, 1))


@pytest.mark.parametrize("secs", [0, 59, 30 * 86_400 + 1])
def test_a_time_that_makes_no_sense_is_refused(policy: FailoverPolicy, secs: int) -> None:
    with pytest.raises(WrongField) as refused:
        place(policy, OrderKind.PAUSE, lasts_secs=secs)
    assert refused.value.field == "expires_in"


def test_an_order_for_an_older_generation_is_refused(policy: FailoverPolicy) -> None:
    with pytest.raises(OrderRefused, match="at generation 4, the order is for 3"):
        place(policy, expected_generation=3)
    assert not OperatorOrder.objects.exists()


def test_a_policy_without_a_decision_is_at_generation_0(policy: FailoverPolicy) -> None:
    FailoverState.objects.all().delete()
    assert place(policy, expected_generation=0).expected_generation == 0


def test_one_order_at_a_time(policy: FailoverPolicy) -> None:
    order = place(policy)
    with pytest.raises(OrderRefused, match="being carried out already"):
        place(policy, OrderKind.PAUSE)
    close(order)
    place(policy, OrderKind.PAUSE)
    assert OperatorOrder.objects.count() == 2


def test_the_database_itself_refuses_a_second_open_order(policy: FailoverPolicy) -> None:
    order = place(policy)
    order.pk, order.uid = None, uuid.uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        order.save()


@pytest.mark.parametrize("stage", [OrderStage.QUEUED, OrderStage.DONE])
def test_the_same_order_sent_again_is_the_first_one(
    policy: FailoverPolicy, stage: OrderStage
) -> None:
    order = place(policy, expected_generation=4)
    close(order, stage)
    FailoverState.objects.update(generation=5)  # which the order itself has caused
    assert place(policy, expected_generation=4, at=5.0).pk == order.pk
    assert OperatorOrder.objects.count() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"reason": "another"},
        {"actor": "bob"},
        {"at": 61.0},
        {"kind": OrderKind.FAILBACK},
    ],
)
def test_another_order_at_an_old_generation_is_stale(
    policy: FailoverPolicy, other: dict[str, Any]
) -> None:
    close(place(policy, expected_generation=4))
    FailoverState.objects.update(generation=5)
    MonitorLease.objects.update(expires_at=NOW.timestamp() + 600)
    with pytest.raises(OrderRefused, match="has switched since"):
        place(policy, expected_generation=4, **other)


def test_the_same_order_after_another_one_is_a_new_one(policy: FailoverPolicy) -> None:
    first = place(policy, OrderKind.PAUSE, expected_generation=4)
    close(first)
    close(place(policy, OrderKind.RESUME, expected_generation=4))
    assert place(policy, OrderKind.PAUSE, expected_generation=4).pk != first.pk


def test_a_refused_order_may_be_given_again(policy: FailoverPolicy) -> None:
    first = place(policy, expected_generation=4)
    close(first, OrderStage.REFUSED)
    assert place(policy, expected_generation=4).pk != first.pk


@pytest.mark.parametrize("change", [{"expires_at": NOW.timestamp()}, {"holder": ""}])
def test_without_a_monitor_nothing_is_taken_and_the_cure_is_named(
    policy: FailoverPolicy, change: dict[str, Any]
) -> None:
    MonitorLease.objects.update(**change)
    with pytest.raises(NobodyDecides, match=r"traffic stays where it is: start .*--name edge"):
        place(policy)
    assert not OperatorOrder.objects.exists()


def test_a_policy_without_members_takes_no_orders() -> None:
    with pytest.raises(OrderRefused, match="has no members"):
        place(FailoverPolicyFactory())


def test_thirty_orders_a_minute_are_the_most_for_one_person(policy: FailoverPolicy) -> None:
    MonitorLease.objects.update(expires_at=NOW.timestamp() + 600)
    for second in range(30):
        close(place(policy, at=float(second)), OrderStage.REFUSED)
    with pytest.raises(TooManyOrders) as refused:
        place(policy, at=40.0)
    assert refused.value.wait_secs == 20.0
    close(place(policy, at=40.0, actor="bob"))
    place(policy, at=61.0)


def test_an_order_that_nobody_took_expires_and_says_so(policy: FailoverPolicy) -> None:
    order = place(policy)
    early = orders.order_of(policy.pk, order.uid, now=NOW + dt.timedelta(seconds=9.9))
    assert early is not None
    assert early.stage == OrderStage.QUEUED
    late = orders.order_of(policy.pk, order.uid, now=NOW + dt.timedelta(seconds=10))
    assert late is not None
    assert late.stage == OrderStage.EXPIRED
    assert "nothing was done and nothing will be" in late.detail


def test_an_expired_order_makes_room_for_the_next(policy: FailoverPolicy) -> None:
    MonitorLease.objects.update(expires_at=NOW.timestamp() + 600)
    place(policy)
    place(policy, at=11.0)
    assert sorted(OperatorOrder.objects.values_list("stage", flat=True)) == ["expired", "queued"]


def test_orders_are_kept_for_a_day(policy: FailoverPolicy) -> None:
    MonitorLease.objects.update(expires_at=NOW.timestamp() + 90_000)
    close(place(policy))
    last = place(policy, at=86_401.0)
    assert OperatorOrder.objects.get() == last


def test_an_order_of_another_policy_is_not_found(policy: FailoverPolicy) -> None:
    order = place(policy)
    assert orders.order_of(policy.pk + 1, order.uid, now=NOW) is None


def test_waiting_ends_with_patience_or_with_the_outcome(policy: FailoverPolicy) -> None:
    order = place(policy)
    assert orders.wait_for(order, patience_secs=0.0).stage == OrderStage.QUEUED
    close(order)
    assert orders.wait_for(order, patience_secs=30.0).stage == OrderStage.DONE
