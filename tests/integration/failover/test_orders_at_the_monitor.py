"""What people order is judged by the monitor at a round, and committed with its event or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError

from failover import orders, services
from failover.control import decision_thread
from failover.control.orders import OrderDesk, OrderGone, TakenOrder, fulfilled
from failover.models import (
    FailoverEvent,
    FailoverPolicy,
    OperatorOrder,
    OrderKind,
    OrderStage,
    Override,
)
from failover.orders import Wanted
from health.models import Path
from tests.factories import FailoverPolicyFactory, MonitorLeaseFactory, PathFactory, UserFactory
from tests.integration.failover.sites import Site, until

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = 1_000_000_000


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(decision_thread, "POLL_SECS", 0.02)
    made = Site()
    MonitorLeaseFactory(vantage=made.vantage, expires_at=made.clock.wall() + 9e6)
    made.start()
    made.live(3)
    yield made
    made.close()


def now_of(site: Site) -> dt.datetime:
    return dt.datetime.fromtimestamp(site.clock.wall(), dt.UTC)


def place(site: Site, kind: OrderKind, path: Path | None = None, **more: Any) -> OperatorOrder:
    """Order it as the web process does."""
    person = UserFactory()
    wanted = Wanted(kind, more.pop("reason", "line work"), path and path.pk, **more)
    return orders.place_order(
        site.policy, wanted, actor=person.username, person_id=person.pk, now=now_of(site)
    )


def is_closed(order: OperatorOrder) -> bool:
    order.refresh_from_db()
    return order.stage != OrderStage.QUEUED


def carried_out(site: Site, kind: OrderKind, path: Path | None = None, **more: Any) -> Any:
    """Order it, and see it through."""
    return seen_through(site, place(site, kind, path, **more))


def seen_through(site: Site, order: OperatorOrder) -> OperatorOrder:
    """Round after round at one moment, so that a busy machine lets no order grow old."""
    until(lambda: site.round() or is_closed(order))
    return order


def test_an_ordered_failover_moves_the_traffic_once(site: Site) -> None:
    order = carried_out(site, OrderKind.FAILOVER, site.backup)
    until(lambda: site.events == ["triggered", "completed"])
    assert order.stage == OrderStage.DONE
    assert order.event.event_type == "triggered"
    assert (order.event.direction, order.event.actor) == ("operator", order.actor)
    assert "line work" in order.event.reason
    assert (site.state.active_path_id, site.state.generation) == (site.backup.pk, 1)


def test_the_state_that_comes_with_a_switch_is_that_after_it(site: Site) -> None:
    order = carried_out(site, OrderKind.FAILOVER, site.backup)
    (candidate,) = site.state.judgement["candidates"]
    assert candidate["name"] == "fibre"
    (before,) = order.event.evidence["candidates"]
    assert before["name"] == "lte"


def test_a_failover_without_a_path_goes_to_the_best_candidate(site: Site) -> None:
    carried_out(site, OrderKind.FAILOVER)
    assert site.state.active_path_id == site.backup.pk


def test_an_ordered_failback_does_not_wait_for_the_clock(site: Site) -> None:
    carried_out(site, OrderKind.FAILOVER)
    order = carried_out(site, OrderKind.FAILBACK)
    assert order.stage == OrderStage.DONE
    assert site.state.active_path_id == site.primary.pk


def test_what_the_rules_refuse_is_closed_with_their_sentence_and_moves_nothing(
    site: Site,
) -> None:
    site.kill(site.backup)
    order = carried_out(site, OrderKind.FAILOVER, site.backup)
    assert (order.stage, order.event) == (OrderStage.REFUSED, None)
    assert order.detail == "lte cannot take over: does not answer."
    assert site.events == []
    assert site.state.generation == 0


def test_an_order_that_is_refused_does_not_keep_the_rules_from_acting(site: Site) -> None:
    site.kill(site.primary)
    order = place(site, OrderKind.FAILBACK)
    seen_through(site, order)
    site.live(2)
    until(lambda: "completed" in site.events)
    assert site.state.active_path_id == site.backup.pk


def test_an_order_for_an_older_generation_is_refused_by_the_monitor_too(site: Site) -> None:
    order = place(site, OrderKind.FAILOVER, expected_generation=0)
    # The policy switched between the look of the web process and that of the monitor.
    OperatorOrder.objects.update(expected_generation=7)
    seen_through(site, order)
    assert order.stage == OrderStage.REFUSED
    assert "at generation 0, the order is for 7" in order.detail


def test_a_pause_stops_the_rules_until_it_is_ended(site: Site) -> None:
    paused = carried_out(site, OrderKind.PAUSE)
    assert paused.event.event_type == "paused"
    assert site.state.phase == "paused"
    site.kill(site.primary)
    site.live(4)
    assert site.state.active_path_id == site.primary.pk
    resumed = carried_out(site, OrderKind.RESUME)
    assert resumed.event.event_type == "resumed"
    site.live(2)
    until(lambda: site.state.active_path_id == site.backup.pk)
    assert site.events[:2] == ["paused", "resumed"]


def test_a_pause_ends_by_itself_after_its_time(site: Site) -> None:
    carried_out(site, OrderKind.PAUSE, lasts_secs=60)
    site.live(65)
    until(lambda: site.events == ["paused", "resumed"])


def test_a_pin_moves_the_traffic_and_is_kept_for_the_history(site: Site) -> None:
    order = carried_out(site, OrderKind.PIN, site.backup, lasts_secs=600, unless_dead=False)
    until(lambda: site.events == ["pinned", "triggered", "completed"])
    assert order.event.event_type == "pinned"
    assert site.state.phase == "pinned"
    row = Override.objects.get()
    assert (row.path_id, row.reason, row.unless_dead) == (site.backup.pk, "line work", False)
    assert (row.created_by, row.created_by_name) == (order.person, order.actor)
    assert row.expires_at is not None
    assert row.released_at is None


def test_a_second_pin_closes_the_row_of_the_first(site: Site) -> None:
    carried_out(site, OrderKind.PIN, site.backup)
    carried_out(site, OrderKind.PIN, site.primary, lasts_secs=None)
    first, second = Override.objects.order_by("pk")
    assert first.released_at is not None
    assert (second.released_at, second.expires_at) == (None, None)


@pytest.mark.parametrize("how", ["released", "expired"])
def test_the_row_of_a_pin_ends_with_the_pin(site: Site, how: str) -> None:
    carried_out(site, OrderKind.PIN, site.primary, lasts_secs=60)
    if how == "released":
        assert carried_out(site, OrderKind.UNPIN).event.event_type == "unpinned"
    else:
        site.live(65)
    until(lambda: site.events == ["pinned", "unpinned"])
    assert Override.objects.get().released_at is not None


def test_releasing_what_is_not_pinned_is_refused(site: Site) -> None:
    order = carried_out(site, OrderKind.UNPIN)
    assert (order.stage, order.detail) == (OrderStage.REFUSED, "Internet is not pinned.")


def test_a_blind_monitor_moves_nothing_by_order(site: Site) -> None:
    order = place(site, OrderKind.FAILOVER)
    until(lambda: site.round(lag_ns=3 * SECOND) or is_closed(order))
    assert order.stage == OrderStage.REFUSED
    assert "blind" in order.detail
    assert site.state.generation == 0


def test_an_order_that_is_too_old_is_never_carried_out(site: Site) -> None:
    site.leased = False  # nobody takes it
    order = place(site, OrderKind.FAILOVER)
    site.live(11)
    site.leased = True
    site.live(3)
    until(lambda: is_closed(order))
    assert order.stage == OrderStage.EXPIRED
    site.live(3)
    assert (site.state.generation, site.events) == (0, [])


def test_an_order_that_the_database_refused_is_carried_out_when_it_is_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, failures = services.begin_switch, []

    def away(*args: Any, **options: Any) -> None:
        failures.append(1)
        raise OperationalError("the database is away")

    monkeypatch.setattr(services, "begin_switch", away)
    order = place(site, OrderKind.FAILOVER)
    until(lambda: site.round() or failures)
    assert not is_closed(order)
    monkeypatch.setattr(services, "begin_switch", begin)
    seen_through(site, order)
    until(lambda: site.events == ["triggered", "completed"])


def test_an_order_to_a_policy_that_can_not_be_decided_says_so(site: Site) -> None:
    broken = FailoverPolicyFactory(name="Broken", members=[site.primary])
    FailoverPolicy.objects.filter(pk=site.policy.pk).update(name="Other")
    site.policy = broken
    site.live(2)
    order = place(site, OrderKind.FAILOVER)
    seen_through(site, order)
    assert order.stage == OrderStage.REFUSED
    assert "does not decide this policy" in order.detail


def taken(order: OperatorOrder) -> TakenOrder:
    """The order as the loop sees it."""
    found: list[TakenOrder] = []
    vantage = order.policy.members.first().path.uplink.vantage_id
    OrderDesk(vantage).hand_out(found.append, now=order.asked_at)
    return found[0]


def test_an_order_is_handed_out_once_to_its_own_vantage_and_again_when_given_back(
    site: Site,
) -> None:
    site.leased = False  # the running monitor keeps its hands off
    order = place(site, OrderKind.PAUSE)
    found: list[TakenOrder] = []
    desk, other = OrderDesk(site.vantage.pk), OrderDesk(PathFactory().uplink.vantage_id)
    for _ in range(2):
        desk.hand_out(found.append, now=order.asked_at)
        other.hand_out(found.append, now=order.asked_at)
    assert [one.key for one in found] == [order.pk]
    desk.give_back(found[0])
    desk.hand_out(found.append, now=order.asked_at)
    assert len(found) == 2


def test_a_closed_order_takes_what_it_caused_with_it(site: Site) -> None:
    site.leased = False
    order = place(site, OrderKind.PAUSE)
    mine = taken(order)
    OperatorOrder.objects.update(stage=OrderStage.EXPIRED)
    with pytest.raises(OrderGone), fulfilled(mine, site.policy, (), now=order.asked_at):
        FailoverEvent.objects.create(
            timestamp=order.asked_at, policy=site.policy, policy_uid=site.policy.uid,
            event_type="paused", reason="x", generation=0,
        )  # fmt: skip
    assert site.events == []
