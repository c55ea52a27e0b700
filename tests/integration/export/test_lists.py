"""The lists of the API: their fields, filters, pages and queries."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tests.factories import (
    FailoverEventFactory,
    FailoverPolicyFactory,
    PathFactory,
    PathTargetFactory,
    PolicyRouteFactory,
    SiteFactory,
    UplinkFactory,
    VantageFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db

ISO_Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MAKERS = {
    "sites/": SiteFactory,
    "uplinks/": UplinkFactory,
    "paths/": PathFactory,
    "policies/": FailoverPolicyFactory,
    "events/": FailoverEventFactory,
}
ROUTES = pytest.mark.parametrize("route", MAKERS)


def ids(page):
    return [row.get("id", row.get("event_id")) for row in page["results"]]


def test_a_site_has_exactly_these_fields(ask):
    site = SiteFactory(location="Mainzer Landstr. 1")
    assert ask(f"sites/{site.pk}/").keys() == {
        "id", "uid", "name", "location", "notes", "created_at", "updated_at",
    }  # fmt: skip


def test_an_uplink_names_its_site_and_probe_host_and_null_is_not_set(ask):
    uplink = UplinkFactory(bandwidth_down_mbps=100.0)
    row = ask(f"uplinks/{uplink.pk}/")
    assert row["site_id"] == uplink.vantage.site_id
    assert row["vantage"] == uplink.vantage.name
    assert row["uid"] == str(uplink.uid)
    assert row["bandwidth_down_mbps"] == 100.0
    assert row["bandwidth_up_mbps"] is None


def test_a_path_has_its_targets_and_the_names_of_its_profiles(ask):
    path = PathFactory(dscp=46)
    target = PathTargetFactory(
        path=path, port=862, role="reflector", request="https://x/", expected_status=203
    )
    row = ask(f"paths/{path.pk}/")
    assert row["targets"] == [
        {
            "id": target.pk,
            "address": target.address,
            "port": 862,
            "request": "https://x/",
            "expected_text": "",
            "expected_status": 203,
            "role": "reflector",
        }
    ]
    assert row["site_id"] == path.uplink.vantage.site_id
    assert row["uplink_id"] == path.uplink_id
    assert row["destination_id"] is None
    assert row["probe_profile"] == path.probe_profile.name
    assert row["sla_profile"] == path.sla_profile.name
    assert row["dscp"] == 46


def test_a_policy_names_its_primary_its_backups_in_order_and_its_routes(ask):
    first, second, third = PathFactory.create_batch(3)
    policy = FailoverPolicyFactory(members=[second, third, first])
    PolicyRouteFactory(policy=policy, prefix="10.2.0.0/16")
    row = ask(f"policies/{policy.pk}/")
    assert row["primary_path_id"] == second.pk
    assert row["backup_path_ids"] == [third.pk, first.pk]
    assert row["routes"] == ["10.2.0.0/16 table 254 metric 50"]


def test_a_policy_never_shows_the_options_of_its_executor(ask):
    policy = FailoverPolicyFactory(executor_options={"secret": "hunter2"})
    assert "hunter2" not in str(ask(f"policies/{policy.pk}/"))


def test_an_event_has_exactly_the_fields_of_the_contract_and_the_names_of_its_time(ask):
    event = FailoverEventFactory(event_type="paused", direction="", duration_ms=None)
    row = ask(f"events/{event.pk}/")
    assert row.keys() == {
        "event_id", "uid", "policy_id", "policy_uid", "policy_name", "event_type", "direction",
        "from_path_id", "from_path_name", "to_path_id", "to_path_name", "reason",
        "primary_health_score", "backup_health_score", "generation", "timestamp", "actor",
        "duration_ms",
    }  # fmt: skip
    assert row["direction"] is None
    assert row["duration_ms"] is None
    assert row["primary_health_score"] is None


def test_times_are_utc_with_z_in_whatever_zone_the_user_lives(ask, viewer):
    viewer.time_zone = "Asia/Tokyo"
    viewer.save()
    event = FailoverEventFactory(timestamp=datetime(2026, 1, 31, 12, 0, 0, 250_000, UTC))
    assert ask(f"events/{event.pk}/")["timestamp"] == "2026-01-31T12:00:00.250Z"
    assert ISO_Z.fullmatch(ask(f"policies/{event.policy_id}/")["created_at"])


@ROUTES
def test_a_list_and_a_row_say_the_same(ask, route):
    MAKERS[route]()
    (row,) = ask(route)["results"]
    assert row == ask(f"{route}{row.get('id', row.get('event_id'))}/")


@ROUTES
def test_pages_follow_each_other_without_a_gap_or_a_repeat(ask, viewer_client, route):
    MAKERS[route].create_batch(5)
    page = ask(route, page_size=2)
    assert page["previous"] is None
    seen = ids(page)
    for _ in range(2):
        page = viewer_client.get(page["next"]).json()
        seen += ids(page)
    assert page["next"] is None
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=route == "events/")


def test_a_page_before_leads_back(ask, viewer_client):
    SiteFactory.create_batch(4)
    first = ask("sites/", page_size=2)
    second = viewer_client.get(first["next"]).json()
    assert ids(viewer_client.get(second["previous"]).json()) == ids(first)


def test_an_event_that_is_added_meanwhile_shifts_no_page(ask, viewer_client):
    FailoverEventFactory.create_batch(4)
    first = ask("events/", page_size=2)
    FailoverEventFactory()
    second = viewer_client.get(first["next"]).json()
    assert max(ids(second)) == min(ids(first)) - 1


@pytest.mark.parametrize("size", ["0", "-1", "1001", "9" * 5000, "ten", "1.5", "1e2"])
def test_a_page_size_that_makes_no_sense_is_refused(refused, size):
    assert "is not a number from 1 to 1000" in refused("sites/", page_size=size)["page_size"]


@pytest.mark.parametrize(
    "cursor", ["made-up", "cD1hYmM=", "bz0x", "ÿ", "cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk="]
)
def test_a_cursor_that_was_made_up_is_no_page(viewer_client, cursor):
    answer = viewer_client.get("/api/v1/sites/", {"cursor": cursor})
    assert answer.status_code == 404
    assert answer.json()["status"] == 404


@pytest.mark.parametrize("route", ["sites/", "uplinks/", "paths/", "policies/"])
def test_a_name_finds_exactly_its_row(ask, route):
    wanted, _ = MAKERS[route](name="wan"), MAKERS[route](name="wan 2")
    assert ids(ask(route, name="wan")) == [wanted.pk]
    assert ids(ask(route, name="no such name")) == []


@pytest.mark.parametrize("route", ["paths/", "policies/"])
def test_enabled_splits_the_rows_in_two(ask, route):
    on, off = MAKERS[route](), MAKERS[route](enabled=False)
    assert ids(ask(route, enabled="true")) == [on.pk]
    assert ids(ask(route, enabled="false")) == [off.pk]


def test_uplinks_and_paths_are_found_by_site_and_uplink(ask):
    site = SiteFactory()
    uplink = UplinkFactory(vantage=VantageFactory(site=site))
    path, _elsewhere = PathFactory(uplink=uplink), PathFactory()
    assert ids(ask("uplinks/", site=site.pk)) == [uplink.pk]
    assert ids(ask("paths/", site=site.pk)) == [path.pk]
    assert ids(ask("paths/", uplink=uplink.pk)) == [path.pk]
    assert ids(ask("paths/", uplink=10**15)) == []


def test_paths_are_found_by_their_present_status(ask):
    up = measured_path("up")
    down = measured_path("down", status="down", health_score=0.0)
    stale = measured_path("stale", updated_at=1.0)
    never = PathFactory()
    assert ids(ask("paths/", status="up")) == [up.pk]
    assert ids(ask("paths/", status="down")) == [down.pk]
    assert ids(ask("paths/", status="unknown")) == [stale.pk, never.pk]


def test_events_are_found_by_policy_type_path_and_time(ask):
    path = PathFactory()
    first = FailoverEventFactory(timestamp=datetime(2026, 1, 1, tzinfo=UTC), from_path=path)
    second = FailoverEventFactory(
        timestamp=datetime(2026, 1, 2, tzinfo=UTC), event_type="failed", to_path=path
    )
    third = FailoverEventFactory(timestamp=datetime(2026, 1, 3, tzinfo=UTC))
    assert ids(ask("events/", policy=first.policy_id)) == [first.pk]
    assert ids(ask("events/", type="failed")) == [second.pk]
    assert ids(ask("events/", path=path.pk)) == [second.pk, first.pk]
    assert ids(ask("events/", since="2026-01-02T00:00:00Z")) == [third.pk, second.pk]
    assert ids(ask("events/", until="2026-01-02T00:00:00Z")) == [first.pk]
    noon = int(datetime(2026, 1, 2, 12, tzinfo=UTC).timestamp())
    assert ids(ask("events/", since=noon)) == [third.pk]


def test_events_of_a_reversed_span_are_an_error_not_silence(refused):
    errors = refused("events/", since="2026-01-02T00:00:00Z", until="2026-01-01T00:00:00Z")
    assert errors == {"since": "until lies before since; exchange the two."}


@pytest.mark.parametrize(
    ("route", "name", "value", "says"),
    [
        ("paths/", "site", "x", "'x' is no id; write a whole number from 1 up."),
        ("paths/", "site", "-1", "'-1' is no id"),
        ("paths/", "uplink", "1.0", "'1.0' is no id"),
        ("paths/", "enabled", "yes", "'yes' is not known; use one of: true, false."),
        ("paths/", "status", "bad", "use one of: up, degraded, down, unknown."),
        ("events/", "type", "boom", "'boom' is not known; use one of: triggered"),
        ("events/", "since", "yesterday", "'yesterday' is no moment; write 2026"),
        ("events/", "until", "2026-01-01", "has no time zone; add Z"),
        ("events/", "until", "2026-01-01T00:00 02:00", "Write + as %2B in an address."),
        ("events/", "until", "100%s", "'100%s' is no moment"),
        ("events/", "policy", "100%s", "'100%s' is no id"),
        ("events/", "type", "100%s", "'100%s' is not known"),
        ("sites/", "name", "a\x00b", "Null characters"),
        ("sites/", "name", "", "name is empty; give it a value or leave it out."),
        ("sites/", "nme", "x", "known are: name, cursor, page_size."),
        ("sites/", "format", "json", "format is not a parameter here"),
        ("sites/", "format", "csv", "format is not a parameter here"),
    ],
)
def test_a_bad_value_is_refused_by_name_with_the_cure(refused, route, name, value, says):
    errors = refused(route, **{name: value})
    assert list(errors) == [name]
    assert says in errors[name]


def test_all_mistakes_are_told_at_once(refused):
    assert refused("paths/", nme="x", sort="y").keys() == {"nme", "sort"}


def test_a_parameter_that_is_given_twice_is_refused(viewer_client):
    answer = viewer_client.get("/api/v1/paths/?site=1&site=2")
    assert answer.status_code == 400
    assert "given 2 times" in answer.json()["errors"]["site"][0]


def test_a_row_takes_no_parameters(refused):
    site = SiteFactory()
    assert "there are none" in refused(f"sites/{site.pk}/", name="x")["name"]


@pytest.mark.parametrize(
    ("route", "queries"),
    [("sites/", 1), ("uplinks/", 1), ("paths/", 2), ("policies/", 3), ("events/", 1)],
)
@pytest.mark.parametrize("rows", [1, 9])
def test_a_page_takes_a_fixed_number_of_queries(
    viewer_client, django_assert_num_queries, route, queries, rows
):
    MAKERS[route].create_batch(rows)
    # Session, user and the two of his permissions come before.
    with django_assert_num_queries(queries + 4):
        assert len(viewer_client.get(f"/api/v1/{route}").json()["results"]) == rows


def test_an_id_beyond_what_a_database_counts_is_refused_like_any_nonsense(refused, ask):
    assert "is no id" in refused("uplinks/", site=2**63)["site"]
    assert ask("uplinks/", site=2**63 - 1)["results"] == []
