"""Uplinks in the API: their state, rates and totals now, and what they carried."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from export.api.serializers import UplinkSerializer
from export.api.uplink_descriptions import TrafficPointSerializer, UplinkPresentSerializer
from health.domain.traffic import Counts
from health.selectors.uplinks import STALE_UPLINK_SECS
from tests.factories import (
    CurrentUplinkFactory,
    PathTargetFactory,
    UplinkFactory,
    UplinkTrafficFactory,
)

pytestmark = pytest.mark.django_db
SLOT = 1_700_000_040 // 60 * 60
DAY = 86_400


@pytest.fixture
def uplink():
    return UplinkFactory(bandwidth_down_mbps=8.0)


def traffic_of(ask, uplink, since=SLOT, until=SLOT + 600, **more):
    return ask(f"uplinks/{uplink.pk}/traffic/", since=since, until=until, **more)


def test_the_present_has_state_rates_totals_and_utilisation(ask, uplink):
    CurrentUplinkFactory(uplink=uplink, receive_bps=2_000_000.0, receive_bytes=2**50)
    now = ask(f"uplinks/{uplink.pk}/")["current"]
    assert (now["link"], now["route"], now["route6"]) == ("up", "verified", "not_needed")
    assert (now["source"], now["source6"]) == ("192.0.2.7", None)
    assert now["receive_utilisation_pct"] == 25.0
    assert now["transmit_utilisation_pct"] is None
    assert now["receive_bytes"] == 2**50
    assert now["counted_at"].endswith("Z")


def test_an_uplink_that_nobody_looked_at_is_null_throughout(ask, uplink):
    now = ask(f"uplinks/{uplink.pk}/")["current"]
    assert set(now.values()) == {None}


def test_a_silent_monitor_leaves_only_totals_with_their_moment(ask, uplink):
    old = time.time() - STALE_UPLINK_SECS - 1
    CurrentUplinkFactory(uplink=uplink, updated_at=old)
    now = ask(f"uplinks/{uplink.pk}/")["current"]
    assert (now["link"], now["route"], now["receive_bps"], now["source"]) == (None,) * 4
    assert now["receive_bytes"] == 5_000_000
    assert now["counted_at"] is not None


def test_an_uplink_without_an_interface_has_no_totals(ask, uplink):
    CurrentUplinkFactory(uplink=uplink, link="unknown", counted_at=None, receive_bytes=0)
    now = ask(f"uplinks/{uplink.pk}/")["current"]
    assert now["link"] == "unknown"
    assert now["receive_bytes"] is None


def test_the_described_fields_are_the_real_ones(ask, uplink):
    CurrentUplinkFactory(uplink=uplink)
    UplinkTrafficFactory(uplink=uplink, timestamp=SLOT)
    row = ask(f"uplinks/{uplink.pk}/")
    assert row.keys() == set(UplinkSerializer.Meta.fields)
    assert row["current"].keys() == UplinkPresentSerializer().fields.keys()
    (point,) = traffic_of(ask, uplink)["points"]
    assert point.keys() == TrafficPointSerializer().fields.keys()


def test_a_list_of_uplinks_costs_the_same_queries_whatever_its_length(ask):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            ask("uplinks/")
        return len(captured)

    CurrentUplinkFactory()
    first = queries()
    CurrentUplinkFactory.create_batch(4)
    assert queries() == first


def test_traffic_comes_by_slots_with_gaps_left_out(ask, uplink):
    for offset in (0, 10, 40):
        UplinkTrafficFactory(uplink=uplink, timestamp=SLOT + offset)
    UplinkTrafficFactory(timestamp=SLOT + 20)
    answer = traffic_of(ask, uplink)
    assert answer["resolution"] == "raw"
    assert answer["interval_secs"] == 10
    assert len(answer["points"]) == 3
    point = answer["points"][0]
    assert point["timestamp"].startswith("2023-11-14T22:14:00")
    assert point["receive_bps"] == 800_000.0
    assert point["receive_utilisation_pct"] == 10.0
    assert point["transmit_utilisation_pct"] is None


def test_until_is_not_included(ask, uplink):
    UplinkTrafficFactory(uplink=uplink, timestamp=SLOT + 600)
    assert traffic_of(ask, uplink)["points"] == []


def test_coarser_steps_add_up_what_was_observed_and_nothing_else(ask, uplink):
    UplinkTrafficFactory(uplink=uplink, timestamp=SLOT, secs=4.0, receive_bytes=500)
    UplinkTrafficFactory(uplink=uplink, timestamp=SLOT + 50, secs=6.0, receive_bytes=1_500)
    UplinkTrafficFactory(uplink=uplink, timestamp=SLOT + 60, receive_errors=2)
    first, second = traffic_of(ask, uplink, resolution="1m")["points"]
    assert (first["secs"], first["receive_bytes"]) == (10.0, 2_000)
    assert first["receive_bps"] == 1_600.0
    assert second["receive_errors"] == 2


@pytest.mark.parametrize(
    ("span", "chosen"), [(3_600, "raw"), (2 * DAY, "1m"), (10 * DAY, "1h"), (400 * DAY, "1d")]
)
def test_auto_is_the_finest_resolution_that_fits(ask, uplink, span, chosen):
    UplinkTrafficFactory(uplink=uplink, timestamp=SLOT)
    answer = traffic_of(ask, uplink, since=SLOT - span // 2, until=SLOT + span // 2)
    assert answer["resolution"] == chosen
    assert sum(point["receive_bytes"] for point in answer["points"]) == 1_000_000


def test_a_span_with_too_many_points_is_refused_with_the_resolution_that_fits(refused, uplink):
    errors = refused(
        f"uplinks/{uplink.pk}/traffic/", since=SLOT, until=SLOT + 2 * DAY, resolution="raw"
    )
    assert "17280 points of raw" in errors["since"]
    assert "resolution=1m" in errors["since"]


def test_more_than_5000_days_are_refused(refused, uplink):
    errors = refused(f"uplinks/{uplink.pk}/traffic/", since=0, until=SLOT, resolution="1d")
    assert "at most 5000" in errors["since"]


def test_nonsense_is_refused_with_the_cure(refused, uplink):
    route = f"uplinks/{uplink.pk}/traffic/"
    assert "use one of: raw, 1m, 1h, 1d, auto" in refused(route, resolution="5m")["resolution"]
    assert "exchange the two" in refused(route, since=SLOT, until=SLOT - 1)["since"]
    assert "no moment" in refused(route, since="yesterday")["since"]
    assert "not a parameter here" in refused(route, page_size=5)["page_size"]


def test_a_token_of_one_site_sees_no_traffic_of_another(program, viewer, uplink):
    other = UplinkFactory()
    client = program(viewer, site=other.vantage.site)
    assert client.get(f"/api/v1/uplinks/{uplink.pk}/traffic/").status_code == 404
    assert client.get(f"/api/v1/uplinks/{other.pk}/traffic/").status_code == 200


def test_a_path_tells_what_probing_it_costs(ask):
    target = PathTargetFactory(address="192.0.2.1")
    budget = ask(f"paths/{target.path_id}/")["probe_budget"]
    assert budget["probes_per_sec"] == 2.0
    assert budget["mb_per_month"] == pytest.approx(2 * 88 * 2.592)
    assert budget["is_exact"] is True


def test_every_counter_of_the_kernel_is_in_the_answer(ask, uplink):
    CurrentUplinkFactory(uplink=uplink)
    assert set(Counts._fields) <= ask(f"uplinks/{uplink.pk}/")["current"].keys()
