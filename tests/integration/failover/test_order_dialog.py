"""Ordering a policy about in the console: who sees the buttons, what a dialog says and does."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from failover import orders
from failover.console import order_views
from failover.models import (
    FailoverPolicy,
    FailoverState,
    OperatorOrder,
    OrderKind,
    OrderStage,
    PolicyMember,
)
from health.models import MonitorLease, Path
from tests.conftest import client_of
from tests.factories import (
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    MonitorLeaseFactory,
    PolicyRouteFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
KINDS = tuple(OrderKind.values)


class Desk:
    """A policy on its primary, with a healthy and a dead backup, and the console about it."""

    def __init__(self) -> None:
        self.fibre, self.cable = measured_path("Fibre"), measured_path("Cable")
        self.lte = measured_path("LTE", status="down", reachable=False, health_score=0.0)
        members = [self.fibre, self.cable, self.lte]
        Path.objects.update(uplink=self.fibre.uplink)
        self.lease: MonitorLease = MonitorLeaseFactory(vantage=self.fibre.uplink.vantage)
        self.policy: FailoverPolicy = FailoverPolicyFactory(name="Voice", members=members)
        PolicyRouteFactory(policy=self.policy, prefix="default")
        FailoverStateFactory(policy=self.policy, active_path=self.fibre, generation=3)
        self.judge(
            {self.cable: (None, "may take over"), self.lte: ("reachable", "does not answer")}
        )

    def judge(self, said: dict[Path, tuple[str | None, str]], **more: Any) -> None:
        candidates = [
            {"path_id": path.pk, "name": path.name, "gate": gate, "sentence": sentence}
            for path, (gate, sentence) in said.items()
        ]
        judgement = {"candidates": candidates, "countdowns": []}
        FailoverState.objects.update(judgement=judgement, **more)

    @property
    def page(self) -> str:
        return f"/policies/{self.policy.pk}/"

    def address(self, kind: str) -> str:
        return f"/_/policies/{self.policy.pk}/order/{kind}/"

    def dialog(self, client: Client, kind: str) -> str:
        answer = client.get(self.address(kind), headers=HTMX)
        assert answer.status_code == 200
        return html.unescape(answer.content.decode())

    def give(self, client: Client, kind: str, *, scripts: bool = True, **fields: Any) -> Any:
        fields = {"reason": "line work", "expected_generation": 3, **fields}
        if kind == "pin":
            fields = {"expires_in": "3600", "unless_dead": "on", "path": self.cable.pk, **fields}
        if kind == "failover":
            fields.setdefault("path", self.cable.pk)
        return client.post(self.address(kind), fields, headers=HTMX if scripts else {})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_views, "WAIT_SECS", 0.0)
    monkeypatch.setattr(order_views, "PAGE_WAIT_SECS", 0.0)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def buttons(client: Client, desk: Desk) -> list[str]:
    text = client.get(desk.page).content.decode()
    return re.findall(rf'href="/_/policies/{desk.policy.pk}/order/(\w+)/"', text)


def test_a_viewer_sees_no_button_and_opens_no_dialog(desk: Desk, viewer_client: Client) -> None:
    assert buttons(viewer_client, desk) == []
    for kind in KINDS:
        assert viewer_client.get(desk.address(kind), headers=HTMX).status_code == 403
        assert desk.give(viewer_client, kind).status_code == 403
    assert not OperatorOrder.objects.exists()


def test_on_the_primary_there_is_nothing_to_fail_back(desk: Desk, operator_client: Client) -> None:
    assert buttons(operator_client, desk) == ["pause", "pin", "failover"]
    FailoverState.objects.update(active_path=desk.cable)
    assert buttons(operator_client, desk) == ["pause", "pin", "failback", "failover"]


PIN = {"path_key": 0, "actor": "ann", "reason": "a call", "expires_at": None}


def test_a_pinned_or_paused_policy_offers_to_end_that(desk: Desk, operator_client: Client) -> None:
    FailoverState.objects.update(record={"pin": {**PIN, "path_key": desk.cable.pk}})
    assert buttons(operator_client, desk) == ["pause", "unpin", "pin"]
    assert "Pinned to Cable by ann: a call" in desk.dialog(operator_client, "unpin")
    assert "It replaces the pin on Cable by ann." in desk.dialog(operator_client, "pin")
    FailoverState.objects.update(record={"pause": {"actor": "bob", "reason": "work"}})
    assert buttons(operator_client, desk) == ["resume", "pin", "failover"]
    assert "It replaces the pause by bob." in desk.dialog(operator_client, "pause")


@pytest.mark.parametrize("change", [{"enabled": False}, {"mode": "observe"}])
def test_a_policy_that_moves_nothing_takes_no_moves(
    desk: Desk, operator_client: Client, change: dict[str, Any]
) -> None:
    FailoverPolicy.objects.update(**change)
    assert buttons(operator_client, desk) == ["pause"]


def test_the_buttons_follow_the_state_of_a_page_that_stays_open(
    desk: Desk, operator_client: Client
) -> None:
    live = f"/_/policies/{desk.policy.pk}/live/"
    assert "order/resume/" not in operator_client.get(live, headers=HTMX).content.decode()
    FailoverState.objects.update(record={"pause": {"actor": "bob", "reason": "work"}})
    assert "order/resume/" in operator_client.get(live, headers=HTMX).content.decode()


def test_the_choices_have_state_score_judgement_and_plan(
    desk: Desk, operator_client: Client
) -> None:
    text = desk.dialog(operator_client, "failover")
    assert "Fail over Voice?" in text
    assert re.search(rf'value="{desk.cable.pk}"\s+checked', text)
    assert "may take over" in text
    assert re.search(rf'value="{desk.lte.pk}"\s+disabled', text)
    assert "cannot take over: does not answer" in text
    assert f'value="{desk.fibre.pk}"' not in text
    assert "ip -4 route replace default" in text
    assert "A better path gets it back after 1 min of health" in text
    assert "no route is changed" in text


def test_a_target_that_the_rules_would_leave_again_is_shown_with_a_warning(
    desk: Desk, operator_client: Client
) -> None:
    desk.judge(
        {
            desk.cable: ("score", "score 41.0 is below the threshold 50"),
            desk.lte: ("known", "no data"),
        }
    )
    text = desk.dialog(operator_client, "failover")
    assert "score 41.0 is below the threshold 50: the rules may move the traffic away" in text
    assert re.search(rf'value="{desk.cable.pk}"\s+checked', text)
    assert "cannot take over: no data" in text


def test_a_pin_may_go_where_the_traffic_is_and_past_maintenance(
    desk: Desk, operator_client: Client
) -> None:
    desk.judge({desk.cable: ("not_in_maintenance", "in maintenance")})
    pin, move = desk.dialog(operator_client, "pin"), desk.dialog(operator_client, "failover")
    assert re.search(rf'value="{desk.fibre.pk}"\s+checked', pin)
    assert re.search(rf'value="{desk.cable.pk}"\s+>', pin)
    assert re.search(rf'value="{desk.cable.pk}"\s+disabled', move)


def test_a_failback_shows_the_primary_alone(desk: Desk, operator_client: Client) -> None:
    FailoverState.objects.update(active_path=desk.cable)
    text = desk.dialog(operator_client, "failback")
    assert "The traffic returns to Fibre at once" in text
    assert 'type="radio"' not in text
    assert "LTE" not in text


def test_a_pause_says_what_it_costs(desk: Desk, operator_client: Client) -> None:
    assert "not even when Fibre dies" in desk.dialog(operator_client, "pause")


def test_what_no_order_is_is_not_found(desk: Desk, operator_client: Client) -> None:
    assert operator_client.get(desk.address("explode")).status_code == 404
    assert operator_client.get("/_/policies/999999/order/pause/").status_code == 404
    assert operator_client.post("/_/policies/999999/order/pause/").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_is_written_as_it_was_filled_in_and_asked_for_until_it_has_ended(
    desk: Desk, operator_client: Client, kind: str
) -> None:
    text = desk.give(operator_client, kind).content.decode()
    order = OperatorOrder.objects.get()
    assert (order.kind, order.reason, order.actor) == (kind, "line work", "operator")
    assert order.expected_generation == 3
    again = re.search(r'hx-get="([^"]+)"', text)
    assert again is not None
    order.stage, order.ended_at = OrderStage.DONE, timezone.now()
    order.event = FailoverEventFactory(policy=desk.policy, direction="", event_type="paused")
    order.save()
    text = operator_client.get(again[1], headers=HTMX).content.decode()
    assert "hx-get" not in text
    assert 'data-ordered="done"' in text
    assert order.event.reason in text


def test_a_pin_keeps_its_time_and_what_if_the_path_dies(
    desk: Desk, operator_client: Client
) -> None:
    desk.give(operator_client, "pin", expires_in="", unless_dead="")
    order = OperatorOrder.objects.get()
    assert (order.path_id, order.lasts_secs, order.unless_dead) == (desk.cable.pk, None, False)


def test_a_switch_that_was_ordered_is_told_with_both_paths(
    desk: Desk, operator_client: Client
) -> None:
    desk.give(operator_client, "failover")
    order = OperatorOrder.objects.get()
    order.event = FailoverEventFactory(
        policy=desk.policy, generation=4, from_path_name="Fibre", to_path_name="Cable"
    )
    order.stage = OrderStage.DONE
    order.save()
    address = f"/_/policies/{desk.policy.pk}/orders/{order.uid}/"
    text = operator_client.get(address, headers=HTMX).content.decode()
    assert "The traffic moves from Fibre to Cable, generation 4." in text


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("failback", {"reason": " "}, "Say why"),
        ("pin", {"path": ""}, "Choose the path"),
        ("failover", {"path": "999999"}, "is no member of Voice"),
        ("pause", {"expires_in": "7"}, "not one of the available choices"),
        ("pause", {"expected_generation": "2"}, "has switched since"),
    ],
)
def test_what_is_wrong_is_said_in_the_dialog(
    desk: Desk, operator_client: Client, kind: str, fields: dict[str, Any], said: str
) -> None:
    text = html.unescape(desk.give(operator_client, kind, **fields).content.decode())
    assert said in text
    assert "<form" in text
    assert 'name="expected_generation"\n           value="3"' in text
    assert not OperatorOrder.objects.exists()


def test_what_was_filled_in_is_still_there_after_a_mistake(
    desk: Desk, operator_client: Client
) -> None:
    answer = desk.give(operator_client, "pin", reason="", expires_in="86400", path=desk.fibre.pk)
    text = answer.content.decode()
    assert re.search(rf'value="{desk.fibre.pk}"\s+checked', text)
    assert '<option value="86400" selected>' in text


def test_without_a_monitor_the_dialog_says_what_to_start(
    desk: Desk, operator_client: Client
) -> None:
    desk.lease.delete()
    text = html.unescape(desk.give(operator_client, "failover").content.decode())
    assert "nothing was done and traffic stays where it is: start `manage.py cluster" in text
    assert 'role="alert"' in text


@pytest.mark.parametrize("stage", [OrderStage.REFUSED, OrderStage.EXPIRED])
def test_what_came_to_nothing_says_why_and_offers_another_look(
    desk: Desk, operator_client: Client, stage: OrderStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close(order: OperatorOrder, *, patience_secs: float) -> OperatorOrder:
        order.stage, order.detail = stage, "Cable does not answer."
        order.save()
        return order

    monkeypatch.setattr(orders, "wait_for", close)
    text = desk.give(operator_client, "failover").content.decode()
    assert "Cable does not answer." in text
    assert f'hx-get="{desk.address("failover")}"' in text


def test_without_scripts_the_dialog_and_its_outcome_stand_in_the_page(
    desk: Desk, operator_client: Client
) -> None:
    text = operator_client.get(desk.address("failover")).content.decode()
    assert re.search(r'<dialog id="order"[^>]*\bopen>', text)
    assert "Score and thresholds" in text
    wrong = desk.give(operator_client, "failover", scripts=False, reason="").content.decode()
    assert "Say why" in wrong
    assert "Score and thresholds" in wrong
    answer = desk.give(operator_client, "failover", scripts=False)
    order = OperatorOrder.objects.get()
    assert answer["Location"] == f"/_/policies/{desk.policy.pk}/orders/{order.uid}/"
    assert "line work" in operator_client.get(answer["Location"]).content.decode()


def test_an_order_that_is_not_there_leads_to_the_page(desk: Desk, operator_client: Client) -> None:
    address = f"/_/policies/{desk.policy.pk}/orders/00000000-0000-0000-0000-000000000000/"
    assert operator_client.get(address)["Location"] == desk.page
    assert operator_client.get(address, headers=HTMX).status_code == 404


def test_the_form_is_protected_against_other_sites(desk: Desk, operator: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client_of(operator).cookies
    assert desk.give(strict, "pause").status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', desk.dialog(strict, "pause"))
    assert token is not None
    answer = desk.give(strict, "pause", csrfmiddlewaretoken=token[1], expires_in="3600")
    assert answer.status_code == 200
    assert OperatorOrder.objects.get().asked_at.timestamp() <= time.time()


def test_a_dialog_costs_the_same_for_any_number_of_paths(
    desk: Desk, operator_client: Client
) -> None:
    counts = []
    for position in (3, 4):
        more = measured_path(f"Spare {position}")
        Path.objects.filter(pk=more.pk).update(uplink=desk.fibre.uplink)
        PolicyMember.objects.create(policy=desk.policy, path=more, position=position)
        with CaptureQueriesContext(connection) as queries:
            desk.dialog(operator_client, "failover")
        counts.append(len(queries))
    assert counts[0] == counts[1]
