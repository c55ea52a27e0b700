"""Snapshots, states and histories."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from export.readings import path_readings
from health.models import Path
from health.selectors.current import current_paths
from health.selectors.history import MAX_POINTS
from tests.factories import (
    FailoverPolicyFactory,
    FailoverStateFactory,
    HealthSampleFactory,
    PathFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db

UNMEASURED = {
    "latency_ms": None,
    "packet_loss_pct": None,
    "jitter_ms": None,
    "health_score": None,
    "status": "unknown",
}
TARGET = {
    "key": 7, "address": "192.0.2.1", "alive": True, "score": 88.0, "latency_ms": 20.0,
    "packet_loss_pct": 0.0, "jitter_ms": None, "sent": 120, "received": 119, "detail": "",
}  # fmt: skip


def test_the_health_snapshot_has_every_path_with_the_fields_of_the_contract(ask):
    path = measured_path("fibre", health_score=91.5, last_checked=1_760_000_000.25)
    snapshot = ask("health/snapshot/")
    assert snapshot["timestamp"].endswith("Z")
    assert snapshot["paths"] == [
        {
            "path_id": path.pk,
            "uid": str(path.uid),
            "name": "fibre",
            "latency_ms": 20.0,
            "packet_loss_pct": 0.0,
            "jitter_ms": 1.5,
            "health_score": 91.5,
            "status": "up",
            "last_checked": "2025-10-09T08:53:20.250Z",
        }
    ]


def test_a_path_that_was_never_measured_is_unknown_and_all_null(ask):
    PathFactory()
    (line,) = ask("health/snapshot/")["paths"]
    assert line.items() >= UNMEASURED.items()
    assert line["last_checked"] is None


def test_a_stopped_monitor_makes_its_paths_unknown_but_not_their_last_check(ask):
    measured_path("old", updated_at=1_760_000_000.0)
    (line,) = ask("health/snapshot/")["paths"]
    assert line.items() >= UNMEASURED.items()
    assert line["last_checked"] == "2025-10-09T08:53:20.000Z"


def test_the_fast_reading_and_the_pages_reading_agree():
    now = time.time()
    measured_path("a fresh one", updated_at=now - 14.9)
    measured_path("b stale one", updated_at=now - 15.1)
    measured_path("c of the future", updated_at=now + 60)
    measured_path("d failing", status="down", health_score=12.0, updated_at=now)
    measured_path("e unknown", status="unknown", health_score=None, updated_at=now)
    Path.objects.filter(pk=measured_path("f disabled", updated_at=now).pk).update(enabled=False)
    PathFactory(name="g never measured")
    fields = (
        "path_id", "name", "site", "uplink", "kind", "status", "reachable", "health_score",
        "latency_ms", "packet_loss_pct", "jitter_ms", "mos", "last_checked",
    )  # fmt: skip
    slow = [[getattr(path, name) for name in fields] for path in current_paths(now=now)]
    fast = [
        [getattr(path, name) for name in fields]
        for path in path_readings(Path.objects.all(), now=now)
    ]
    assert fast == slow


def test_the_stats_count_every_path_once(ask):
    for name, status in (("a", "up"), ("b", "up"), ("c", "degraded"), ("d", "down")):
        measured_path(name, status=status)
    measured_path("e", updated_at=1.0)
    assert ask("health/stats/") == {
        "total_paths": 5, "up": 2, "degraded": 1, "down": 1, "unknown": 1,
    }  # fmt: skip


def test_no_paths_are_counted_as_zeros_of_each(ask):
    assert ask("health/stats/") == {
        "total_paths": 0, "up": 0, "degraded": 0, "down": 0, "unknown": 0,
    }  # fmt: skip


def test_the_health_of_a_path_has_its_targets(ask):
    path = measured_path("fibre", targets=[TARGET], reason="", mos=4.25)
    health = ask(f"paths/{path.pk}/health/")
    assert health.keys() == {
        "path_id", "uid", "name", "latency_ms", "packet_loss_pct", "jitter_ms",
        "forward_loss_pct", "backward_loss_pct", "forward_jitter_ms", "backward_jitter_ms",
        "health_score", "status", "reason", "detail", "reachable", "mos", "last_checked",
        "targets",
    }  # fmt: skip
    assert health["mos"] == 4.25
    assert health["reachable"] is True
    assert health["reason"] is None
    assert health["targets"] == [
        {
            "target_id": 7, "address": "192.0.2.1", "alive": True, "health_score": 88.0,
            "latency_ms": 20.0, "packet_loss_pct": 0.0, "jitter_ms": None, "sent": 120,
            "received": 119, "detail": None, "interval_ms": None, "hold_ms": None,
            "blamed": False,
        }
    ]  # fmt: skip


def test_a_target_tells_its_interval_and_hold_in_force_and_whether_it_is_blamed(ask):
    told = TARGET | {"interval_ms": 2_000, "hold_ms": 1_000, "blamed": True}
    path = measured_path("fibre", targets=[told])
    (target,) = ask(f"paths/{path.pk}/health/")["targets"]
    assert (target["interval_ms"], target["hold_ms"], target["blamed"]) == (2_000, 1_000, True)


def test_the_health_of_a_silent_path_says_why_it_is_unknown(ask):
    path = measured_path("silent", updated_at=1.0)
    health = ask(f"paths/{path.pk}/health/")
    assert health.items() >= UNMEASURED.items()
    assert (health["reachable"], health["reason"], health["targets"]) == (None, "stale", [])


def test_the_history_has_the_slots_of_the_span_oldest_first(ask):
    path = PathFactory()
    for start in (1_760_000_000, 1_760_000_010, 1_760_000_020):
        HealthSampleFactory(path=path, timestamp=start)
    HealthSampleFactory(path=PathFactory(), timestamp=1_760_000_000)
    history = ask(f"paths/{path.pk}/history/", since=1_760_000_000, until="2025-10-09T08:53:40Z")
    assert history | {"points": None} == {
        "path_id": path.pk,
        "uid": str(path.uid),
        "since": "2025-10-09T08:53:20.000Z",
        "until": "2025-10-09T08:53:40.000Z",
        "resolution": "raw",
        "interval_secs": 10,
        "points": None,
    }
    assert [point["timestamp"] for point in history["points"]] == [
        "2025-10-09T08:53:20.000Z",
        "2025-10-09T08:53:30.000Z",
    ]


def test_a_slot_of_a_dead_path_has_null_for_what_was_not_measured(ask):
    path = PathFactory()
    HealthSampleFactory(
        path=path, timestamp=1_760_000_000, received=0, latency_ms=None, min_latency_ms=None,
        max_latency_ms=None, jitter_ms=None, packet_loss_pct=100.0, health_score=0.0,
        status="down", reachable_secs=0,
    )  # fmt: skip
    (point,) = ask(f"paths/{path.pk}/history/", since=1_760_000_000, until=1_760_000_010)["points"]
    assert point == {
        "timestamp": "2025-10-09T08:53:20.000Z", "sent": 20, "received": 0, "latency_ms": None,
        "min_latency_ms": None, "max_latency_ms": None, "packet_loss_pct": 100.0,
        "jitter_ms": None, "forward_loss_pct": None, "backward_loss_pct": None,
        "forward_jitter_ms": None, "backward_jitter_ms": None, "health_score": 0.0,
        "status": "down", "known_secs": 10, "reachable_secs": 0,
    }  # fmt: skip


def test_the_history_is_that_of_the_last_hour_unless_asked_otherwise(ask):
    path = PathFactory()
    slot = int(time.time()) // 10 * 10
    HealthSampleFactory(path=path, timestamp=slot - 1800)
    HealthSampleFactory(path=path, timestamp=slot - 7200)
    assert len(ask(f"paths/{path.pk}/history/")["points"]) == 1


@pytest.mark.parametrize("resolution", ["raw", "auto"])
def test_raw_and_auto_are_the_same_while_there_are_no_rollups(ask, resolution):
    path = PathFactory()
    assert ask(f"paths/{path.pk}/history/", resolution=resolution)["resolution"] == "raw"


@pytest.mark.parametrize("resolution", ["1m", "1h", "1d"])
def test_a_coarser_resolution_says_when_it_will_come(refused, resolution):
    path = PathFactory()
    errors = refused(f"paths/{path.pk}/history/", resolution=resolution)
    assert "come with roll-ups" in errors["resolution"]


@pytest.mark.parametrize(
    ("parameters", "field", "says"),
    [
        ({"resolution": "5m"}, "resolution", "'5m' is not available: use raw or auto."),
        ({"since": 20, "until": 10}, "since", "until lies before since; exchange the two."),
        ({"since": 0, "until": 10 * MAX_POINTS + 10}, "since", "ask for at most 5000"),
        ({"since": 0, "until": "9999-12-31T23:59:59Z"}, "since", "ask for at most 5000"),
        ({"until": "soon"}, "until", "'soon' is no moment"),
        ({"site": "1"}, "site", "known are: since, until, resolution."),
    ],
)
def test_a_span_that_can_not_be_answered_is_refused_with_the_cure(refused, parameters, field, says):
    path = PathFactory()
    assert says in refused(f"paths/{path.pk}/history/", **parameters)[field]


def test_the_longest_span_is_answered(ask):
    path = PathFactory()
    HealthSampleFactory(path=path, timestamp=0)
    points = ask(f"paths/{path.pk}/history/", since=0, until=10 * MAX_POINTS)["points"]
    assert len(points) == 1


def test_the_failover_snapshot_has_every_policy_with_the_fields_of_the_contract(ask):
    primary, backup = PathFactory.create_batch(2)
    policy = FailoverPolicyFactory(members=[primary, backup], failback_delay_secs=15)
    FailoverStateFactory(policy=policy, active_path=backup, failover_count=2)
    snapshot = ask("failover/snapshot/")
    assert snapshot["timestamp"].endswith("Z")
    assert snapshot["policies"] == [
        {
            "policy_id": policy.pk,
            "uid": str(policy.uid),
            "name": policy.name,
            "primary_path_id": primary.pk,
            "backup_path_ids": [backup.pk],
            "failover_threshold": 50.0,
            "failback_threshold": 80.0,
            "failback_delay_secs": 15,
            "enabled": True,
            "active_path_id": backup.pk,
            "using_primary": False,
            "failover_count": 2,
        }
    ]


def test_a_policy_without_members_has_no_primary_and_claims_no_traffic(ask):
    FailoverPolicyFactory()
    (line,) = ask("failover/snapshot/")["policies"]
    assert line["primary_path_id"] is None
    assert line["backup_path_ids"] == []
    assert line["using_primary"] is None


def test_the_state_of_a_policy_has_its_phase_countdowns_and_candidates(ask):
    primary, backup = PathFactory.create_batch(2)
    policy = FailoverPolicyFactory(members=[primary, backup])
    FailoverStateFactory(
        policy=policy,
        active_path=backup,
        generation=3,
        phase="failback_wait",
        reason="Waits for the primary.",
        failover_count=1,
        last_failover=datetime(2026, 1, 31, 12, tzinfo=UTC),
        primary_healthy_since=datetime(2026, 1, 31, 12, 1, tzinfo=UTC),
        evaluated_at=datetime(2026, 1, 31, 12, 1, 30, tzinfo=UTC),
        judgement={
            "candidates": [
                {"path_id": primary.pk, "name": "p", "gate": "damped", "sentence": "Damped."}
            ],
            "countdowns": [{"kind": "failback", "secs_left": 30.0, "path_id": primary.pk}],
        },
    )
    assert ask(f"policies/{policy.pk}/state/") == {
        "policy_id": policy.pk,
        "uid": str(policy.uid),
        "active_path_id": backup.pk,
        "using_primary": False,
        "last_failover": "2026-01-31T12:00:00.000Z",
        "primary_healthy_since": "2026-01-31T12:01:00.000Z",
        "failover_count": 1,
        "generation": 3,
        "phase": "failback_wait",
        "reason": "Waits for the primary.",
        "evaluated_at": "2026-01-31T12:01:30.000Z",
        "countdowns": [{"kind": "failback", "secs_left": 30.0, "path_id": primary.pk}],
        "candidates": [
            {"path_id": primary.pk, "name": "p", "gate": "damped", "sentence": "Damped."}
        ],
    }


def test_a_policy_without_a_decision_has_no_phase_and_no_active_path(ask):
    policy = FailoverPolicyFactory(members=[PathFactory(), PathFactory()])
    state = ask(f"policies/{policy.pk}/state/")
    for field in ("active_path_id", "using_primary", "phase", "reason", "evaluated_at"):
        assert state[field] is None
    assert (state["countdowns"], state["candidates"], state["generation"]) == ([], [], 0)


def test_a_disabled_policy_says_so_even_without_a_decision(ask):
    policy = FailoverPolicyFactory(enabled=False)
    assert ask(f"policies/{policy.pk}/state/")["phase"] == "disabled"


@pytest.mark.parametrize(
    ("route", "queries"),
    [
        ("health/snapshot/", 1),
        ("health/stats/", 1),
        ("failover/snapshot/", 4),
        ("paths/{path}/health/", 4),
        ("paths/{path}/history/", 3),
        ("policies/{policy}/state/", 6),
    ],
)
@pytest.mark.parametrize("paths", [1, 8])
def test_an_answer_takes_the_same_few_queries_for_any_number_of_paths(
    viewer_client, django_assert_num_queries, route, queries, paths
):
    members = [measured_path(f"path {n}", targets=[TARGET]) for n in range(paths)]
    policy = FailoverPolicyFactory(members=members)
    FailoverStateFactory(policy=policy, active_path=members[0])
    # Session, user and the two of his permissions come before.
    with django_assert_num_queries(queries + 4):
        address = route.format(path=members[0].pk, policy=policy.pk)
        assert viewer_client.get(f"/api/v1/{address}").status_code == 200
