"""The doctor finds what is wrong and names the cure; a healthy installation is all ok."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from health.models import MonitorLease
from health.probers.base import ProberPermissionError
from sdwan_site import doctor, permissions
from sdwan_site.doctor import Finding, Verdict
from sdwan_site.permissions import Capability
from sdwan_site.schedules import sync_schedules
from tests.factories import PathFactory, UplinkFactory, VantageFactory

pytestmark = pytest.mark.django_db


def findings_of(now: datetime | None = None) -> dict[str, Finding]:
    return {one.check: one for one in doctor.examine(now=now or timezone.now())}


@pytest.fixture
def healthy() -> datetime:
    """An installation in which everything runs."""
    now = timezone.now()
    vantage = VantageFactory(name="local")
    sync_schedules(now=now)
    MonitorLease.objects.create(
        vantage=vantage,
        holder="here:1:x",
        host="here",
        pid=1,
        epoch=1,
        renewed_at=now.timestamp(),
        expires_at=now.timestamp() + 3,
    )
    return now


def test_a_healthy_installation_has_no_fault_but_perhaps_permissions(healthy: datetime) -> None:
    faults = [one for one in findings_of(healthy).values() if one.verdict is Verdict.FAULT]
    assert [one.check for one in faults if not one.check.endswith("probes")] == []


def test_a_silent_monitor_is_a_fault_with_the_command_that_cures_it(healthy: datetime) -> None:
    finding = findings_of(healthy + timedelta(minutes=5))["monitor of local"]
    assert finding.verdict is Verdict.FAULT
    assert "manage.py cluster --name local" in finding.cure


def test_missing_schedule_rows_are_named(healthy: datetime) -> None:
    Schedule.objects.filter(name="pathwarden: retention").delete()
    finding = findings_of(healthy)["schedule"]
    assert finding.verdict is Verdict.FAULT
    assert "pathwarden: retention" in finding.sentence


def test_a_task_that_waits_for_minutes_means_a_dead_cluster(healthy: datetime) -> None:
    OrmQ.objects.create(key="local", payload="x", lock=healthy - timedelta(minutes=3))
    finding = findings_of(healthy)["clusters"]
    assert finding.verdict is Verdict.FAULT
    assert "--name local" in finding.cure


def test_a_clock_before_the_software_existed_is_a_fault() -> None:
    finding = findings_of(datetime(1970, 1, 2, tzinfo=UTC))["clock"]
    assert finding.verdict is Verdict.FAULT


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(
    ("free", "verdict"), [(5e9, Verdict.OK), (5e8, Verdict.WARNING), (5e7, Verdict.FAULT)]
)
def test_a_full_disk_is_a_warning_before_it_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, free: float, verdict: Verdict
) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: Usage(int(free)))
    assert findings_of()["disk"].verdict is verdict


def test_a_key_that_others_can_read_is_a_fault(
    tmp_path: Path, settings: pytest.FixtureRequest
) -> None:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    key = tmp_path / "secret_key"
    key.write_text("x" * 60)
    key.chmod(0o644)
    finding = findings_of()["secret key"]
    assert finding.verdict is Verdict.FAULT
    assert finding.cure == f"chmod 600 {key}"


def test_a_forbidden_kind_of_probe_is_a_fault_once_a_path_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden() -> None:
        raise ProberPermissionError("Not permitted. Cure, any one of: setcap …")

    rows = doctor.open_probers.__globals__["PROBERS"]
    monkeypatch.setitem(rows, "icmp", rows["icmp"]._replace(make=forbidden))
    assert findings_of()["icmp probes"].verdict is Verdict.WARNING
    PathFactory(kind="icmp")
    finding = findings_of()["icmp probes"]
    assert finding.verdict is Verdict.FAULT
    assert finding.sentence == "Not possible for this user: Not permitted."
    assert f"setcap cap_net_raw+ep {os.path.realpath(sys.executable)} " in finding.cure
    assert "AmbientCapabilities=CAP_NET_RAW" in finding.cure
    assert "cap_add: [NET_RAW]" in finding.cure
    assert 'sysctl -w net.ipv4.ping_group_range="0 2147483647"' in finding.cure


def test_unprivileged_echo_sockets_are_said_to_be_unprivileged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unprivileged(doctor.IcmpProber):
        mode = "unprivileged"

        def __init__(self) -> None:
            """No socket is opened."""

        def close(self) -> None:
            """Nothing to close."""

    monkeypatch.setattr(doctor, "open_probers", lambda: ({"icmp": Unprivileged()}, {}))
    finding = findings_of()["icmp probes"]
    assert finding.verdict is Verdict.OK
    assert "without privileges" in finding.sentence


@pytest.mark.parametrize(
    ("change", "check", "allowed_by"),
    [
        ({"fwmark": 7}, "firewall marks", Capability.NET_RAW),
        ({"probe_route": "managed"}, "probe routes", Capability.NET_ADMIN),
    ],
)
def test_what_an_uplink_needs_of_the_kernel_is_a_fault_where_it_is_not_allowed(
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object],
    check: str,
    allowed_by: Capability,
) -> None:
    assert check not in findings_of()
    uplink = UplinkFactory(vantage=VantageFactory(name="local"), **change)
    monkeypatch.setattr(permissions, "has", lambda capability: False)
    finding = findings_of()[check]
    assert finding.verdict is Verdict.FAULT
    assert uplink.name in finding.sentence
    assert "AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW" in finding.cure
    monkeypatch.setattr(permissions, "has", lambda capability: capability is allowed_by)
    assert findings_of()[check].verdict is Verdict.OK


def test_the_cure_inside_a_container_begins_with_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(permissions, "_CONTAINER_MARKS", (tmp_path,))
    cure = permissions.cure_by_capability(Capability.NET_RAW)
    assert cure.startswith("container: cap_add: [NET_RAW];")


def test_a_database_that_is_away_is_one_fault_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(now: datetime) -> list[Finding]:
        raise OperationalError("connection refused")

    monkeypatch.setattr(doctor, "CHECKS", (away,))
    (finding,) = doctor.examine(now=timezone.now())
    assert finding.verdict is Verdict.FAULT
    assert "connection refused" in finding.sentence


def test_the_command_exits_1_on_a_fault_and_prints_the_cure(healthy: datetime) -> None:
    MonitorLease.objects.update(expires_at=0)
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out)
    assert ended.value.code == 1
    assert "cure: Start `manage.py cluster --name local`" in out.getvalue()


def test_programs_get_json(healthy: datetime) -> None:
    MonitorLease.objects.update(expires_at=0)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert {"check", "verdict", "sentence", "cure"} == set(report[0])
