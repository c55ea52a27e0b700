"""A whole scrape of ``/metrics``: valid in both formats, complete, and cheap."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import time

import pytest
from django.test import Client
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from export.metrics import METRICS
from failover.models.events import EventType
from tests.conftest import missing_layer
from tests.factories import (
    CurrentHealthFactory,
    CurrentUplinkFactory,
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    MonitorLeaseFactory,
    PathFactory,
    SiteFactory,
    UplinkFactory,
    VantageFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db
OPENMETRICS_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3"

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(**headers: str) -> str:
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def series(text: str | None = None) -> Series:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text(text or scrape())
        for sample in family.samples
    }


def labels(**wanted: object) -> frozenset[tuple[str, str]]:
    return frozenset((name, str(value)) for name, value in wanted.items())


def path_labels(path, **more):
    return labels(path_id=path.pk, path=path.name, site=path.uplink.vantage.site.name, **more)


def names_of(path) -> set[str]:
    wanted = ("path_id", str(path.pk))
    return {name for name, found in series() if wanted in found}


@pytest.fixture
def network():
    """One of everything, with the awkward characters that names may have."""
    site = SiteFactory(name='Köln "West"\\1')
    uplink = UplinkFactory(
        vantage=VantageFactory(site=site), bandwidth_down_mbps=100.0, bandwidth_up_mbps=12.5
    )
    path = PathFactory(name='a "quoted"\nname\\', uplink=uplink, destination=SiteFactory())
    CurrentHealthFactory(
        path=path, probes_total=1200, failures_total={"lost": 7}, forward_loss_pct=4.0,
        backward_loss_pct=1.0, forward_jitter_ms=0.5, backward_jitter_ms=0.8,
    )  # fmt: skip
    backup = measured_path("backup", status="degraded", health_score=61.5)
    policy = FailoverPolicyFactory(members=[path, backup])
    FailoverStateFactory(policy=policy, active_path=backup, generation=3)
    FailoverEventFactory(policy=policy, duration_ms=250.0)
    CurrentUplinkFactory(uplink=uplink, receive_bytes=2**40, transmit_drops=3)
    MonitorLeaseFactory(
        vantage=uplink.vantage,
        lag_secs=0.002,
        overruns_total=4,
        figures={"ring": {"dropped_samples": 6}},
    )
    return path, backup, policy


def test_every_metric_of_the_registry_is_in_the_scrape_of_a_whole_network(network):
    text = scrape()
    missing = [name for name in METRICS if f"# TYPE {name} " not in text]
    assert missing == []


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS_ACCEPT])
def test_a_family_is_announced_once_in_either_format(network, accept):
    text = scrape(accept=accept)
    announced = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(announced) == len(set(announced))
    assert any(name.startswith("django_http") for name in announced)


def test_openmetrics_is_given_to_those_who_prefer_it_with_one_end(network):
    answer = Client().get("/metrics", headers={"accept": OPENMETRICS_ACCEPT})
    text = answer.content.decode()
    assert answer["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert text.count("# EOF\n") == 1
    assert text.endswith("# EOF\n")
    families = {family.name: family for family in parse_openmetrics(text)}
    assert families["pathwarden_path_probes"].type == "counter"
    assert families["pathwarden_path_latency_seconds"].unit == "seconds"
    assert families["pathwarden_path"].type == "info"


def test_names_arrive_as_they_are_however_they_are_written(network):
    path, _, _ = network
    assert series()["pathwarden_path_health_score", path_labels(path)] == 100.0


def test_measurements_are_in_base_units(network):
    path, _, _ = network
    found = series()
    assert found["pathwarden_path_latency_seconds", path_labels(path)] == pytest.approx(0.02)
    assert found["pathwarden_path_jitter_seconds", path_labels(path)] == pytest.approx(0.0015)
    assert found["pathwarden_path_packet_loss_ratio", path_labels(path)] == 0.0
    assert found["pathwarden_path_probes_total", path_labels(path)] == 1200
    reason = path_labels(path, reason="lost")
    assert found["pathwarden_path_probe_failures_total", reason] == 7


def test_bandwidth_is_in_bytes_and_one_that_is_not_set_has_no_series(network):
    path, _, _ = network
    found = {
        (dict(key)["uplink_id"], dict(key)["direction"]): value
        for (name, key), value in series().items()
        if name == "pathwarden_uplink_bandwidth_bytes_per_second"
    }
    uplink = str(path.uplink_id)
    assert found == {(uplink, "down"): 12.5e6, (uplink, "up"): 1_562_500.0}


def uplink_series(uplink) -> dict[str, float]:
    wanted = ("uplink_id", str(uplink.pk))
    return {name: value for (name, found), value in series().items() if wanted in found}


def test_the_totals_of_an_uplink_are_counters_to_the_byte(network):
    path, _, _ = network
    found = uplink_series(path.uplink)
    assert found["pathwarden_uplink_receive_bytes_total"] == 2**40
    assert found["pathwarden_uplink_transmit_drops_total"] == 3
    assert found["pathwarden_uplink_receive_errors_total"] == 0
    assert found["pathwarden_uplink_up"] == 1


def test_an_uplink_that_nobody_counts_any_more_has_no_counters():
    silent = CurrentUplinkFactory(updated_at=time.time() - 60).uplink
    assert uplink_series(silent) == {}


def test_an_uplink_without_an_interface_has_no_counters_and_no_state():
    unnamed = CurrentUplinkFactory(link="unknown", counted_at=None).uplink
    assert uplink_series(unnamed) == {}


def test_an_uplink_whose_interface_went_down_is_0_and_its_counters_end():
    down = CurrentUplinkFactory(link="down", counted_at=time.time() - 60).uplink
    assert uplink_series(down) == {"pathwarden_uplink_up": 0}


def test_samples_that_a_monitor_lost_are_counted_and_unknown_is_not_0(network):
    path, _, _ = network
    MonitorLeaseFactory(vantage__name="silent")
    found = series()
    name = "pathwarden_monitor_dropped_samples_total"
    assert found[name, labels(vantage=path.uplink.vantage.name)] == 6
    assert (name, labels(vantage="silent")) not in found


def test_exactly_one_state_of_a_path_is_1(network):
    _, backup, _ = network
    states = {
        dict(found)["state"]: value
        for (name, found), value in series().items()
        if name == "pathwarden_path_status" and ("path_id", str(backup.pk)) in found
    }
    assert states == {"up": 0, "degraded": 1, "down": 0, "unknown": 0}


def test_a_dead_path_has_a_score_of_0_and_no_latency():
    path = measured_path(
        "dead",
        status="down",
        reachable=False,
        health_score=0.0,
        latency_ms=None,
        jitter_ms=None,
        mos=None,
        packet_loss_pct=100.0,
    )
    found = series()
    assert found["pathwarden_path_health_score", path_labels(path)] == 0.0
    assert found["pathwarden_path_reachable", path_labels(path)] == 0.0
    assert found["pathwarden_path_packet_loss_ratio", path_labels(path)] == 1.0
    assert not {"pathwarden_path_latency_seconds", "pathwarden_path_mos"} & names_of(path)


@pytest.mark.parametrize("why", ["stale", "disabled", "unknown"])
def test_of_an_unknown_path_only_status_info_and_last_check_remain(why):
    path = measured_path("silent", **({"status": "unknown"} if why == "unknown" else {}))
    if why == "stale":
        path.current.updated_at -= 60
        path.current.save()
    if why == "disabled":
        path.enabled = False
        path.save()
    assert names_of(path) == {
        "pathwarden_path_status",
        "pathwarden_path_info",
        "pathwarden_path_last_check_timestamp_seconds",
    }
    assert series()["pathwarden_path_status", path_labels(path, state="unknown")] == 1


def test_a_path_that_was_never_measured_has_no_last_check():
    path = PathFactory()
    assert names_of(path) == {"pathwarden_path_status", "pathwarden_path_info"}


def test_a_policy_shows_which_member_carries_its_traffic(network):
    path, backup, policy = network
    found = series()
    of_policy = {"policy_id": policy.pk, "policy": policy.name}
    active = {
        dict(key)["path_id"]: value
        for (name, key), value in found.items()
        if name == "pathwarden_policy_active_path"
    }
    assert active == {str(path.pk): 0, str(backup.pk): 1}
    assert found["pathwarden_policy_using_primary", labels(**of_policy)] == 0
    assert found["pathwarden_policy_generation", labels(**of_policy)] == 3


def test_a_policy_without_a_decision_claims_nothing_about_its_traffic():
    FailoverPolicyFactory(members=[PathFactory(), PathFactory()], enabled=False)
    found = series()
    assert not [name for name, _ in found if name.startswith("pathwarden_policy_")]
    assert found["pathwarden_failover_policies", labels(enabled="true")] == 0
    assert found["pathwarden_failover_policies", labels(enabled="false")] == 1


def test_events_are_counted_from_zero_for_every_type(network):
    _, _, policy = network
    FailoverEventFactory.create_batch(2, policy=policy, event_type="failed")
    found = {
        dict(key)["type"]: value
        for (name, key), value in series().items()
        if name == "pathwarden_failover_events_total"
    }
    assert found == dict.fromkeys(EventType.values, 0) | {"completed": 1, "failed": 2}


def test_a_renamed_policy_goes_on_counting_under_its_new_name(network):
    _, _, policy = network
    policy.name = "renamed"
    policy.save()
    FailoverEventFactory(policy=policy, policy_name="renamed")
    key = labels(policy_id=policy.pk, policy="renamed", type="completed")
    assert series()["pathwarden_failover_events_total", key] == 2


def test_the_events_of_a_deleted_policy_still_count_under_its_name(network):
    _, _, policy = network
    policy.delete()
    key = labels(policy_id="", policy=policy.name, type="completed")
    assert series()["pathwarden_failover_events_total", key] == 1


def test_the_duration_of_switches_is_a_sum_and_a_count(network):
    _, _, policy = network
    FailoverEventFactory(policy=policy, duration_ms=750.0)
    FailoverEventFactory(policy=policy, duration_ms=None)
    FailoverEventFactory(policy=policy, event_type="failed", duration_ms=9000.0)
    key = labels(policy_id=policy.pk, policy=policy.name)
    found = series()
    assert found["pathwarden_failover_switch_duration_seconds_count", key] == 2
    assert found["pathwarden_failover_switch_duration_seconds_sum", key] == pytest.approx(1.0)


def test_a_dead_monitor_grows_old_and_says_nothing_about_its_lag():
    alive, dead = MonitorLeaseFactory(), MonitorLeaseFactory(renewed_at=1.0, expires_at=4.0)
    found = series()
    key = labels(vantage=dead.vantage.name)
    assert found["pathwarden_monitor_lease_age_seconds", key] > 1e9
    assert ("pathwarden_monitor_lag_seconds", key) not in found
    key = labels(vantage=alive.vantage.name)
    assert found["pathwarden_monitor_lease_age_seconds", key] < 60
    assert ("pathwarden_monitor_lag_seconds", key) in found


def test_the_build_names_its_versions():
    (key,) = [dict(key) for name, key in series() if name == "pathwarden_build_info"]
    assert all(key.values())
    assert set(key) == {"version", "python", "django", "database"}


@pytest.mark.parametrize("paths", [1, 12])
def test_a_scrape_takes_the_same_few_queries_for_any_number_of_paths(
    paths, django_assert_num_queries
):
    members = [measured_path(f"path {n}") for n in range(paths)]
    FailoverPolicyFactory(members=members)
    with django_assert_num_queries(7):
        scrape()


def test_the_answer_is_compressed_when_asked():
    answer = Client().get("/metrics", headers={"accept-encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert b"pathwarden_build_info" in gzip.decompress(answer.content)


def test_promtool_finds_nothing_to_complain_about_in_our_series(network):
    if shutil.which("promtool") is None:
        missing_layer("needs promtool: apt-get install prometheus")
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=scrape().encode(),
        capture_output=True,
        timeout=30,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout + done.stderr == b""
    assert done.returncode == 0
