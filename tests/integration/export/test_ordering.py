"""``POST policies/{id}/failover/`` and its like: carried out, on its way, or refused with why."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from export.api.views import ordering
from failover import orders
from failover.models import (
    FailoverPolicy,
    FailoverState,
    OperatorOrder,
    OrderKind,
    OrderStage,
)
from health.models import MonitorLease
from sdwan_site.models import ApiToken
from tests.factories import (
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    MonitorLeaseFactory,
    PathFactory,
    SiteFactory,
    UplinkFactory,
    VantageFactory,
)
from tests.unit.house.repository import ROOT

pytestmark = pytest.mark.django_db

KINDS = tuple(OrderKind.values)


class Desk:
    """A policy over two paths, and what stands in for its monitor: it closes orders as told."""

    def __init__(self) -> None:
        vantage = VantageFactory()
        self.lease: MonitorLease = MonitorLeaseFactory(vantage=vantage)
        self.paths = [PathFactory(uplink=UplinkFactory(vantage=vantage)) for _ in range(2)]
        self.policy: FailoverPolicy = FailoverPolicyFactory(name="Internet", members=self.paths)
        FailoverStateFactory(policy=self.policy, active_path=self.paths[0], generation=4)
        self.stage: OrderStage | None = OrderStage.DONE
        self.detail = ""

    def address(self, kind: str) -> str:
        return f"/api/v1/policies/{self.policy.pk}/{kind}/"

    def close(self, order: OperatorOrder, *, patience_secs: float) -> OperatorOrder:
        if self.stage is None:
            return order
        order.stage, order.detail, order.ended_at = self.stage, self.detail, timezone.now()
        if self.stage == OrderStage.DONE and order.event is None:
            order.event = FailoverEventFactory(
                policy=self.policy, event_type="paused", direction="", generation=5
            )
            FailoverState.objects.update(generation=5)
        order.save()
        return order

    def send(self, client: Client, kind: str = "failover", **body: Any) -> Any:
        body = {"reason": "line work", **body}
        if kind == "pin":
            body.setdefault("path", self.paths[1].pk)
        return client.post(self.address(kind), body, content_type="application/json")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()
    monkeypatch.setattr(orders, "wait_for", made.close)
    return made


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == status
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_carried_out_is_answered_with_its_event_and_the_new_state(
    desk: Desk, operator_client: Client, kind: str
) -> None:
    answer = desk.send(operator_client, kind, expected_generation=4)
    assert answer.status_code == 200, answer.content
    result = answer.json()
    assert (result["kind"], result["stage"], result["actor"]) == (kind, "done", "operator")
    assert result["event"]["generation"] == result["policy_state"]["generation"] == 5
    assert result["url"] == answer["Location"]
    assert operator_client.get(answer["Location"]).json() == result


def test_every_field_is_in_the_schema_and_the_other_way_round(
    desk: Desk, operator_client: Client
) -> None:
    result = desk.send(operator_client).json()
    schemas = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())["components"]["schemas"]
    assert result.keys() == schemas["OrderResult"]["properties"].keys()
    assert result["event"].keys() == schemas["Event"]["properties"].keys()
    assert result["policy_state"].keys() == schemas["PolicyState"]["properties"].keys()


def test_what_was_asked_for_is_what_is_ordered(desk: Desk, operator_client: Client) -> None:
    path = desk.paths[1].pk
    desk.send(operator_client, "pin", path=path, expires_in=None, unless_dead=False)
    order = OperatorOrder.objects.get()
    assert (order.path_id, order.lasts_secs, order.unless_dead) == (path, None, False)
    assert order.person is not None


def test_a_pin_holds_for_an_hour_and_not_for_the_dead_unless_it_is_said(
    desk: Desk, operator_client: Client
) -> None:
    desk.send(operator_client, "pin")
    order = OperatorOrder.objects.get()
    assert (order.lasts_secs, order.unless_dead) == (3600, True)


def test_what_the_monitor_has_not_taken_yet_is_202_with_its_address(
    desk: Desk, operator_client: Client
) -> None:
    desk.stage = None
    answer = desk.send(operator_client)
    assert answer.status_code == 202
    assert answer["Retry-After"] == "1"
    assert answer.json()["event"] is None
    later = operator_client.get(answer["Location"])
    assert (later.status_code, later.json()["stage"]) == (200, "queued")


def test_what_the_rules_refuse_is_409_with_their_sentence(
    desk: Desk, operator_client: Client
) -> None:
    desk.stage, desk.detail = OrderStage.REFUSED, "lte does not answer."
    assert problem(desk.send(operator_client), 409)["detail"] == "lte does not answer."
    order = OperatorOrder.objects.get()
    address = f"{desk.address('orders')}{order.uid}/"
    assert operator_client.get(address).json()["stage"] == "refused"


def test_a_stale_generation_is_409_and_nothing_is_written(
    desk: Desk, operator_client: Client
) -> None:
    detail = problem(desk.send(operator_client, expected_generation=3), 409)["detail"]
    assert "at generation 4, the order is for 3" in detail
    assert not OperatorOrder.objects.exists()


def test_the_same_request_twice_is_carried_out_once(desk: Desk, operator_client: Client) -> None:
    first = desk.send(operator_client, expected_generation=4).json()
    second = desk.send(operator_client, expected_generation=4)
    assert second.status_code == 200
    assert second.json()["order_id"] == first["order_id"]
    assert OperatorOrder.objects.count() == 1


def test_an_order_while_another_is_on_its_way_is_409(desk: Desk, operator_client: Client) -> None:
    desk.stage = None
    desk.send(operator_client)
    assert "already" in problem(desk.send(operator_client, "pause"), 409)["detail"]


def test_without_a_monitor_it_is_503_and_says_that_nothing_moved(
    desk: Desk, operator_client: Client
) -> None:
    desk.lease.delete()
    detail = problem(desk.send(operator_client), 503)["detail"]
    assert "nothing was done and traffic stays where it is" in detail


def test_an_order_that_expired_while_it_was_waited_for_is_503(
    desk: Desk, operator_client: Client
) -> None:
    desk.stage, desk.detail = OrderStage.EXPIRED, "nothing was done"
    assert problem(desk.send(operator_client), 503)["detail"] == "nothing was done"


def test_too_many_orders_are_429_with_the_time_to_wait(desk: Desk, operator_client: Client) -> None:
    for _ in range(30):
        assert desk.send(operator_client).status_code == 200
    answer = desk.send(operator_client)
    assert "30 orders a minute" in problem(answer, 429)["detail"]
    assert 0 < int(answer["Retry-After"]) <= 61


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("failover", "reason", ""),
        ("failover", "reason", " \t"),
        ("failover", "reason", None),
        ("failover", "reason", 7),
        ("failover", "reason", "x" * 201),
        ("failover", "path", "2"),
        ("failover", "path", True),
        ("failover", "path", 2**63),
        ("failover", "expected_generation", -1),
        ("failover", "expected_generation", 1.0),
        ("failover", "expires_in", 60),
        ("failback", "path", 1),
        ("pin", "path", None),
        ("pin", "expires_in", 59),
        ("pin", "expires_in", 2_592_001),
        ("pin", "unless_dead", "yes"),
        ("pause", "unless_dead", True),
        ("pause", "expires_in", "1h"),
        ("resume", "because", "x"),
    ],
)
def test_a_value_that_makes_no_sense_is_400_and_names_the_field(
    desk: Desk, operator_client: Client, kind: str, field: str, value: object
) -> None:
    errors = problem(desk.send(operator_client, kind, **{field: value}), 400)["errors"]
    assert list(errors) == [field]
    assert not OperatorOrder.objects.exists()


def test_a_path_that_is_no_member_is_400_and_names_the_members(
    desk: Desk, operator_client: Client
) -> None:
    errors = problem(desk.send(operator_client, path=PathFactory().pk), 400)["errors"]
    assert desk.paths[1].name in errors["path"][0]


@pytest.mark.parametrize("body", ["", "[]", "7"])
def test_a_body_that_is_no_object_is_400(desk: Desk, operator_client: Client, body: str) -> None:
    answer = operator_client.post(desk.address("failback"), body, content_type="application/json")
    problem(answer, 400)


@pytest.mark.parametrize("kind", KINDS)
def test_a_viewer_may_not_order_but_may_read_what_came_of_it(
    desk: Desk, viewer_client: Client, operator_client: Client, kind: str
) -> None:
    problem(desk.send(viewer_client, kind), 403)
    address = desk.send(operator_client, kind)["Location"]
    assert viewer_client.get(address).status_code == 200


@pytest.fixture
def program(operator: Any) -> Callable[..., Client]:
    """A program with a token of the operator."""

    def make(**more: Any) -> Client:
        expiry = timedelta(days=1)
        _, token = ApiToken.objects.create(user=operator, expiry=expiry, name="script", **more)
        return Client(headers={"Authorization": f"Token {token}"})

    return make


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("operate", 200), ("admin", 200)])
def test_a_token_needs_the_scope_operate(
    desk: Desk, program: Callable[..., Client], scope: str, status: int
) -> None:
    assert desk.send(program(scope=scope)).status_code == status


def test_a_token_of_another_site_does_not_see_the_policy(
    desk: Desk, program: Callable[..., Client]
) -> None:
    client = program(scope="operate", site=SiteFactory())
    problem(desk.send(client), 404)
    order = OperatorOrder.objects.create(
        policy=desk.policy, kind="pause", reason="x", asked_at=timezone.now(),
        expires_at=timezone.now(),
    )  # fmt: skip
    problem(client.get(f"{desk.address('orders')}{order.uid}/"), 404)


def test_an_order_that_is_not_there_is_404(desk: Desk, operator_client: Client) -> None:
    problem(operator_client.get(f"{desk.address('orders')}{uuid.uuid4()}/"), 404)


def test_the_session_of_a_browser_needs_its_csrf_token(desk: Desk, operator_client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator_client.cookies
    assert "CSRF" in problem(desk.send(strict), 403)["detail"]


def test_ordering_waits_three_seconds_at_most() -> None:
    assert ordering.WAIT_SECS <= 3.0
