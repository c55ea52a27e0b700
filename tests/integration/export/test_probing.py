"""``POST paths/{id}/probe/``: measured, under way, or refused with what helps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.test import Client

from export.api.views import probing
from health.models import ProbeOrder
from health.probers.base import ProberPermissionError
from sdwan_site.models import ApiToken
from tests.factories import SiteFactory
from tests.integration.health.orders import ScriptedNetwork, network
from tests.unit.house.repository import ROOT

__all__ = ["network"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WAIT_SECS", 0.0)


def order(client: Client, network: ScriptedNetwork, **body: Any) -> Any:
    address = f"/api/v1/paths/{network.path.pk}/probe/"
    return client.post(address, body, content_type="application/json")


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    return found


def test_the_answer_has_the_figures_of_each_target(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    answer = order(operator_client, network, count=2)
    assert answer.status_code == 200
    result = answer.json()
    assert (result["state"], result["reachable"], result["count"]) == ("done", True, 2)
    assert (result["sent"], result["received"], result["packet_loss_pct"]) == (4, 4, 0)
    assert [len(one["probes"]) for one in result["targets"]] == [2, 2]
    assert result["url"] == answer["Location"]
    assert operator_client.get(answer["Location"]).json() == result


def test_three_probes_are_sent_unless_another_number_is_given(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    address = f"/api/v1/paths/{network.path.pk}/probe/"
    assert operator_client.generic("POST", address).json()["count"] == 3


def test_every_field_is_in_the_schema_and_the_other_way_round(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    result = order(operator_client, network).json()
    schemas = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["components"]["schemas"]
    assert result.keys() == schemas["ProbeResult"]["properties"].keys()
    target = result["targets"][0]
    assert target.keys() == schemas["ProbeTarget"]["properties"].keys()
    assert target["probes"][0].keys() == schemas["ProbeAttempt"]["properties"].keys()


def test_what_takes_longer_is_202_with_the_address_of_the_result(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    network.serve_at_once = False
    answer = order(operator_client, network)
    assert answer.status_code == 202
    assert answer["Retry-After"] == "1"
    assert answer.json().keys() >= {"kind", "targets", "latency_ms"}
    result = operator_client.get(answer["Location"])
    assert (result.status_code, result.json()["state"]) == (200, "queued")


@pytest.mark.parametrize("count", [0, 11, -1, 1.5, "3", True, None, [3]])
def test_a_count_that_makes_no_sense_is_400(
    network: ScriptedNetwork, operator_client: Client, count: object
) -> None:
    assert "count" in problem(order(operator_client, network, count=count), 400)["errors"]
    assert network.queued == []


def test_a_field_that_is_not_known_is_400(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    errors = problem(order(operator_client, network, counts=3), 400)["errors"]
    assert errors == {"counts": ["counts is not a field here; known are: count."]}


def test_a_path_without_targets_is_409(network: ScriptedNetwork, operator_client: Client) -> None:
    network.path.targets.all().delete()
    assert "add one" in problem(order(operator_client, network), 409)["detail"]


def test_a_path_that_is_being_probed_is_409(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    network.serve_at_once = False
    order(operator_client, network)
    assert "already" in problem(order(operator_client, network), 409)["detail"]


def test_a_probe_host_that_nobody_serves_is_503_with_the_cure(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    network.lease.delete()
    assert "manage.py cluster --name" in problem(order(operator_client, network), 503)["detail"]


def test_a_probe_host_that_may_not_probe_is_503_with_the_cure(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    def forbidden() -> None:
        raise ProberPermissionError("Not permitted. Cure: setcap")

    network.made = forbidden
    assert problem(order(operator_client, network), 503)["detail"] == "Not permitted. Cure: setcap"


def test_too_many_orders_are_429_with_the_time_to_wait(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    done = order(operator_client, network).json()
    row = ProbeOrder.objects.get(uid=done["probe_id"])
    for _ in range(29):
        row.pk, row.uid = None, None
        row.uid = ProbeOrder._meta.get_field("uid").default()
        row.save()
    answer = order(operator_client, network)
    assert "30 measurements a minute" in problem(answer, 429)["detail"]
    assert 0 < int(answer["Retry-After"]) <= 61


def test_an_order_of_another_path_or_none_is_404(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    done = order(operator_client, network).json()
    for address in (
        f"/api/v1/paths/{network.path.pk}/probe/00000000-0000-0000-0000-000000000000/",
        f"/api/v1/paths/{network.path.pk + 1}/probe/{done['probe_id']}/",
    ):
        problem(operator_client.get(address), 404)


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("operate", 200), ("admin", 200)])
def test_a_token_needs_the_scope_operate(
    network: ScriptedNetwork, operator, scope: str, status: int
) -> None:
    _, token = ApiToken.objects.create(
        user=operator, expiry=timedelta(days=1), name="script", scope=scope
    )
    answer = Client().post(
        f"/api/v1/paths/{network.path.pk}/probe/",
        content_type="application/json",
        headers={"Authorization": f"Token {token}"},
    )
    assert answer.status_code == status, answer.content


def test_a_token_of_another_site_does_not_see_the_path(network: ScriptedNetwork, operator) -> None:
    _, token = ApiToken.objects.create(
        user=operator, expiry=timedelta(days=1), name="script", scope="operate", site=SiteFactory()
    )
    answer = Client().post(
        f"/api/v1/paths/{network.path.pk}/probe/",
        content_type="application/json",
        headers={"Authorization": f"Token {token}"},
    )
    problem(answer, 404)


def test_a_viewer_may_read_the_result_but_not_order(
    network: ScriptedNetwork, operator_client: Client, viewer_client: Client
) -> None:
    address = order(operator_client, network)["Location"]
    assert viewer_client.get(address).status_code == 200
    problem(order(viewer_client, network), 403)
