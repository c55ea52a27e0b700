"""The button "Probe now": who sees it, what it shows, and what it says when nothing comes."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from health.console import views
from health.domain.measurement import Outcome
from health.engine.fakes import Behaviour
from health.models import ProbeOrder
from health.probers.base import ProberPermissionError
from tests.conftest import client_of
from tests.integration.health.orders import GATEWAY, ScriptedNetwork, network

__all__ = ["network"]
pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "PROBE_WAIT_SECS", 0.0)
    monkeypatch.setattr(views, "PAGE_WAIT_SECS", 0.0)


def press(client: Client, network: ScriptedNetwork) -> str:
    answer = client.post(f"/_/paths/{network.path.pk}/probe/", headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_button_is_there_for_those_who_may_probe(
    network: ScriptedNetwork, viewer_client: Client, operator_client: Client
) -> None:
    address = f"/paths/{network.path.pk}/"
    assert "Probe now" in operator_client.get(address).content.decode()
    assert "Probe now" not in viewer_client.get(address).content.decode()


def test_a_viewer_who_asks_all_the_same_is_refused(
    network: ScriptedNetwork, viewer_client: Client
) -> None:
    address = f"/_/paths/{network.path.pk}/probe/"
    assert viewer_client.post(address, headers=HTMX).status_code == 403
    assert network.queued == []


def test_the_answers_of_each_target_are_shown_where_the_button_is(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    network.behaviours[GATEWAY] = Behaviour(Outcome.REFUSED, 1.0, "Host Unreachable from 192.0.2.9")
    html = press(operator_client, network)
    assert "Reachable: 3 of 6 probes were answered. They count in no statistics." in html
    assert "Host Unreachable from 192.0.2.9" in html
    assert ">0 of 3<" in html
    assert ">3 of 3<" in html
    assert "hx-get" not in html
    assert ProbeOrder.objects.get().actor == "operator"


def test_a_measurement_under_way_is_asked_for_again_until_it_has_ended(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    network.serve_at_once = False
    html = press(operator_client, network)
    assert "Asking the probe host…" in html
    again = re.search(r'hx-get="([^"]+)"', html)
    assert again is not None
    order = ProbeOrder.objects.get()
    order.state = "expired"
    order.detail = "No worker took it: start manage.py cluster"
    order.save()
    html = operator_client.get(again[1], headers=HTMX).content.decode()
    assert "No worker took it: start manage.py cluster" in html
    assert "form-error" in html
    assert "hx-get" not in html


def test_a_second_press_says_that_the_first_is_under_way(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    network.serve_at_once = False
    press(operator_client, network)
    assert "fibre is being probed already" in press(operator_client, network)


def test_a_host_without_the_permission_shows_the_cure(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    def forbidden() -> None:
        raise ProberPermissionError("Not permitted. Cure: setcap cap_net_raw+ep /usr/bin/python3")

    network.made = forbidden
    html = press(operator_client, network)
    assert "Cure: setcap cap_net_raw+ep /usr/bin/python3" in html
    assert "form-error" in html


def test_a_dead_monitor_shows_what_to_start(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    network.lease.delete()
    assert "start `manage.py cluster --name" in press(operator_client, network)


def test_without_scripts_the_page_comes_back_with_the_result(
    network: ScriptedNetwork, operator_client: Client
) -> None:
    address = f"/_/paths/{network.path.pk}/probe/"
    page = operator_client.post(address, follow=True)
    assert page.redirect_chain == [
        (f"/paths/{network.path.pk}/?probe={ProbeOrder.objects.get().uid}", 302)
    ]
    assert "Reachable: 6 of 6 probes" in page.content.decode()


@pytest.mark.parametrize("text", ["", "x", "00000000-0000-0000-0000-000000000000"])
def test_an_order_that_is_not_there_is_not_shown(
    network: ScriptedNetwork, operator_client: Client, text: str
) -> None:
    answer = operator_client.get(f"/paths/{network.path.pk}/?probe={text}")
    assert answer.status_code == 200
    assert "were answered" not in answer.content.decode()


def test_the_form_is_protected_against_other_sites(network: ScriptedNetwork, operator) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client_of(operator).cookies
    assert strict.post(f"/_/paths/{network.path.pk}/probe/", headers=HTMX).status_code == 403
    page = strict.get(f"/paths/{network.path.pk}/").content.decode()
    form = page[page.index("/probe/") :]
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token is not None
    sent = {"csrfmiddlewaretoken": token[1]}
    answer = strict.post(f"/_/paths/{network.path.pk}/probe/", sent, headers=HTMX)
    assert answer.status_code == 200
