"""docs/api.md: its examples work as they are written, and no route is missing."""

from __future__ import annotations

import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.test import Client

from failover.models.events import EventType
from sdwan_site.models import ApiToken
from tests.factories import FailoverEventFactory, FailoverPolicyFactory, measured_path

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "api.md").read_text("utf-8")
EXAMPLES = re.findall(r"^curl .*$", TEXT, re.MULTILINE)


@pytest.fixture
def numbered():
    """The ids that stand for the 1 of the examples."""
    path = measured_path("fibre")
    policy = FailoverPolicyFactory(members=[path])
    event = FailoverEventFactory(policy=policy)
    return {
        "sites": path.uplink.vantage.site_id,
        "uplinks": path.uplink_id,
        "paths": path.pk,
        "policies": policy.pk,
        "events": event.pk,
    }


def as_request(example: str, token: str, numbers: dict[str, int]) -> tuple[str, dict[str, str]]:
    """The address and headers that curl would send, with the ids of the test's rows."""
    command = example.split("  # ")[0]
    command = command.replace("$TOKEN", token).replace("$PATHWARDEN", "")
    program, *words = shlex.split(command)
    assert program == "curl"
    headers = {}
    while words[0] == "-H":
        name, value = words[1].split(": ", 1)
        headers[name] = value
        words = words[2:]
    (address,) = words
    renumbered = re.sub(r"/(\w+)/1/", lambda match: f"/{match[1]}/{numbers[match[1]]}/", address)
    return renumbered, headers


@pytest.mark.django_db
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_answers_as_the_document_says(example, viewer, numbered):
    _, token = ApiToken.objects.create(user=viewer, expiry=timedelta(days=1), name="document")
    address, headers = as_request(example, token, numbered)
    expected = int(example.split("  # ")[1]) if "  # " in example else 200
    assert Client().get(address, headers=headers).status_code == expected


def test_every_route_has_an_example_and_a_row():
    routes = yaml.safe_load((DOCS / "openapi.yaml").read_text("utf-8"))["paths"]
    tried = {re.sub(r"/1/", "/{id}/", re.search(r"/api/v1/[^?\"]*", one)[0]) for one in EXAMPLES}
    assert tried == set(routes)
    for route in routes:
        assert f"`{route.removeprefix('/api/v1/')}`" in TEXT


def test_every_type_of_event_is_named():
    assert [kind for kind in EventType.values if f"`{kind}`" not in TEXT] == []


def test_the_fields_in_the_tables_are_those_of_the_schema():
    schemas = yaml.safe_load((DOCS / "openapi.yaml").read_text("utf-8"))["components"]["schemas"]
    lines = TEXT.splitlines()
    for route, name in (
        ("health/stats/", "HealthStats"),
        ("health/snapshot/", "PathLine"),
        ("failover/snapshot/", "PolicyLine"),
        ("policies/{id}/state/", "PolicyState"),
    ):
        (row,) = [line for line in lines if line.startswith(f"| `{route}` |")]
        listed = set(re.findall(r"\w+", row.rsplit("`", 2)[1] if "[]`:" in row else row))
        fields = set(schemas[name]["properties"])
        assert fields <= listed, (route, fields - listed)
