"""Errors are problems in JSON, wherever they come from; the docs page keeps the content policy."""

from __future__ import annotations

import logging
import re

import pytest
from django.test import Client
from django.utils.translation import gettext_lazy

from export.api.renderers import OrjsonRenderer
from export.api.views.inventory import SiteViewSet

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize(
    "route", ["", "nowhere/", "paths/x/", "paths/1/nothing/", "events", "paths/%0A/"]
)
def test_an_address_that_is_no_route_is_a_problem_in_json(anonymous_client, route, method):
    answer = getattr(anonymous_client, method)(f"/api/v1/{route}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "about:blank"
    assert (problem["title"], problem["status"]) == ("Not Found", 404)


def test_a_forgotten_slash_is_pointed_out(anonymous_client):
    assert "try /api/v1/paths/" in anonymous_client.get("/api/v1/paths").json()["detail"]


@pytest.mark.parametrize("number", ["999", "0", "9" * 30])
def test_a_row_that_is_not_there_is_not_found(viewer_client, number):
    answer = viewer_client.get(f"/api/v1/paths/{number}/")
    assert answer.status_code == 404
    assert "check the address and the id" in answer.json()["detail"]


def test_a_program_that_wants_no_json_is_told_so_in_json(viewer_client):
    answer = viewer_client.get("/api/v1/sites/", headers={"accept": "text/csv"})
    assert answer.status_code == 406
    assert answer["Content-Type"] == "application/problem+json"


def test_an_unexpected_error_is_a_problem_without_details_and_is_logged_with_them(
    viewer, monkeypatch, caplog
):
    def fail(view: object) -> None:
        raise RuntimeError("the secret cause")

    monkeypatch.setattr(SiteViewSet, "get_queryset", fail)
    client = Client(raise_request_exception=False)
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v1/sites/")
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.content.decode()
    assert any(record.exc_info and "/api/v1/sites/" in record.message for record in caplog.records)


def test_what_has_no_form_in_json_fails_loudly_instead_of_being_guessed():
    with pytest.raises(TypeError, match="not JSON serializable"):
        OrjsonRenderer().render({"x": object()})


def test_a_translatable_text_and_an_absent_body_have_a_form_in_json():
    assert OrjsonRenderer().render({"x": gettext_lazy("No")}) == b'{"x":"No"}'
    assert OrjsonRenderer().render(None) == b""


def test_the_docs_page_has_nothing_inline_and_loads_from_here_only(viewer_client):
    answer = viewer_client.get("/api/v1/docs/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "<style" not in page
    assert "style=" not in page
    assert re.search(r"<script(?![^>]*\bsrc=)", page) is None
    assert re.findall(r'(?:src|href)="(?!/)', page) == []
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_the_docs_pages_script_reads_the_schema_of_this_host(viewer_client):
    answer = viewer_client.get("/api/v1/docs/?script=")
    assert answer["Content-Type"].startswith("application/javascript")
    assert 'url: "/api/v1/schema/"' in answer.content.decode()


def test_a_visitor_of_the_docs_page_is_sent_to_the_login(anonymous_client):
    answer = anonymous_client.get("/api/v1/docs/")
    assert answer.status_code == 302
    assert "next=/api/v1/docs/" in answer["Location"]
