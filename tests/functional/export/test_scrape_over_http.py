"""A real scraper and a real program over a real socket: what curl and Prometheus would see."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from sdwan_site.models import ApiToken
from tests.factories import measured_path


def fetch(address: str, **headers: str) -> tuple[int, str, bytes]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


# A live server needs real commits, and the roles of the migrations must outlive them.
@pytest.mark.django_db(transaction=True)
def test_a_scraper_and_a_program_are_served_over_a_socket(live_server, viewer):
    path = measured_path("fibre", latency_ms=12.5)
    _, token = ApiToken.objects.create(user=viewer, expiry=timedelta(days=1), name="program")

    status, kind, body = fetch(f"{live_server.url}/metrics", Accept="application/openmetrics-text")
    assert status == 200
    assert kind.startswith("application/openmetrics-text")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    (sample,) = families["pathwarden_path_latency_seconds"].samples
    assert (sample.labels["path"], sample.value) == ("fibre", 0.0125)

    address = f"{live_server.url}/api/v1/paths/{path.pk}/health/"
    status, _, body = fetch(address, Authorization=f"Token {token}")
    assert (status, json.loads(body)["latency_ms"]) == (200, 12.5)

    status, kind, body = fetch(address)
    assert (status, kind) == (401, "application/problem+json")
    assert json.loads(body)["status"] == 401
