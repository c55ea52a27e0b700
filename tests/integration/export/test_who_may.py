"""Who may read the API: roles, tokens, their scopes and their sites."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from export.api.permissions import ModelPermissions
from health.models import Path
from sdwan_site.models import ApiToken
from tests.conftest import client_of, make_person
from tests.factories import (
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    PathFactory,
    SiteFactory,
    UplinkFactory,
    VantageFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db

LISTS = ("sites/", "uplinks/", "paths/", "policies/", "events/")
ROUTES = (*LISTS, "health/snapshot/", "health/stats/", "failover/snapshot/")
WRITES = ("post", "put", "patch", "delete")


def get(client, route):
    return client.get(f"/api/v1/{route}")


@pytest.fixture
def rows():
    """The addresses of single rows of everything."""
    path = measured_path("fibre")
    event = FailoverEventFactory(policy=FailoverPolicyFactory(members=[path]))
    return [
        f"sites/{path.uplink.vantage.site_id}/",
        f"uplinks/{path.uplink_id}/",
        f"paths/{path.pk}/",
        f"paths/{path.pk}/health/",
        f"paths/{path.pk}/history/",
        f"policies/{event.policy_id}/",
        f"policies/{event.policy_id}/state/",
        f"events/{event.pk}/",
    ]


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_may_read_everything(role, rows):
    client = client_of(make_person(role))
    assert {route: get(client, route).status_code for route in (*ROUTES, *rows)} == dict.fromkeys(
        (*ROUTES, *rows), 200
    )


def test_an_account_without_a_role_may_read_nothing(outsider_client, rows):
    for route in (*ROUTES, *rows):
        answer = get(outsider_client, route)
        assert answer.status_code == 403, route
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 403


def test_whoever_does_not_say_who_he_is_is_asked_to(anonymous_client, rows):
    for route in (*ROUTES, *rows, "schema/"):
        answer = get(anonymous_client, route)
        assert answer.status_code == 401, route
        assert answer["WWW-Authenticate"] == "Token"
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["title"] == "Unauthorized"


@pytest.mark.parametrize("method", WRITES)
def test_what_is_only_read_takes_no_other_verb_even_of_admins(admin_role_client, rows, method):
    for route in (*ROUTES, *rows):
        answer = getattr(admin_role_client, method)(f"/api/v1/{route}")
        assert answer.status_code == 405, route
        assert answer["Content-Type"] == "application/problem+json"
        assert set(answer["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_head_answers_like_get_without_a_body_and_options_describes(viewer_client):
    head = viewer_client.head("/api/v1/sites/")
    assert (head.status_code, head.content) == (200, b"")
    options = viewer_client.options("/api/v1/sites/")
    assert options.status_code == 200
    assert options.json()["renders"] == ["application/json"]


@pytest.mark.parametrize("scope", ApiToken.Scope.values)
def test_a_token_of_any_scope_may_read_what_its_user_may(viewer, program, scope):
    assert get(program(viewer, scope=scope), "sites/").status_code == 200


def test_a_token_may_not_do_more_than_its_user(outsider, program):
    assert get(program(outsider, scope="admin"), "sites/").status_code == 403


@pytest.mark.parametrize("state", ["expired", "revoked", "inactive"])
def test_a_token_that_is_no_longer_good_says_why_and_is_not_deleted(viewer, program, state):
    client = program(viewer, days=-1 if state == "expired" else 1)
    if state == "revoked":
        ApiToken.objects.all().delete()
    if state == "inactive":
        viewer.is_active = False
        viewer.save()
    answer = get(client, "sites/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Token"
    word = {"expired": "expired", "revoked": "revoked", "inactive": "not active"}[state]
    assert word in answer.json()["detail"]
    assert ApiToken.objects.count() == (0 if state == "revoked" else 1)


def test_a_token_without_expiry_goes_on(viewer):
    _, token = ApiToken.objects.create(user=viewer, expiry=None, name="forever")
    assert get(Client(headers={"authorization": f"Token {token}"}), "sites/").status_code == 200


@pytest.mark.parametrize(
    "header", ["Token", "Token a b", "Token ÿ", "Token " + "f" * 64, "token deadbeef"]
)
def test_a_header_that_is_no_token_is_refused(header):
    answer = get(Client(headers={"authorization": header}), "sites/")
    assert answer.status_code == 401
    assert answer.json()["detail"]


def test_a_token_is_recognised_whole_not_by_its_beginning(viewer):
    _, token = ApiToken.objects.create(user=viewer, name="whole")
    short = Client(headers={"authorization": f"Token {token[:-1]}"})
    assert get(short, "sites/").status_code == 401


def test_a_program_needs_two_queries_to_be_known(viewer, program, django_assert_num_queries):
    client = program(viewer)
    # The token with its user and site, then the permissions of user and groups.
    with django_assert_num_queries(3 + 1):
        get(client, "health/stats/")


class _Writable(APIView):
    permission_classes = [ModelPermissions]
    queryset = Path.objects.all()


@pytest.mark.parametrize(
    ("scope", "allowed"), [("read", False), ("operate", True), ("admin", True)]
)
def test_a_token_that_may_only_read_writes_nothing_whatever_its_user_may(admin, scope, allowed):
    request = _Writable().initialize_request(APIRequestFactory().post("/"))
    request.user, request.auth = admin, ApiToken(scope=scope)
    assert ModelPermissions().has_permission(request, _Writable()) is allowed


@pytest.fixture
def two_sites():
    """Two sites with one of everything each: (its site, its addresses) per site."""
    return [_populated(name) for name in ("here", "there")]


def _populated(name):
    site = SiteFactory(name=name)
    uplink = UplinkFactory(vantage=VantageFactory(site=site))
    path = measured_path(name)
    Path.objects.filter(pk=path.pk).update(uplink=uplink)
    policy = FailoverPolicyFactory(members=[path, PathFactory(uplink=uplink)])
    FailoverStateFactory(policy=policy, active_path=path)
    event = FailoverEventFactory(policy=policy)
    return site, [
        f"sites/{site.pk}/",
        f"uplinks/{uplink.pk}/",
        f"paths/{path.pk}/",
        f"paths/{path.pk}/health/",
        f"paths/{path.pk}/history/",
        f"policies/{policy.pk}/",
        f"policies/{policy.pk}/state/",
        f"events/{event.pk}/",
    ]


def test_for_a_token_of_one_site_the_other_sites_rows_do_not_exist(admin, program, two_sites):
    (here, own), (_, others) = two_sites
    client = program(admin, scope="admin", site=here)
    assert {get(client, route).status_code for route in own} == {200}
    assert {get(client, route).status_code for route in others} == {404}


def test_a_token_of_one_site_lists_its_own_rows_only(viewer, program, two_sites):
    (here, _), _ = two_sites
    client = program(viewer, site=here)
    for route in LISTS:
        rows = get(client, route).json()["results"]
        assert len(rows) == (2 if route == "paths/" else 1), route
    assert {row["site_id"] for row in get(client, "paths/").json()["results"]} == {here.pk}


def test_snapshots_and_stats_end_at_the_tokens_site(viewer, program, two_sites):
    (here, _), _ = two_sites
    client = program(viewer, site=here)
    assert len(get(client, "health/snapshot/").json()["paths"]) == 2
    assert get(client, "health/stats/").json()["total_paths"] == 2
    assert len(get(client, "failover/snapshot/").json()["policies"]) == 1


def test_a_policy_with_two_paths_of_the_site_is_listed_once(viewer, program, two_sites):
    (here, _), _ = two_sites
    assert len(get(program(viewer, site=here), "policies/").json()["results"]) == 1


def test_a_site_goes_on_seeing_the_events_of_a_deleted_policy_on_its_paths(viewer, program):
    path = PathFactory()
    event = FailoverEventFactory(policy=FailoverPolicyFactory(members=[path]), to_path=path)
    other = FailoverEventFactory(to_path=PathFactory())
    event.policy.delete()
    other.policy.delete()
    client = program(viewer, site=path.uplink.vantage.site)
    (row,) = get(client, "events/").json()["results"]
    assert (row["event_id"], row["policy_id"]) == (event.pk, None)
    assert row["policy_name"] == event.policy_name
