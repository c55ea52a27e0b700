"""docs/api.md: its examples work as they are written, and no route is missing."""

from __future__ import annotations

import argparse
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from export.api.views import ordering, probing
from failover.models import OperatorOrder
from failover.models.events import EventType
from health.models import ProbeOrder
from sdwan_site.models import ApiToken
from tests.factories import (
    FailoverEventFactory,
    FailoverPolicyFactory,
    HealthSampleFactory,
    MonitorLeaseFactory,
    PathFactory,
    UplinkFactory,
    measured_path,
)

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "api.md").read_text("utf-8")
EXAMPLES = re.findall(r"^curl .*$", TEXT, re.MULTILINE)


@pytest.fixture
def numbered():
    """The ids that stand for the 1 of the examples."""
    path = measured_path("fibre")
    MonitorLeaseFactory(vantage=path.uplink.vantage)
    backup = PathFactory(uplink=UplinkFactory(vantage=path.uplink.vantage))
    policy = FailoverPolicyFactory(members=[path, backup])
    for one in (path, backup):
        HealthSampleFactory(path=one)
    done = ProbeOrder.objects.create(path=path, actor="x", count=3, state="done", asked_at=4e9)
    now = timezone.now()
    # Both under the uid that stands in the examples.
    OperatorOrder.objects.create(
        uid=done.uid, policy=policy, kind="pause", reason="x", stage="done",
        asked_at=now, expires_at=now,
    )  # fmt: skip
    event = FailoverEventFactory(policy=policy)
    return {
        "sites": path.uplink.vantage.site_id,
        "uplinks": path.uplink_id,
        "paths": path.pk,
        "policies": policy.pk,
        "events": event.pk,
        "probe": str(done.uid),
    }


def answer_to(example: str, token: str, numbers: dict[str, Any]) -> Any:
    """What is answered to the request that curl would send, with the ids of the test's rows."""
    command = example.split("  # ")[0]
    command = command.replace("$TOKEN", token).replace("$PATHWARDEN", "")
    program, *words = shlex.split(command)
    assert program == "curl"
    parser = argparse.ArgumentParser()
    parser.add_argument("-X", default="GET")
    parser.add_argument("-H", action="append")
    parser.add_argument("-d", default="")
    parser.add_argument("address")
    asked = parser.parse_args(words)
    address = re.sub(r"/(\w+)/1/", lambda match: f"/{match[1]}/{numbers[match[1]]}/", asked.address)
    address = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", numbers["probe"], address)
    body = asked.d.replace('"path": 1', f'"path": {numbers["paths"]}')
    headers = dict(one.split(": ", 1) for one in asked.H)
    kind = headers.pop("Content-Type", "application/octet-stream")
    return Client().generic(asked.X, address, body, kind, headers=headers)


@pytest.mark.django_db
@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_answers_as_the_document_says(example, operator, numbered, monkeypatch):
    for module in (probing, ordering):  # no worker runs here: an order stays an order
        monkeypatch.setattr(module, "WAIT_SECS", 0.0)
    scope = "operate" if "-X POST" in example else "read"
    _, token = ApiToken.objects.create(
        user=operator, expiry=timedelta(days=1), name="document", scope=scope
    )
    usual = 202 if scope == "operate" else 200
    expected = int(example.split("  # ")[1]) if "  # " in example else usual
    answer = answer_to(example, token, numbered)
    assert answer.status_code == expected, answer.content


def test_every_route_has_an_example_and_a_row():
    routes = yaml.safe_load((DOCS / "openapi.yaml").read_text("utf-8"))["paths"]
    found = {re.sub(r"/1/", "/{id}/", re.search(r"/api/v1/[^?\" ]*", one)[0]) for one in EXAMPLES}
    tried = {
        re.sub(r"/(probe|order)(s?)/[0-9a-f]{8}-[0-9a-f-]{27}/", r"/\1\2/{\1_id}/", one)
        for one in found
    }
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
        ("policies/{id}/orders/{order_id}/", "OrderResult"),
        ("paths/{id}/probe/{probe_id}/", "ProbeResult"),
    ):
        (row,) = [line for line in lines if line.startswith(f"| `{route}` |")]
        listed = set(re.findall(r"\w+", row.rsplit("`", 2)[1] if "[]`:" in row else row))
        fields = set(schemas[name]["properties"])
        assert fields <= listed, (route, fields - listed)
