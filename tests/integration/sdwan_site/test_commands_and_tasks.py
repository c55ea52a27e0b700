"""Tokens, schedules, the guard of the monitor, and the demo's rows."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from ipaddress import ip_network
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import RequestFactory
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import Failure, OrmQ, Schedule
from knox.auth import TokenAuthentication

from failover.domain.policy import validate
from failover.models import FailoverPolicy
from failover.selectors import policies_with_members, policy_spec
from health.models import MonitorLease, Path
from health.monitoring import lease as leases
from health.monitoring.process_identity import ProcessIdentity, current_process
from health.probers.reflector_config import Listener, load_listeners
from sdwan_site import demo, tasks, worker_start
from sdwan_site.client_address import address_for_lockout
from sdwan_site.management.commands import monitor
from sdwan_site.schedules import sync_schedules
from tests.factories import UserFactory, VantageFactory

pytestmark = pytest.mark.django_db


# --- tokens ---------------------------------------------------------------------
def test_a_token_is_printed_once_and_lets_its_user_in() -> None:
    user = UserFactory(username="grafana")
    out = StringIO()
    call_command("token", "grafana", "--days", "30", stdout=out)
    found, token = TokenAuthentication().authenticate_credentials(out.getvalue().strip().encode())
    assert found == user
    assert token.scope == "read"
    assert timedelta(days=29) < token.expiry - timezone.now() <= timedelta(days=30)


def test_a_token_for_nobody_is_an_error_that_names_the_user() -> None:
    with pytest.raises(CommandError, match="no active user 'nobody'"):
        call_command("token", "nobody")


def test_a_token_must_live_at_least_a_day() -> None:
    UserFactory(username="grafana")
    with pytest.raises(CommandError, match="--days 0"):
        call_command("token", "grafana", "--days", "0")


# --- schedules --------------------------------------------------------------------
def test_every_vantage_gets_a_guard_on_its_own_cluster_and_no_row_twice() -> None:
    VantageFactory(name="berlin")
    VantageFactory(name="oslo")
    for _ in range(2):
        sync_schedules(now=timezone.now())
    guards = Schedule.objects.filter(func="sdwan_site.tasks.ensure_monitor")
    assert {guard.cluster for guard in guards} == {"berlin", "oslo"}
    assert Schedule.objects.filter(name="pathwarden: retention").count() == 1


def test_the_guard_of_a_deleted_vantage_goes_and_foreign_rows_stay() -> None:
    vantage = VantageFactory(name="berlin")
    Schedule.objects.create(name="somebody else's", func="math.sqrt")
    sync_schedules(now=timezone.now())
    vantage.delete()
    sync_schedules(now=timezone.now())
    assert not Schedule.objects.filter(name="pathwarden: monitor of berlin").exists()
    assert Schedule.objects.filter(name="somebody else's").exists()


def test_a_scheduled_function_exists() -> None:
    from django.utils.module_loading import import_string

    VantageFactory()
    sync_schedules(now=timezone.now())
    for func in Schedule.objects.values_list("func", flat=True):
        assert callable(import_string(func))


# --- the guard of the monitor -------------------------------------------------------
def test_the_guard_of_an_unknown_vantage_says_so() -> None:
    assert "no probe host named 'nowhere'" in tasks.ensure_monitor("nowhere", 10)


def test_a_lease_that_is_renewed_is_healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    vantage = VantageFactory(name="berlin")
    now = timezone.now().timestamp()
    other = ProcessIdentity("elsewhere", "boot", 4711, 1.0)
    lease = leases.acquire(vantage, me=other, now=now)
    assert lease is not None

    def renewing(seconds: float) -> None:
        assert leases.renew(lease, now=now + 1, figures=leases.LoopFigures())

    monkeypatch.setattr(tasks.time, "sleep", renewing)
    assert tasks.ensure_monitor("berlin", 10) == "healthy"


def test_a_successor_asks_the_holder_to_hand_over(monkeypatch: pytest.MonkeyPatch) -> None:
    vantage = VantageFactory(name="berlin")
    other = ProcessIdentity("elsewhere", "boot", 4711, 1.0)
    leases.acquire(vantage, me=other, now=timezone.now().timestamp() + 3600)
    monkeypatch.setattr(tasks, "WATCH_SECS", 0.3)
    assert "neither renewed nor free" in tasks.ensure_monitor("berlin", 10, take_over=True)
    me = current_process()
    assert MonitorLease.objects.get().successor == f"{me.host}:{me.pid}"


def test_a_starting_worker_of_a_vantage_asks_for_a_monitor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Conf, "CLUSTER_NAME", "berlin")
    worker_start.on_worker_spawn(proc_name="x")
    (queued,) = OrmQ.objects.all()
    assert queued.key == "berlin"
    assert queued.task["func"] == "sdwan_site.tasks.ensure_monitor"


def test_a_worker_of_the_housekeeping_cluster_asks_for_nothing() -> None:
    worker_start.on_worker_spawn(proc_name="x")
    assert not OrmQ.objects.exists()


def test_a_worker_comes_up_even_when_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(Conf, "CLUSTER_NAME", "berlin")
    monkeypatch.setattr(tasks, "async_task", away)
    worker_start.on_worker_spawn(proc_name="x")


def test_old_failures_and_queues_of_nobody_are_purged() -> None:
    now = timezone.now()
    for days in (1, 30):
        moment = now - timedelta(days=days)
        Failure.objects.create(
            id=f"task-{days}", name=f"t{days}", func="f", started=moment, stopped=moment,
            success=False,
        )  # fmt: skip
    OrmQ.objects.create(key="gone", payload="x", lock=now)
    OrmQ.objects.create(key=settings.DEFAULT_CLUSTER, payload="x", lock=now)
    tasks.purge_task_records()
    assert [one.id for one in Failure.objects.all()] == ["task-1"]
    assert [one.key for one in OrmQ.objects.all()] == [settings.DEFAULT_CLUSTER]


# --- the commands up and monitor ------------------------------------------------------
def test_prepare_only_prepares_everything_twice_and_shows_the_password_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATHWARDEN_ADMIN_PASSWORD", "correct horse battery")
    first, second = StringIO(), StringIO()
    call_command("up", "--prepare-only", stdout=first)
    call_command("up", "--prepare-only", stdout=second)
    assert "correct horse battery" in first.getvalue()
    assert "correct horse battery" not in second.getvalue()
    assert Schedule.objects.filter(name=f"pathwarden: monitor of {settings.VANTAGE}").exists()


def test_a_probe_host_added_later_gets_its_guard_from_the_housekeeping() -> None:
    VantageFactory(name="oslo")
    tasks.sync_all_schedules()
    assert Schedule.objects.filter(name="pathwarden: monitor of oslo").exists()


def test_a_monitor_for_an_unknown_probe_host_names_the_known_ones() -> None:
    VantageFactory(name="oslo")
    with pytest.raises(CommandError, match="no probe host 'bergen'; known: oslo"):
        call_command("monitor", "--vantage", "bergen")


def test_a_monitor_that_may_not_take_over_names_the_holder_and_the_cure() -> None:
    vantage = VantageFactory(name="oslo")
    other = ProcessIdentity("elsewhere", "boot", 4711, 1.0)
    leases.acquire(vantage, me=other, now=timezone.now().timestamp())
    with pytest.raises(CommandError, match=r"process 4711 on elsewhere.*--take-over"):
        call_command("monitor", "--vantage", "oslo")
    assert MonitorLease.objects.get().successor == ""


def test_a_monitor_that_takes_over_asks_first_and_gives_up_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vantage = VantageFactory(name="oslo")
    other = ProcessIdentity("elsewhere", "boot", 4711, 1.0)
    leases.acquire(vantage, me=other, now=timezone.now().timestamp() + 3600)
    monkeypatch.setattr(monitor, "TAKE_OVER_SECS", 0.3)
    with pytest.raises(CommandError, match="process 4711"):
        call_command("monitor", "--vantage", "oslo", "--take-over")
    me = current_process()
    assert MonitorLease.objects.get().successor == f"{me.host}:{me.pid}"


# --- from where people sign in ----------------------------------------------------------
@pytest.mark.parametrize(
    ("https", "remote", "forwarded", "address"),
    [
        ("off", "192.0.2.7", None, "192.0.2.7"),
        ("proxy", "127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("proxy", "192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("off", "127.0.0.1", "203.0.113.9", "127.0.0.1"),
    ],
)
def test_a_lockout_hits_the_client_and_believes_trusted_proxies_only(
    rf: RequestFactory,
    settings: Any,
    https: str,
    remote: str,
    forwarded: str | None,
    address: str,
) -> None:
    settings.HTTPS = https
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1/32")]
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = rf.post("/login/", REMOTE_ADDR=remote, headers=headers)
    assert address_for_lockout(request) == address


# --- the demo -----------------------------------------------------------------------
def test_the_demo_is_eight_paths_and_two_sound_dry_run_policies() -> None:
    for _ in range(2):
        demo.seed()
    assert Path.objects.filter(kind="stamp").count() == 6
    assert Path.objects.filter(kind="icmp").count() == 2
    assert FailoverPolicy.objects.count() == 2
    for policy in policies_with_members():
        assert validate(policy_spec(policy)) == []
        assert policy.executor == "dry_run"
        assert policy.failback_delay_secs == 15
        assert not policy.damping


def test_one_reflector_of_the_demo_cycles_through_five_minutes() -> None:
    demo.seed()
    listeners = json.loads(demo.reflectors_file().read_text())["listeners"]
    (cycling,) = [one for one in listeners if "cycle" in one]
    assert sum(phase["secs"] for phase in cycling["cycle"]) == 300


def test_one_reflector_of_the_demo_loses_on_the_way_back_as_well() -> None:
    demo.seed()
    listeners = load_listeners(demo.reflectors_file(), Listener())
    both_ways = {
        path.name: (one.impairment.loss_pct, one.impairment.loss_back_pct)
        for path, one in zip(demo.PATHS, listeners, strict=True)
        if one.impairment.loss_back_pct
    }
    assert both_ways == {"Internet via LTE": (2.4, 1.0)}


def test_a_second_seed_keeps_the_ports_and_what_an_operator_changed() -> None:
    demo.seed()
    before = demo.reflectors_file().read_bytes()
    Path.objects.filter(name="Warsaw via cable").update(enabled=False)
    demo.seed()
    assert demo.reflectors_file().read_bytes() == before
    assert not Path.objects.get(name="Warsaw via cable").enabled


def test_the_seed_command_says_how_to_start_the_reflectors() -> None:
    out = StringIO()
    call_command("seed_demo", stdout=out)
    assert "manage.py reflector --cycle" in out.getvalue()
