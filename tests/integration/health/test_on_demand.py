"""Orders to probe: who may expect what, what is measured, and what ends an order."""

from __future__ import annotations

import time

import icmplib
import pytest

from health.domain.measurement import Outcome
from health.domain.probe_route import mark_of
from health.engine.fakes import SILENCE, Behaviour
from health.models import (
    CurrentHealth,
    CurrentUplink,
    HealthSample,
    OrderState,
    PathTarget,
    ProbeOrder,
)
from health.on_demand import orders
from health.on_demand.carrying import SPACING_SECS, carry_out, spacing_secs
from health.on_demand.orders import place_order
from health.probers.base import ProberPermissionError
from health.selectors.configuration import uplink_specs
from health.selectors.probe_plan import probe_plan
from tests.factories import PathFactory, PathTargetFactory, VantageFactory
from tests.integration.health.orders import GATEWAY, RESOLVER, ScriptedNetwork, network

__all__ = ["network"]
pytestmark = pytest.mark.django_db


def ordered(network: ScriptedNetwork, *, count: int = 1, now: float | None = None) -> ProbeOrder:
    at = time.time() if now is None else now
    order = place_order(network.path, actor="ada", count=count, now=at)
    order.refresh_from_db()
    return order


def plan_of(network: ScriptedNetwork):
    plan = probe_plan(network.path.pk, now=time.time())
    assert plan is not None
    return plan


def test_all_targets_are_probed_as_often_as_asked_for(network: ScriptedNetwork) -> None:
    order = ordered(network, count=2)
    assert (order.state, order.actor, order.detail) == (OrderState.DONE, "ada", "")
    assert order.asked_at <= order.started_at <= order.ended_at
    result = order.result
    assert (result["kind"], result["reachable"]) == ("icmp", True)
    assert (result["sent"], result["received"], result["packet_loss_pct"]) == (4, 4, 0)
    assert (result["latency_ms"], result["jitter_ms"]) == (1.0, 0.0)
    assert [one["address"] for one in result["targets"]] == [GATEWAY, RESOLVER]
    assert result["targets"][1]["probes"][1] == {
        "number": 2, "outcome": "answered", "rtt_ms": 1.0, "detail": None,
    }  # fmt: skip


def test_the_paths_own_probe_host_carries_it_out(network: ScriptedNetwork) -> None:
    order = ordered(network)
    vantage = network.path.uplink.vantage.name
    assert network.queued == [(orders.TASK, str(order.uid), vantage, vantage)]


def test_the_statistics_of_the_path_do_not_change(network: ScriptedNetwork) -> None:
    ordered(network)
    assert not HealthSample.objects.exists()
    assert not CurrentHealth.objects.exists()


def test_probes_leave_by_the_paths_own_uplink(network: ScriptedNetwork) -> None:
    uplink = network.path.uplink
    uplink.source, uplink.fwmark = "192.0.2.77", 12
    uplink.save()
    network.path.dscp = 46
    network.path.save()
    ordered(network)
    wire = network.probers[0].sent[0].target
    assert (wire.interface, wire.source) == (uplink.interface, "192.0.2.77")
    assert (wire.fwmark, wire.dscp) == (12, 46)


def test_half_of_the_targets_silent_is_reachable_by_the_default_quorum(
    network: ScriptedNetwork,
) -> None:
    network.behaviours[GATEWAY] = Behaviour(Outcome.REFUSED, 1.0, "Destination Host Unreachable")
    result = ordered(network).result
    assert (result["reachable"], result["packet_loss_pct"]) == (True, 50)
    assert result["targets"][0]["latency_ms"] is None
    assert result["targets"][0]["probes"][0]["detail"] == "Destination Host Unreachable"


def test_all_targets_silent_is_unreachable(network: ScriptedNetwork) -> None:
    network.path.probe_profile.timeout_ms = 100
    network.path.probe_profile.save()
    network.behaviours.update(dict.fromkeys((GATEWAY, RESOLVER), SILENCE))
    result = ordered(network).result
    assert (result["reachable"], result["received"], result["latency_ms"]) == (False, 0, None)


def test_a_target_whose_name_has_no_address_says_so_and_the_others_are_measured(
    network: ScriptedNetwork,
) -> None:
    PathTarget.objects.filter(address=GATEWAY).update(address="no such name")
    order = ordered(network)
    assert order.state == OrderState.DONE
    nameless, fine = order.result["targets"]
    assert (nameless["resolved"], nameless["sent"]) == (None, 0)
    assert "'no such name' has no address" in nameless["probes"][0]["detail"]
    assert fine["received"] == 1


def test_a_name_that_leads_to_a_metadata_service_is_not_probed(
    network: ScriptedNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(icmplib, "resolve", lambda name, family: ["169.254.169.254"])
    PathTarget.objects.filter(address=GATEWAY).update(address="innocent.example.net")
    refused, fine = ordered(network).result["targets"]
    assert (refused["resolved"], refused["sent"]) == (None, 0)
    assert "a cloud metadata address: it is not probed" in refused["probes"][0]["detail"]
    assert [sent.target.address for sent in network.probers[0].sent] == [RESOLVER]
    assert fine["received"] == 1


def test_a_host_that_may_not_probe_fails_with_the_cure(network: ScriptedNetwork) -> None:
    def forbidden() -> None:
        raise ProberPermissionError("ICMP probes are not permitted. Cure: setcap")

    network.made = forbidden
    order = ordered(network)
    assert (order.state, order.result) == (OrderState.FAILED, {})
    assert order.detail == "ICMP probes are not permitted. Cure: setcap"


def test_a_mark_that_may_not_be_set_fails_with_the_cure(network: ScriptedNetwork) -> None:
    denied = Behaviour(Outcome.DENIED, detail="may not set the mark: give it CAP_NET_ADMIN")
    network.behaviours.update(dict.fromkeys((GATEWAY, RESOLVER), denied))
    order = ordered(network)
    assert order.state == OrderState.FAILED
    assert order.detail == "not sent: may not set the mark: give it CAP_NET_ADMIN"


def test_a_path_without_a_target_is_refused_with_the_cure(network: ScriptedNetwork) -> None:
    network.path.targets.all().delete()
    with pytest.raises(orders.OrderRefused, match="fibre has no target: add one"):
        ordered(network)


@pytest.mark.parametrize("change", [{"holder": ""}, {"expires_at": 1.0}])
def test_a_probe_host_that_nobody_serves_is_named_with_the_cure(
    network: ScriptedNetwork, change: dict[str, object]
) -> None:
    for name, value in change.items():
        setattr(network.lease, name, value)
    network.lease.save()
    with pytest.raises(orders.NobodyMeasures, match=r"start `manage.py cluster --name probe"):
        ordered(network)
    assert not ProbeOrder.objects.exists()


def test_a_path_is_probed_by_one_order_at_a_time(network: ScriptedNetwork) -> None:
    network.serve_at_once = False
    ordered(network)
    with pytest.raises(orders.ProbeUnderWay, match="fibre is being probed already"):
        ordered(network)
    assert len(network.queued) == 1


def test_an_order_that_nobody_took_expires_and_is_not_carried_out_later(
    network: ScriptedNetwork,
) -> None:
    network.serve_at_once = False
    order, now = ordered(network, now=1_000_000.0), 1_000_000.0
    assert orders.order_of(network.path.pk, order.uid, now=now + 29).state == OrderState.QUEUED
    late = orders.order_of(network.path.pk, order.uid, now=now + 31)
    assert late.state == OrderState.EXPIRED
    assert "No worker of probe host probe" in late.detail
    name = network.path.uplink.vantage.name
    assert carry_out(str(order.uid), vantage=name, clock=time.time) == "not wanted any more"
    assert network.probers == []


def test_an_order_whose_worker_died_expires_and_another_may_follow(
    network: ScriptedNetwork,
) -> None:
    network.serve_at_once = False
    dead = ordered(network, now=time.time() - 100)
    ProbeOrder.objects.update(state=OrderState.RUNNING, started_at=dead.asked_at)
    network.serve_at_once = True
    assert ordered(network).state == OrderState.DONE
    dead.refresh_from_db()
    assert dead.state == OrderState.EXPIRED
    assert "ended before the measurement did" in dead.detail


def test_orders_are_forgotten_after_a_day(network: ScriptedNetwork) -> None:
    now = time.time()
    old = ProbeOrder.objects.create(
        path=PathFactory(), actor="ada", count=1, state=OrderState.DONE, asked_at=now - 86_500
    )
    ordered(network, now=now)
    assert not ProbeOrder.objects.filter(pk=old.pk).exists()


def test_a_person_may_ask_thirty_times_a_minute(network: ScriptedNetwork) -> None:
    now = time.time()
    for n in range(30):
        ProbeOrder.objects.create(
            path=network.path, actor="ada", count=1, state=OrderState.DONE, asked_at=now - n
        )
    with pytest.raises(orders.TooManyOrders, match=r"wait 31 s") as refusal:
        ordered(network, now=now)
    assert refusal.value.wait_secs == pytest.approx(31, abs=0.1)
    place_order(network.path, actor="bob", count=1, now=now)
    assert ordered(network, now=now + 32).state == OrderState.DONE


def test_a_path_that_moved_to_another_probe_host_is_not_measured_from_here(
    network: ScriptedNetwork,
) -> None:
    network.serve_at_once = False
    order = ordered(network)
    network.path.uplink.vantage = VantageFactory()
    network.path.uplink.save()
    name = network.lease.vantage.name
    assert carry_out(str(order.uid), vantage=name, clock=time.time).startswith("failed")
    order.refresh_from_db()
    assert order.detail == f"fibre is not on probe host {name} any more: ask again."


def test_a_free_destination_is_probed_five_times_a_second(network: ScriptedNetwork) -> None:
    assert spacing_secs(plan_of(network)) == SPACING_SECS


@pytest.mark.parametrize(("others", "spacing"), [(1, 0.2), (3, 0.5), (4, 1.0), (9, 1.0)])
def test_what_the_monitor_sends_to_a_destination_counts_towards_its_cap(
    network: ScriptedNetwork, others: int, spacing: float
) -> None:
    # Each path asks twice a second; ten a second are the most for one destination.
    for _ in range(others):
        path = PathFactory(uplink=network.path.uplink)
        PathTargetFactory(path=path, address=GATEWAY)
    assert spacing_secs(plan_of(network)) == pytest.approx(spacing)


def uplink_state(network: ScriptedNetwork, **values: object) -> None:
    uplink = network.path.uplink
    uplink.probe_route = "managed"
    uplink.save()
    now = time.time()
    if values:
        CurrentUplink.objects.create(uplink=uplink, **{"updated_at": now, "link": "up"} | values)


def test_what_the_monitor_found_out_about_the_uplink_is_used(network: ScriptedNetwork) -> None:
    uplink_state(network, route="verified", route6="verified", interface="ppp7", source="192.0.2.8")
    ordered(network)
    wire = network.probers[0].sent[0].target
    assert (wire.interface, wire.source) == ("ppp7", "192.0.2.8")
    spec = uplink_specs(network.path.uplink.vantage.name)[0]
    assert wire.fwmark == mark_of(spec) > 0


@pytest.mark.parametrize(
    ("values", "sentence", "sent"),
    [
        ({"route": "unusable", "detail": "rp_filter is strict: sysctl"}, "rp_filter is strict", 0),
        ({"route": "pending"}, "is not verified yet", 0),
        ({"route": "verified", "updated_at": 1.0}, "nobody verifies the probe route", 0),
        ({}, "nobody verifies the probe route", 0),
        ({"link": "down", "route": "verified", "detail": "no carrier"}, "no carrier", 2),
    ],
    ids=["unusable", "pending", "stale", "none", "down"],
)
def test_a_probe_that_could_leave_over_another_uplink_does_not_leave(
    network: ScriptedNetwork, values: dict[str, object], sentence: str, sent: int
) -> None:
    uplink_state(network, **values)
    result = ordered(network).result
    assert sentence in result["targets"][0]["probes"][0]["detail"]
    assert (result["sent"], result["received"]) == (sent, 0)
    assert result["reachable"] is (False if sent else None)
    assert network.probers[0].sent == []


def test_a_session_reflector_has_no_cap(network: ScriptedNetwork) -> None:
    for _ in range(9):
        path = PathFactory(uplink=network.path.uplink)
        PathTargetFactory(path=path, address=GATEWAY)
    type(network.path).objects.update(kind="stamp")
    assert spacing_secs(plan_of(network)) == SPACING_SECS
