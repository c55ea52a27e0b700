"""Configuration of paths and profiles, and records that nobody may touch."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from health.models import Path, ProbeProfile, SlaProfile, StatusChange, Uplink
from tests.factories import (
    CurrentUplinkFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    HealthSampleFactory,
    PathFactory,
    PathTargetFactory,
    ProbeProfileFactory,
    SlaProfileFactory,
    StatusChangeFactory,
    UplinkFactory,
    UplinkTrafficFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db


def path_form(*addresses: str, **changes: Any) -> dict[str, Any]:
    """What the form of a new path sends."""
    values: dict[str, Any] = {
        "name": "Warsaw via fibre",
        "kind": "icmp",
        "dscp": "0",
        "quorum": "",
        "enabled": "on",
        "notes": "",
        "targets-TOTAL_FORMS": str(len(addresses)),
        "targets-INITIAL_FORMS": "0",
        "targets-MIN_NUM_FORMS": "0",
        "targets-MAX_NUM_FORMS": "1000",
    }
    for number, address in enumerate(addresses):
        values[f"targets-{number}-address"] = address
    for name, make in (
        ("uplink", UplinkFactory),
        ("probe_profile", ProbeProfileFactory),
        ("sla_profile", SlaProfileFactory),
    ):
        values[name] = str(make().pk)
    return {**values, **changes}


def add_path(client: Client, *addresses: str, **changes: Any) -> str:
    """Send the form of a new path; "" when it was saved, else the page with the errors."""
    answer = client.post("/admin/health/path/add/", path_form(*addresses, **changes))
    return "" if answer.status_code == 302 else answer.content.decode()


def test_a_path_is_made_with_its_targets(admin_role_client: Client) -> None:
    assert add_path(admin_role_client, "192.0.2.1", "192.0.2.2", name="  Warsaw  ") == ""
    path = Path.objects.get()
    assert path.name == "Warsaw"
    assert [target.address for target in path.targets.all()] == ["192.0.2.1", "192.0.2.2"]


def test_a_target_is_saved_with_what_it_is_asked_and_what_it_must_answer(
    admin_role_client: Client,
) -> None:
    asked = {
        "kind": "http",
        "targets-0-request": "https://www.example/health",
        "targets-0-expected_text": "well",
        "targets-0-expected_status": "203",
    }
    assert add_path(admin_role_client, "192.0.2.1", **asked) == ""
    target = Path.objects.get().targets.get()
    assert target.request == "https://www.example/health"
    assert (target.expected_text, target.expected_status) == ("well", 203)


@pytest.mark.parametrize(
    ("addresses", "changes", "said"),
    [
        ((), {}, "The path has no target: add an address that answers probes."),
        (("192.0.2.1",), {"quorum": "2"}, "2 targets cannot answer where there are only 1"),
        (("192.0.2.1",), {"targets-0-port": "80"}, "has no ports"),
        (("192.0.2.1",), {"targets-0-request": "x"}, "192.0.2.1: This kind of probe asks nothing"),
        (("192.0.2.1",), {"kind": "http", "targets-0-request": "x"}, "write one such as https://"),
        (("192.0.2.1", "192.0.2.1"), {}, "192.0.2.1 is a target more than once"),
        (("224.0.0.1",), {}, "is a multicast address"),
        (("0.0.0.0",), {}, "is a placeholder (unspecified) address"),
        (("169.254.169.254",), {}, "is a cloud metadata address"),
        (("192.0.2.1",), {"name": "   "}, "This field is required."),
        (("192.0.2.1",), {"kind": "carrier pigeon"}, "is not one of the available choices"),
        (("192.0.2.1",), {"dscp": "64"}, "less than or equal to 63"),
    ],
)
def test_what_cannot_work_is_refused_in_words(
    admin_role_client: Client, addresses: tuple[str, ...], changes: dict[str, str], said: str
) -> None:
    assert said in add_path(admin_role_client, *addresses, **changes)
    assert not Path.objects.exists()


def test_a_path_that_works_but_deserves_a_word_is_saved_with_a_warning(
    admin_role_client: Client,
) -> None:
    answer = admin_role_client.post(
        "/admin/health/path/add/", path_form("192.0.2.1", destination=""), follow=True
    )
    assert Path.objects.exists()
    assert "looks like a failure of the line" in answer.content.decode()


def test_a_second_path_of_the_same_name_is_refused(admin_role_client: Client) -> None:
    PathFactory(name="Warsaw via fibre")
    assert "already exists" in add_path(admin_role_client, "192.0.2.1")


def test_a_path_that_a_policy_uses_stays_and_the_page_says_which(
    admin_role_client: Client,
) -> None:
    path = measured_path("Backup line")
    FailoverPolicyFactory(name="Voice", members=[PathFactory(), path])
    url = f"/admin/health/path/{path.pk}/delete/"
    page = admin_role_client.post(url, {"post": "yes"}).content.decode()
    assert "Backup line is a member of the policy Voice: take it out there first." in page
    assert Path.objects.filter(pk=path.pk).exists()


def test_a_path_that_carries_traffic_stays(admin_role_client: Client) -> None:
    path = measured_path("Active line")
    policy = FailoverPolicyFactory(name="Voice", members=[path, PathFactory()])
    FailoverStateFactory(policy=policy, active_path=path)
    page = admin_role_client.post(
        "/admin/health/path/",
        {"action": "delete_selected", "_selected_action": [str(path.pk)], "post": "yes"},
    ).content.decode()
    assert "Active line carries the traffic of the policy Voice" in page
    assert Path.objects.filter(pk=path.pk).exists()


def test_a_free_path_is_deleted(admin_role_client: Client) -> None:
    path = PathTargetFactory().path
    admin_role_client.post(f"/admin/health/path/{path.pk}/delete/", {"post": "yes"})
    assert not Path.objects.exists()


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:1"])
def test_saving_never_leads_away_from_the_site(admin_role_client: Client, target: str) -> None:
    answer = admin_role_client.post(
        f"/admin/health/path/add/?next={target}", path_form("192.0.2.1")
    )
    assert answer.headers["Location"] == "/admin/health/path/"


def test_saving_leads_back_to_the_page_where_edit_was_clicked(admin_role_client: Client) -> None:
    answer = admin_role_client.post(
        "/admin/health/path/add/?next=/paths/7/", path_form("192.0.2.1")
    )
    assert answer.headers["Location"] == "/paths/7/"


@pytest.mark.parametrize(("model", "name"), [(ProbeProfile, "balanced"), (SlaProfile, "voice")])
def test_built_in_profiles_stay_and_can_be_copied(
    admin_role_client: Client, model: Any, name: str
) -> None:
    profile = model.objects.get(name=name)
    url = f"/admin/health/{model._meta.model_name}/"
    for form in (
        {"action": "delete_selected", "_selected_action": [str(profile.pk)], "post": "yes"},
        {"action": "copy", "_selected_action": [str(profile.pk)]},
        {"action": "copy", "_selected_action": [str(profile.pk)]},
    ):
        admin_role_client.post(url, form)
    assert admin_role_client.get(f"{url}{profile.pk}/delete/").status_code == 403
    names = set(model.objects.filter(name__startswith=name).values_list("name", flat=True))
    assert names == {name, f"{name}-copy", f"{name}-copy2"}
    copy = model.objects.get(name=f"{name}-copy")
    assert copy.built_in is False


def test_weights_that_do_not_sum_to_one_are_told_their_sum(admin_role_client: Client) -> None:
    values = {"name": "odd", "latency_ms": "100", "packet_loss_pct": "2", "jitter_ms": "10"}
    weights = {"latency_weight": "0.5", "packet_loss_weight": "0.4", "jitter_weight": "0.2"}
    answer = admin_role_client.post("/admin/health/slaprofile/add/", {**values, **weights})
    assert "sum to 1.1; they must sum to 1." in answer.content.decode()


def test_samples_are_listed_without_a_way_to_change_them(superuser_client: Client) -> None:
    sample = HealthSampleFactory()
    page = superuser_client.get("/admin/health/healthsample/").content.decode()
    assert "/admin/health/healthsample/add/" not in page
    url = f"/admin/health/healthsample/{sample.pk}"
    assert superuser_client.post(f"{url}/change/", {"sent": "1"}).status_code == 403
    assert superuser_client.post(f"{url}/delete/", {"post": "yes"}).status_code == 403


def test_deleting_counts_the_records_of_a_path_and_lists_none(admin_role_client: Client) -> None:
    path = measured_path("Busy line")
    url = f"/admin/health/path/{path.pk}/delete/"
    StatusChangeFactory(path=path)
    with CaptureQueriesContext(connection) as few:
        admin_role_client.get(url)
    StatusChangeFactory.create_batch(299, path=path)
    with CaptureQueriesContext(connection) as many:
        html = admin_role_client.get(url).content.decode()
    assert len(many) == len(few) <= 20
    assert "Status changes: 300" in html
    assert html.count("<li>") < 20
    admin_role_client.post(url, {"post": "yes"})
    assert not StatusChange.objects.exists()


def test_a_measured_path_is_deleted_with_its_records(admin_role_client: Client) -> None:
    path = measured_path("Old line")
    admin_role_client.post(f"/admin/health/path/{path.pk}/delete/", {"post": "yes"})
    assert not Path.objects.filter(pk=path.pk).exists()


def test_what_probing_costs_is_shown_and_warned_of_where_bytes_are_paid_for(
    admin_role_client: Client,
) -> None:
    path = measured_path("LTE line")
    url = f"/admin/health/path/{path.pk}/change/"
    assert "2 probes/s · 456 MB a month" in admin_role_client.get(url).content.decode()
    form = path_form("192.0.2.1", "192.0.2.2", "192.0.2.3")
    uplink = Uplink.objects.get(pk=form["uplink"])
    for metered in (False, True):
        Uplink.objects.filter(pk=uplink.pk).update(metered=metered)
        answer = admin_role_client.post(
            "/admin/health/path/add/", form | {"name": f"Line {metered}"}, follow=True
        )
        assert ("paid by the byte" in answer.content.decode()) is metered


@pytest.mark.parametrize("model", ["currentuplink", "uplinktraffic"])
def test_what_uplinks_carried_is_listed_without_a_way_to_change_it(
    superuser_client: Client, model: str
) -> None:
    row = CurrentUplinkFactory() if model == "currentuplink" else UplinkTrafficFactory()
    listed = superuser_client.get(f"/admin/health/{model}/").content.decode()
    assert f"/admin/health/{model}/{row.pk}/change/" in listed
    url = f"/admin/health/{model}/{row.pk}"
    assert superuser_client.post(f"{url}/change/", {"secs": "1"}).status_code == 403
    assert superuser_client.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
