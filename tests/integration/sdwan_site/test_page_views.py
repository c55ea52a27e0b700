"""What every page must keep to: the content policy, the query budget, its weight, its words."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from failover.models import FailoverPolicy
from health.models import Path
from tests.factories import (
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    MonitorLeaseFactory,
    StatusChangeFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db

PAGES = ("/", "/paths/", "/paths/{path}/", "/policies/", "/policies/{policy}/", "/events/")
ADMIN_PAGES = (
    "/admin/",
    "/admin/health/path/",
    "/admin/health/path/add/",
    "/admin/health/path/{path}/change/",
    "/admin/health/path/{path}/delete/",
    "/admin/failover/failoverpolicy/",
    "/admin/failover/failoverpolicy/{policy}/change/",
    "/admin/failover/failoverevent/",
    "/admin/health/healthsample/",
    "/admin/sdwan_site/user/",
    "/admin/sdwan_site/user/add/",
    "/admin/sdwan_site/apitoken/add/",
)
MAX_QUERIES = 12
MAX_OVERVIEW_BYTES = 150_000


def make_network(paths: int) -> tuple[Path, FailoverPolicy]:
    """A monitored network with one policy over the first two paths, which has switched once."""
    made = [measured_path(f"Path {n:04d}") for n in range(paths)]
    policy = FailoverPolicyFactory(name="Voice", members=made[:2])
    FailoverStateFactory(policy=policy, active_path=made[1], generation=1)
    FailoverEventFactory(policy=policy, from_path_name="Path 0000", to_path_name="Path 0001")
    StatusChangeFactory(path=made[0])
    MonitorLeaseFactory(vantage=made[0].uplink.vantage)
    return made[0], policy


def address(page: str, path: Path, policy: FailoverPolicy) -> str:
    """The address of a real row."""
    return page.format(path=path.pk, policy=policy.pk)


class _Offences(HTMLParser):
    """Collects whatever the content policy would stop."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inline = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "style" in values:
            self.found.append(f"<{tag} style=…>")
        self.found += [f"<{tag} {name}>" for name in values if name.startswith("on")]
        for name in ("src", "href", "action"):
            value = values.get(name) or ""
            if re.match(r"(?:[a-z]+:)?//", value):
                self.found.append(f"<{tag} {name}={value}>")
        is_data = values.get("type") == "application/json"
        if tag == "style" or (tag == "script" and "src" not in values and not is_data):
            self.found.append(f"inline <{tag}>")


def offences(html: str) -> list[str]:
    """Inline styles, inline scripts, event attributes and addresses elsewhere."""
    parser = _Offences()
    parser.feed(html)
    return parser.found


@pytest.mark.parametrize("page", [*PAGES, "/account/", *ADMIN_PAGES])
def test_no_page_carries_inline_code_or_loads_from_elsewhere(
    page: str, superuser_client: Client
) -> None:
    answer = superuser_client.get(address(page, *make_network(3)))
    assert answer.status_code == 200
    assert offences(answer.content.decode()) == []
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("page", ["/login/", "/nowhere/"])
def test_pages_without_a_session_keep_to_the_policy_too(
    page: str, anonymous_client: Client
) -> None:
    answer = anonymous_client.get(page, follow=True)
    assert offences(answer.content.decode()) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_costs_the_same_queries_for_any_number_of_paths(
    page: str, viewer_client: Client
) -> None:
    path, policy = make_network(3)
    url = address(page, path, policy)
    viewer_client.get(url)  # what is kept for a few seconds is kept now
    with CaptureQueriesContext(
        connection,
    ) as few:
        viewer_client.get(url)
    for n in range(20):
        measured_path(f"More {n}")
    with CaptureQueriesContext(connection) as many:
        viewer_client.get(url)
    assert len(many) <= MAX_QUERIES, "\n".join(query["sql"][:160] for query in many)
    assert len(many) == len(few)


@pytest.mark.parametrize(
    "page",
    [
        *PAGES,
        *(f"/paths/{{path}}/?range={key}" for key in ("15m", "1h", "6h", "24h")),
        *(f"/policies/{{policy}}/?range={key}" for key in ("15m", "24h")),
    ],
)
def test_the_first_reader_after_a_start_costs_no_more_than_twelve_queries(
    page: str, viewer_client: Client
) -> None:
    url = address(page, *make_network(5))
    cache.clear()
    with CaptureQueriesContext(connection) as queries:
        assert viewer_client.get(url).status_code == 200
    assert len(queries) <= MAX_QUERIES, "\n".join(query["sql"][:160] for query in queries)


def test_a_hundred_rows_stay_light_and_more_are_on_the_next_page(viewer_client: Client) -> None:
    make_network(101)
    first = viewer_client.get("/").content.decode()
    second = viewer_client.get("/?page=2").content.decode()
    assert first.count('class="path-row') == 100
    assert second.count('class="path-row') == 1
    assert "Page 1 of 2, 101 paths" in first
    assert len(first) < MAX_OVERVIEW_BYTES


@pytest.mark.parametrize("page", [*PAGES, "/account/"])
def test_every_page_has_one_heading_landmarks_and_a_skip_link(
    page: str, viewer_client: Client
) -> None:
    html = viewer_client.get(address(page, *make_network(2))).content.decode()
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert '<main id="content"' in html
    assert 'href="#content"' in html
    assert 'aria-label="Main"' in html
    assert 'aria-current="page"' in html


def test_a_stopped_engine_is_said_on_every_page(viewer_client: Client) -> None:
    path, policy = make_network(2)
    lease = path.uplink.vantage.lease
    lease.expires_at = lease.renewed_at = lease.renewed_at - 600
    lease.save()
    for page in (*PAGES, "/account/"):
        html = viewer_client.get(address(page, path, policy)).content.decode()
        assert 'role="alert"' in html, page
        assert "Data is stale since" in html, page
        assert "Probe engine silent" in html, page


def test_a_living_engine_raises_no_banner(viewer_client: Client) -> None:
    make_network(2)
    assert 'role="alert"' not in viewer_client.get("/").content.decode()


def test_configuration_is_offered_to_those_who_may_use_it(
    viewer_client: Client, admin_role_client: Client
) -> None:
    path, _ = make_network(2)
    edit = f"/admin/health/path/{path.pk}/change/?next="
    assert edit not in viewer_client.get(f"/paths/{path.pk}/").content.decode()
    assert edit in admin_role_client.get(f"/paths/{path.pk}/").content.decode()
    assert 'href="/admin/"' not in viewer_client.get("/").content.decode()


def test_healthz_says_ok_and_readyz_only_while_a_monitor_lives(anonymous_client: Client) -> None:
    assert anonymous_client.get("/healthz").content == b"ok\n"
    silent = anonymous_client.get("/readyz")
    assert (silent.status_code, silent.content) == (503, b"not ready\n")
    MonitorLeaseFactory()
    ready = anonymous_client.get("/readyz")
    assert (ready.status_code, ready.content) == (200, b"ready\n")


def test_a_page_that_is_not_there_says_so_in_the_consoles_look(viewer_client: Client) -> None:
    answer = viewer_client.get("/paths/999/")
    assert answer.status_code == 404
    assert "Nothing here" in answer.content.decode()


def test_an_outsider_is_told_that_a_role_is_missing(outsider_client: Client) -> None:
    answer = outsider_client.get("/")
    assert answer.status_code == 403
    assert "does not have the role" in answer.content.decode()
