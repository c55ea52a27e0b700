"""``manage.py reconcile``: repairs at once, tells, and heals a database older than the network."""

from __future__ import annotations

import time
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from failover.control import by_hand
from failover.control.actuation import Actuator
from failover.control.decision_thread import journal_of
from failover.executors.base import ExecutorError
from failover.models import FailoverEvent, FailoverPolicy, FailoverState, RouteInForce
from health.models import MonitorLease
from health.monitoring import lease as leases
from health.monitoring.process_identity import ProcessIdentity, current_process
from sdwan_site import doctor
from tests.factories import CurrentUplinkFactory, MonitorLeaseFactory
from tests.integration.failover.kernels import KernelOfDict, register
from tests.integration.failover.test_reconcile import NOW, Watch

pytestmark = pytest.mark.django_db


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> KernelOfDict:
    return register(monkeypatch)


@pytest.fixture
def watch(kernel: KernelOfDict) -> Watch:
    return Watch(kernel)


def reconcile(watch: Watch, *words: str) -> tuple[str, int]:
    out = StringIO()
    name = watch.paths[0].uplink.vantage.name
    try:
        call_command("reconcile", "--vantage", name, *words, stdout=out)
    except SystemExit as ended:
        return out.getvalue(), int(ended.code or 0)
    return out.getvalue(), 0


def test_what_is_amiss_is_put_right_and_told(watch: Watch) -> None:
    text, code = reconcile(watch)
    assert (code, "Missing" in text) == (1, True)
    assert reconcile(watch) == (f"{watch.policy.name}: as decided\n", 0)


def test_it_tries_again_what_the_monitor_has_given_up(watch: Watch) -> None:
    watch.look()
    watch.kernel.meddle(watch.uid)
    watch.kernel.failures = [ExecutorError("no such device", retryable=True)] * 3
    MonitorLeaseFactory(vantage=watch.paths[0].uplink.vantage, holder="", epoch=4)
    for _ in range(20):
        watch.look()
    assert RouteInForce.objects.get().failed_repairs == 3
    reconcile(watch)
    assert RouteInForce.objects.get().trouble == ""
    assert reconcile(watch)[1] == 0


def test_the_gateway_that_was_learned_last_is_used(watch: Watch) -> None:
    uplink = watch.paths[0].uplink
    uplink.gateway = "auto"
    uplink.save()
    CurrentUplinkFactory(uplink=uplink, link="up", gateway="192.0.2.123")
    reconcile(watch)
    assert watch.kernel.applied[0].to_uplink.gateway == "192.0.2.123"


def test_an_unknown_gateway_makes_no_route_without_one(watch: Watch) -> None:
    uplink = watch.paths[0].uplink
    uplink.gateway = "auto"
    uplink.save()
    reconcile(watch)
    assert watch.orders == 0


def ahead(watch: Watch, generation: int, *, path: int) -> None:
    """The network obeyed orders that a restored database does not know."""
    watch.look()
    key = watch.paths[path].pk
    known = watch.kernel.routes[watch.uid]
    watch.kernel.routes[watch.uid] = replace(
        known, path_key=key, generation=generation, lease_epoch=9
    )
    plan = watch.kernel.plan(
        replace(
            watch.kernel.applied[-1],
            generation=generation,
            lease_epoch=9,
            to_uplink=replace(watch.kernel.applied[-1].to_uplink, path_key=key),
        )
    )
    watch.kernel.fence.remember(plan)


def test_after_a_restore_orders_are_refused_until_the_network_is_adopted(watch: Watch) -> None:
    ahead(watch, 12, path=1)
    vantage = watch.paths[0].uplink.vantage
    leases.acquire(vantage, me=current_process(), now=time.time())
    (mismatch,) = by_hand.mismatches(vantage, now=NOW)
    assert "has obeyed epoch 9, generation 12" in mismatch.sentence
    text, _ = reconcile(watch, "--adopt")
    assert "Adopted as generation 13" in text
    state = FailoverState.objects.get()
    assert (state.generation, state.active_path_id) == (13, watch.paths[1].pk)
    assert MonitorLease.objects.get().epoch == 10
    assert watch.kernel.applied[-1].generation == 13
    assert list(by_hand.mismatches(vantage, now=NOW)) == []
    assert FailoverEvent.objects.filter(event_type="policy_changed").count() == 1


def test_a_path_that_is_no_member_is_not_adopted(watch: Watch) -> None:
    ahead(watch, 12, path=1)
    watch.policy.members.filter(path=watch.paths[1]).delete()
    vantage = watch.paths[0].uplink.vantage
    by_hand.adopt_all(vantage, actor="ann", now=NOW)
    assert FailoverState.objects.get().active_path_id == watch.paths[0].pk


def test_a_vantage_of_another_host_is_refused(watch: Watch) -> None:
    elsewhere = ProcessIdentity("far-away", "another boot", 1, 1.0)
    leases.acquire(watch.paths[0].uplink.vantage, me=elsewhere, now=time.time())
    with pytest.raises(CommandError, match="runs on far-away"):
        reconcile(watch)


def test_an_unknown_vantage_is_refused_by_name(watch: Watch) -> None:
    with pytest.raises(CommandError, match="no probe host 'nowhere'"):
        call_command("reconcile", "--vantage", "nowhere")


def test_the_journal_of_a_dead_monitor_is_brought_in(watch: Watch) -> None:
    vantage = watch.paths[0].uplink.vantage
    journal = journal_of(vantage.name)
    journal.append({"kind": "end", "policy_uid": watch.uid, "generation": 1, "to_key": 1,
                    "applied": None, "error": "", "at": 0.0})  # fmt: skip
    reconcile(watch)
    assert journal.is_empty()


def test_a_repair_by_hand_is_recorded_as_one(watch: Watch) -> None:
    reconcile(watch)
    watch.kernel.meddle(watch.uid)
    reconcile(watch)
    assert FailoverEvent.objects.get().event_type == "drift_repaired"


def test_the_doctor_tells_of_a_database_older_than_the_network(watch: Watch, settings: Any) -> None:
    vantage = watch.paths[0].uplink.vantage
    settings.VANTAGE = vantage.name
    MonitorLeaseFactory(vantage=vantage, holder="", epoch=4)
    watch.look()
    assert list(doctor.check_obeyed_orders(NOW)) == []
    ahead(watch, 12, path=1)
    (finding,) = doctor.check_obeyed_orders(NOW)
    assert finding.verdict == doctor.Verdict.FAULT
    assert "reconcile --adopt" in finding.cure


def test_a_policy_deleted_in_the_admin_has_its_routes_withdrawn(
    watch: Watch, superuser_client: Client
) -> None:
    watch.look()
    address = reverse("admin:failover_failoverpolicy_delete", args=[watch.policy.pk])
    superuser_client.post(address, {"post": "yes"})
    assert not FailoverPolicy.objects.exists()
    Actuator(watch.paths[0].uplink.vantage_id, 4).carry_out_due(now=timezone.now())
    assert watch.kernel.routes == {}
    event = FailoverEvent.objects.get()
    assert (event.actor, "withdrawn" in event.reason) == ("root", True)
