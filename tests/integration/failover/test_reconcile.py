"""Desired versus actual: drift is repaired, recorded, and not fought over without end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from failover import services
from failover.control.executor_set import ExecutorSet
from failover.control.reconcile import Reconciler
from failover.executors import EXECUTORS
from failover.executors.base import ExecutorError
from failover.models import FailoverEvent, FailoverPolicy, FailoverState, RouteInForce
from health.domain.uplink_state import LinkState, UplinkState
from tests.factories import (
    FailoverPolicyFactory,
    OutboxMessageFactory,
    PathFactory,
    PolicyRouteFactory,
    UplinkFactory,
    VantageFactory,
)
from tests.integration.failover.kernels import KernelOfDict, register

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Watch:
    """A reconciler over one policy, and a clock."""

    def __init__(self, kernel: KernelOfDict) -> None:
        vantage = VantageFactory()
        self.kernel = kernel
        self.paths = [PathFactory(uplink=UplinkFactory(vantage=vantage)) for _ in range(2)]
        self.policy: FailoverPolicy = FailoverPolicyFactory(members=self.paths)
        PolicyRouteFactory(policy=self.policy, prefix="10.9.0.0/16")
        services.ensure_states([self.policy], now=NOW)
        self.uid = str(self.policy.uid)
        self.secs = 0.0
        self.allowed = True
        self.uplinks: dict[int, UplinkState] = {}
        self.reconciler = self.restarted()

    def restarted(self) -> Reconciler:
        self.reconciler = Reconciler(
            ExecutorSet(), 4, may_use=lambda kind: self.allowed, uplink_states=lambda: self.uplinks
        )
        return self.reconciler

    def look(self, after_secs: float = 5.0) -> str:
        self.secs += after_secs
        found = self.reconciler.run(
            FailoverPolicy.objects.all(),
            now=NOW + timedelta(seconds=self.secs),
            now_ns=int(self.secs * 1e9),
        )
        return found.get(self.policy.pk, "")

    @property
    def orders(self) -> int:
        return len(self.kernel.applied)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> KernelOfDict:
    return register(monkeypatch)


@pytest.fixture
def watch(db: None, kernel: KernelOfDict) -> Watch:
    return Watch(kernel)


def kinds() -> list[str]:
    return list(FailoverEvent.objects.order_by("id").values_list("event_type", flat=True))


def test_a_new_policys_route_is_installed_without_an_event(watch: Watch) -> None:
    assert "10.9.0.0/16" in watch.look()
    assert watch.kernel.routes[watch.uid].path_key == watch.paths[0].pk
    assert watch.look() == ""
    assert (kinds(), watch.orders) == ([], 1)
    assert RouteInForce.objects.get().path_id == watch.paths[0].pk


def test_a_route_deleted_by_hand_comes_back_and_is_recorded(watch: Watch) -> None:
    watch.look()
    watch.kernel.meddle(watch.uid)
    watch.look()
    assert watch.kernel.routes[watch.uid].path_key == watch.paths[0].pk
    event = FailoverEvent.objects.get()
    assert event.event_type == "drift_repaired"
    assert "Missing: ip -4 route replace 10.9.0.0/16" in event.reason


def test_a_restart_finds_the_route_as_it_was_left(watch: Watch) -> None:
    watch.look()
    watch.restarted()
    assert watch.look() == ""
    assert (kinds(), watch.orders) == ([], 1)


def test_drift_that_happened_while_nobody_ran_is_repaired_at_the_start(watch: Watch) -> None:
    watch.look()
    watch.kernel.routes.clear()
    watch.restarted()
    watch.look()
    assert kinds() == ["drift_repaired"]


def test_somebody_who_fights_over_the_route_is_answered_more_and_more_seldom(
    watch: Watch,
) -> None:
    watch.look()
    for _ in range(120):  # ten minutes
        watch.kernel.meddle(watch.uid)
        watch.look()
    assert kinds() == ["drift_repaired"] * 7  # after 0, 5, 15, 35, 75, 155, 315 s


def test_after_a_quiet_time_drift_is_repaired_at_once_again(watch: Watch) -> None:
    watch.look()
    for _ in range(4):
        watch.kernel.meddle(watch.uid)
        watch.look()
    watch.look(40)
    watch.look(601)
    before = watch.orders
    watch.kernel.meddle(watch.uid)
    watch.look()
    assert watch.orders == before + 1


def test_three_failed_repairs_raise_the_alarm_once_and_end_the_attempts(watch: Watch) -> None:
    watch.look()
    watch.kernel.meddle(watch.uid)
    watch.kernel.failures = [ExecutorError("no such device", retryable=True)] * 9
    for _ in range(100):
        watch.look()
    assert kinds() == ["drift_failed"]
    assert len(watch.kernel.failures) == 6
    row = RouteInForce.objects.get()
    assert (row.path_id, row.failed_repairs) == (None, 3)
    assert "no such device" in row.trouble
    watch.restarted()
    watch.look()
    assert kinds() == ["drift_failed"]
    assert len(watch.kernel.failures) == 6


def test_a_change_lets_repairs_begin_anew(watch: Watch) -> None:
    watch.look()
    watch.kernel.meddle(watch.uid)
    watch.kernel.failures = [ExecutorError("no such device", retryable=True)] * 3
    for _ in range(20):
        watch.look()
    uplink = watch.paths[0].uplink_id
    watch.uplinks[uplink] = UplinkState(uplink, LinkState.UP, gateway="192.0.2.99")
    watch.look()
    assert kinds() == ["drift_failed", "drift_repaired"]
    assert RouteInForce.objects.get().trouble == ""


def test_trouble_that_ended_by_itself_is_forgotten(watch: Watch) -> None:
    watch.look()
    good = watch.kernel.routes[watch.uid]
    watch.kernel.meddle(watch.uid)
    watch.kernel.failures = [ExecutorError("busy", retryable=True)]
    watch.look()
    assert RouteInForce.objects.get().trouble
    watch.kernel.routes[watch.uid] = good
    watch.look()
    row = RouteInForce.objects.get()
    assert (row.trouble, row.path_id, row.failed_repairs) == ("", watch.paths[0].pk, 0)


def test_nothing_is_tried_over_a_link_that_is_down(watch: Watch) -> None:
    watch.look()
    uplink = watch.paths[0].uplink_id
    watch.uplinks[uplink] = UplinkState(uplink, LinkState.DOWN)
    watch.kernel.meddle(watch.uid)
    assert "Missing" in watch.look()
    assert watch.orders == 1
    watch.uplinks[uplink] = UplinkState(uplink, LinkState.UP)
    watch.look()
    assert watch.orders == 2


@pytest.mark.parametrize("changes", [{"enabled": False}, {"mode": "observe"}])
def test_a_policy_that_may_not_act_leaves_the_network_alone(
    watch: Watch, changes: dict[str, object]
) -> None:
    FailoverPolicy.objects.update(**changes)
    watch.look()
    assert watch.orders == 0


def test_a_switch_under_way_is_not_disturbed(watch: Watch) -> None:
    event = FailoverEvent.objects.create(
        timestamp=NOW, policy=watch.policy, policy_uid=watch.policy.uid, policy_name="p",
        event_type="triggered", reason="dead", generation=1,
    )  # fmt: skip
    OutboxMessageFactory(event=event, topic="actuate", created_at=NOW, next_attempt_at=NOW)
    watch.look()
    assert watch.orders == 0


def test_without_the_lease_nothing_is_touched(watch: Watch) -> None:
    watch.allowed = False
    watch.look()
    assert watch.orders == 0


def test_an_executor_that_cannot_read_back_has_nothing_to_repair(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = EXECUTORS["dry_run"]
    monkeypatch.setitem(EXECUTORS, "dry_run", row._replace(reads_back=False))
    watch.look()
    assert watch.orders == 0


def test_the_routes_of_a_former_executor_are_taken_away(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.look()
    RouteInForce.objects.update(executor="former")
    former = KernelOfDict()
    former.routes[watch.uid] = watch.kernel.routes[watch.uid]
    row = EXECUTORS["dry_run"]
    monkeypatch.setitem(EXECUTORS, "former", row._replace(make=lambda folder: former))
    watch.look()
    assert former.routes == {}
    assert kinds() == []


def test_a_defect_about_one_policy_hides_no_other(watch: Watch) -> None:
    other = FailoverPolicyFactory(members=watch.paths)
    PolicyRouteFactory(policy=other, prefix="10.8.0.0/16")
    services.ensure_states([other], now=NOW)
    FailoverState.objects.update(generation=1)
    plan = watch.kernel.plan

    def sometimes(intent: object) -> object:
        if intent.policy_uid == watch.uid:
            raise ZeroDivisionError("a defect")
        return plan(intent)

    watch.kernel.plan = sometimes
    assert watch.look() == "a defect"
    assert str(other.uid) in watch.kernel.routes


def test_looks_come_every_five_seconds_and_one_after_a_switch(watch: Watch) -> None:
    policies = FailoverPolicy.objects.all()
    looks: list[float] = []
    watch.reconciler.run = lambda *args, now, now_ns: looks.append(now_ns / 1e9)
    for step in range(1, 141):
        if step == 71:
            watch.reconciler.look_soon(now_ns=int(step * 1e8))
        watch.reconciler.run_when_due(policies, now=NOW, now_ns=int(step * 1e8))
    assert looks == [0.1, 5.1, 8.1, 13.1]


def test_an_uplink_that_changed_is_looked_after_at_once_and_once(watch: Watch) -> None:
    policies = FailoverPolicy.objects.all()
    looks: list[float] = []
    watch.reconciler.run = lambda *args, now, now_ns: looks.append(now_ns / 1e9)
    for step in range(1, 41):
        if step == 21:
            key = watch.paths[0].uplink_id
            watch.uplinks = {key: UplinkState(key, LinkState.UP, gateway="192.0.2.9")}
        watch.reconciler.take_news()
        watch.reconciler.run_when_due(policies, now=NOW, now_ns=int(step * 1e8))
    assert looks == [0.1, 2.1]
