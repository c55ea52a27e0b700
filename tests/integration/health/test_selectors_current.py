"""The present as pages show it: never healthier than the last monitor knew, never older."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from health.domain.status import PathStatus, Reason
from health.models import Path
from health.selectors.current import current_monitors, current_paths
from tests.factories import MonitorLeaseFactory, PathFactory, VantageFactory, measured_path

pytestmark = pytest.mark.django_db
NOW = 1_700_000_000.0


def test_a_measured_path_shows_its_figures() -> None:
    measured_path("fibre", updated_at=NOW - 1)
    (now,) = current_paths(now=NOW)
    assert (now.name, now.status, now.face.label) == ("fibre", PathStatus.UP, "Up")
    assert (now.latency_ms, now.health_score, now.reachable) == (20.0, 100.0, True)
    assert not now.is_stale


@pytest.mark.parametrize(("age_secs", "stale"), [(14.9, False), (15.1, True), (86_400, True)])
def test_a_stopped_monitor_turns_every_path_unknown(age_secs: float, stale: bool) -> None:
    measured_path("fibre", updated_at=NOW - age_secs, status="up")
    (now,) = current_paths(now=NOW)
    assert now.is_stale is stale
    if stale:
        assert (now.status, now.reason) == (PathStatus.UNKNOWN, Reason.STALE)
        assert (now.health_score, now.latency_ms, now.packet_loss_pct) == (None, None, None)
        assert now.reachable is None
        assert now.face.label == "No data"
        assert now.last_known_status is PathStatus.UP
        assert now.status_since == NOW - age_secs


def test_a_path_that_was_never_measured_is_unknown() -> None:
    PathFactory()
    (now,) = current_paths(now=NOW)
    assert (now.status, now.reason) == (PathStatus.UNKNOWN, Reason.WARMING_UP)
    assert (now.last_checked, now.updated_at, now.status_since) == (None, None, None)
    assert not now.is_stale


def test_a_disabled_or_maintained_path_is_paused() -> None:
    disabled = measured_path("a disabled one", updated_at=NOW)
    Path.objects.filter(pk=disabled.pk).update(enabled=False)
    maintained = measured_path("b maintained", updated_at=NOW)
    first, second = current_paths(now=NOW, paused={maintained.pk})
    assert (first.face.label, second.face.label) == ("Paused", "Paused")
    assert (first.status, first.health_score) == (PathStatus.UNKNOWN, None)
    assert second.status is PathStatus.UP  # it is still measured


def test_failing_and_down_are_told_apart() -> None:
    measured_path("a", updated_at=NOW, status="down", reachable=True, health_score=3.0)
    measured_path("b", updated_at=NOW, status="down", reachable=False, health_score=0.0)
    assert [now.face.label for now in current_paths(now=NOW)] == ["Failing", "Down"]


def test_only_the_paths_asked_for_are_read_in_two_queries() -> None:
    for number in range(6):
        measured_path(f"path {number}", updated_at=NOW)
    with CaptureQueriesContext(connection) as queries:
        found = current_paths(now=NOW, only=Path.objects.exclude(name="path 0"))
    assert len(found) == 5
    assert len(queries) == 2


def test_a_monitor_is_alive_while_somebody_renews_its_lease() -> None:
    alive = MonitorLeaseFactory(renewed_at=NOW - 1, expires_at=NOW + 2, vantage__name="a")
    MonitorLeaseFactory(renewed_at=NOW - 9, expires_at=NOW - 6, vantage__name="b")
    MonitorLeaseFactory(holder="", renewed_at=NOW, expires_at=0, vantage__name="c")
    MonitorLeaseFactory(holder="", renewed_at=0, expires_at=0, vantage__name="d")
    VantageFactory(name="e")
    found = current_monitors(now=NOW)
    assert [one.alive for one in found] == [True, False, False, False]
    assert [one.age_secs for one in found] == [1, 9, 0, None]
    assert found[0].holder == f"process {alive.pid} on {alive.host}"
    assert found[2].holder == ""


def test_a_clock_set_back_gives_no_negative_age() -> None:
    MonitorLeaseFactory(renewed_at=time.time(), expires_at=time.time() + 3)
    assert current_monitors(now=NOW)[0].age_secs == 0
