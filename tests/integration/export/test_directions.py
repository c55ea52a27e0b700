"""The way there and the way back in API and metrics: told by STAMP, and missing elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from health.models import CurrentHealth, Path
from tests.conftest import missing_layer
from tests.factories import HealthSampleFactory, PathFactory, measured_path

pytestmark = pytest.mark.django_db

TOLD = {
    "forward_loss_pct": 4.0,
    "backward_loss_pct": 1.0,
    "forward_jitter_ms": 0.5,
    "backward_jitter_ms": 0.8,
}
UNTOLD = dict.fromkeys(TOLD)
SLOT = 1_760_000_000


def telling_path(name="stamped", **current):
    path = measured_path(name, **(TOLD | current))
    Path.objects.filter(pk=path.pk).update(kind="stamp")
    return path


def scrape() -> str:
    return Client().get("/metrics").content.decode()


def series_of(path) -> dict[tuple[str, str], float]:
    """(end of the name, direction) to value, of the series that have a direction."""
    return {
        (sample.name.removeprefix("pathwarden_path_direction_"), sample.labels["direction"]): (
            sample.value
        )
        for family in text_string_to_metric_families(scrape())
        for sample in family.samples
        if sample.name.startswith("pathwarden_path_direction_")
        and sample.labels["path_id"] == str(path.pk)
    }


# --- API ----------------------------------------------------------------------------------
def test_the_health_of_a_path_tells_its_directions(ask):
    assert ask(f"paths/{telling_path().pk}/health/").items() >= TOLD.items()


@pytest.mark.parametrize("field", list(TOLD))
def test_what_is_not_told_is_null_while_the_rest_stands(ask, field):
    path = telling_path(**{field: None})
    assert ask(f"paths/{path.pk}/health/").items() >= (TOLD | {field: None}).items()


def test_a_kind_that_can_not_tell_has_null_even_if_it_was_stamp_a_moment_ago(ask):
    path = measured_path("pinged", **TOLD)
    assert ask(f"paths/{path.pk}/health/").items() >= UNTOLD.items()


@pytest.mark.parametrize("why", ["stale", "disabled", "never measured"])
def test_directions_of_a_path_that_nobody_measures_are_null(ask, why):
    path = telling_path()
    if why == "stale":
        CurrentHealth.objects.update(updated_at=time.time() - 60)
    elif why == "disabled":
        Path.objects.update(enabled=False)
    else:
        CurrentHealth.objects.all().delete()
    assert ask(f"paths/{path.pk}/health/").items() >= UNTOLD.items()


def test_each_slot_of_the_history_has_its_own_directions(ask):
    path = PathFactory(kind="stamp")
    HealthSampleFactory(path=path, timestamp=SLOT)
    HealthSampleFactory(path=path, timestamp=SLOT + 10, **TOLD)
    HealthSampleFactory(path=path, timestamp=SLOT + 20, forward_jitter_ms=0.1)
    HealthSampleFactory(path=PathFactory(), timestamp=SLOT, forward_loss_pct=50.0)
    points = ask(f"paths/{path.pk}/history/", since=SLOT, until=SLOT + 30)["points"]
    found = [{name: point[name] for name in TOLD} for point in points]
    assert found == [UNTOLD, TOLD, UNTOLD | {"forward_jitter_ms": 0.1}]


def test_the_past_of_a_path_stays_told_when_its_kind_is_changed(ask):
    path = PathFactory(kind="icmp")
    HealthSampleFactory(path=path, timestamp=SLOT, **TOLD)
    (point,) = ask(f"paths/{path.pk}/history/", since=SLOT, until=SLOT + 10)["points"]
    assert point.items() >= TOLD.items()


@pytest.mark.parametrize("slots", [1, 12])
def test_the_directions_of_a_history_take_one_query_for_any_number_of_slots(
    viewer_client, django_assert_num_queries, slots
):
    path = PathFactory(kind="stamp")
    for number in range(slots):
        HealthSampleFactory(path=path, timestamp=SLOT + 10 * number, **TOLD)
    address = f"/api/v1/paths/{path.pk}/history/?since={SLOT}&until={SLOT + 10 * slots}"
    # Session, user and the two of his permissions; path with its targets; slots; directions.
    with django_assert_num_queries(4 + 2 + 1 + 1):
        assert len(viewer_client.get(address).json()["points"]) == slots


# --- metrics ------------------------------------------------------------------------------
def test_the_series_of_a_path_are_in_base_units_by_direction():
    assert series_of(telling_path()) == {
        ("loss_ratio", "forward"): pytest.approx(0.04),
        ("loss_ratio", "backward"): pytest.approx(0.01),
        ("jitter_seconds", "forward"): pytest.approx(0.0005),
        ("jitter_seconds", "backward"): pytest.approx(0.0008),
    }


def test_a_direction_that_loses_nothing_is_0_and_not_missing():
    found = series_of(telling_path(backward_loss_pct=0.0))
    assert found["loss_ratio", "backward"] == 0.0


def test_a_reflector_that_does_not_count_leaves_the_variation_alone():
    found = series_of(telling_path(forward_loss_pct=None, backward_loss_pct=None))
    assert set(found) == {("jitter_seconds", "forward"), ("jitter_seconds", "backward")}


def test_a_kind_that_can_not_tell_has_no_series():
    assert series_of(measured_path("pinged")) == {}


@pytest.mark.parametrize("why", ["stale", "disabled", "unknown"])
def test_an_unknown_path_has_no_directions(why):
    path = telling_path(**({"status": "unknown"} if why == "unknown" else {}))
    if why == "stale":
        CurrentHealth.objects.update(updated_at=time.time() - 60)
    if why == "disabled":
        Path.objects.update(enabled=False)
    assert series_of(path) == {}


def test_promtool_accepts_directions_of_a_path_with_an_awkward_name():
    if shutil.which("promtool") is None:
        missing_layer("needs promtool: apt-get install prometheus")
    path = telling_path('a "quoted"\nname\\')
    assert len(series_of(path)) == 4
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=scrape().encode(),
        capture_output=True,
        timeout=30,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
