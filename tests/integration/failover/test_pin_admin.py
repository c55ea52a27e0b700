"""Pins in the admin: an order to the monitor, never a row written by the web process."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import timezone

from failover.admin import pins
from failover.models import FailoverPolicy, OperatorOrder, Override
from tests.conftest import client_of, make_person
from tests.factories import (
    FailoverPolicyFactory,
    MonitorLeaseFactory,
    OverrideFactory,
    PathFactory,
    UplinkFactory,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/failover/override/"


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "PATIENCE_SECS", 0.0)


def policy_with_monitor(**fields: Any) -> FailoverPolicy:
    """A policy of fibre and lte whose probe host has a monitor."""
    uplink = UplinkFactory()
    paths = [PathFactory(name=name, uplink=uplink) for name in ("fibre", "lte")]
    MonitorLeaseFactory(vantage=uplink.vantage)
    policy: FailoverPolicy = FailoverPolicyFactory(name="Internet", members=paths, **fields)
    return policy


def pin_form(policy: FailoverPolicy, **changes: str) -> dict[str, str]:
    """What the form sends: the second member, for an hour."""
    member = policy.members.order_by("position")[1]
    until = timezone.localtime() + dt.timedelta(hours=1)
    values = {
        "policy": str(policy.pk),
        "path": str(member.path_id),
        "reason": "a change tonight",
        "expires_at_0": f"{until:%Y-%m-%d}",
        "expires_at_1": f"{until:%H:%M:%S}",
        "unless_dead": "on",
    }
    return {**values, **changes}


def said(client: Client, form: dict[str, Any], address: str = LIST + "add/") -> str:
    """The page after the form was sent."""
    return client.post(address, form, follow=True).content.decode().replace("&#x27;", "'")


def test_a_pin_becomes_an_order_and_no_row(admin_role_client: Client) -> None:
    policy = policy_with_monitor()
    page = said(admin_role_client, pin_form(policy))
    assert "Internet: the monitor has not answered yet" in page
    order = OperatorOrder.objects.get()
    assert (order.kind, order.path.name, order.actor) == ("pin", "lte", "admin")
    assert (order.reason, order.unless_dead) == ("a change tonight", True)
    assert order.lasts_secs == pytest.approx(3600, abs=5)
    assert not Override.objects.exists()


def test_without_a_time_a_pin_holds_until_it_is_released(admin_role_client: Client) -> None:
    form = pin_form(policy_with_monitor(), expires_at_0="", expires_at_1="", unless_dead="")
    del form["unless_dead"]
    said(admin_role_client, form)
    order = OperatorOrder.objects.get()
    assert (order.lasts_secs, order.unless_dead) == (None, False)


def test_a_time_is_read_in_the_zone_of_the_person() -> None:
    person = make_person("admin")
    person.time_zone = "America/Lima"
    person.save()
    until = timezone.now().astimezone(dt.timezone(dt.timedelta(hours=-5))) + dt.timedelta(hours=2)
    client = client_of(person)
    assert "In your time zone, America/Lima." in client.get(LIST + "add/").content.decode()
    form = pin_form(
        policy_with_monitor(), expires_at_0=f"{until:%Y-%m-%d}", expires_at_1=f"{until:%H:%M:%S}"
    )
    said(client, form)
    assert OperatorOrder.objects.get().lasts_secs == pytest.approx(7200, abs=5)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"reason": ""}, "This field is required."),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, "is not between"),
        ({"expires_at_0": "2999-01-01", "expires_at_1": "00:00:00"}, "choose a time in between"),
    ],
)
def test_a_pin_that_makes_no_sense_is_refused_at_its_field(
    admin_role_client: Client, changes: dict[str, str], told: str
) -> None:
    assert told in said(admin_role_client, pin_form(policy_with_monitor(), **changes))
    assert not OperatorOrder.objects.exists()


def test_a_path_of_another_policy_is_refused_with_the_members(admin_role_client: Client) -> None:
    stranger = PathFactory(name="stranger")
    page = said(admin_role_client, pin_form(policy_with_monitor(), path=str(stranger.pk)))
    assert "stranger is no member of Internet: choose one of fibre, lte." in page


def test_a_disabled_policy_is_not_offered(admin_role_client: Client) -> None:
    page = said(admin_role_client, pin_form(policy_with_monitor(enabled=False)))
    assert "Select a valid choice" in page


def test_without_a_monitor_the_page_says_that_nothing_was_done(admin_role_client: Client) -> None:
    uplink = UplinkFactory()
    paths = [PathFactory(name=name, uplink=uplink) for name in ("fibre", "lte")]
    page = said(admin_role_client, pin_form(FailoverPolicyFactory(members=paths)))
    assert "No monitor runs on probe host" in page
    assert not OperatorOrder.objects.exists()


@pytest.fixture
def answering_monitor(
    monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> Iterator[Callable[[str, str], None]]:
    """Ends the next order as a monitor would, from another connection."""
    monkeypatch.setattr(pins, "PATIENCE_SECS", 5.0)
    threads: list[threading.Thread] = []

    def answer(stage: str, detail: str) -> None:
        def run() -> None:
            deadline = time.monotonic() + 5.0
            while time.monotonic() < deadline:
                if OperatorOrder.objects.filter(stage="queued").update(stage=stage, detail=detail):
                    break
                time.sleep(0.02)
            connection.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield answer
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("stage", "detail", "told"),
    [
        ("done", "", "Internet: pinned."),
        ("refused", "lte does not answer.", "Internet: lte does not answer."),
        ("expired", "The monitor did not take the order.", "The monitor did not take the order."),
    ],
)
def test_the_page_tells_what_the_monitor_made_of_it(
    answering_monitor: Callable[[str, str], None], stage: str, detail: str, told: str
) -> None:
    policy = policy_with_monitor()
    client = client_of(make_person("admin"))
    answering_monitor(stage, detail)
    assert told in said(client, pin_form(policy))


def release_form(*keys: int, reason: str = "done early") -> dict[str, Any]:
    """What the list's action sends."""
    return {"action": "release", "_selected_action": [str(key) for key in keys], "reason": reason}


def test_a_pin_is_released_by_an_order_with_a_reason(admin_role_client: Client) -> None:
    policy = policy_with_monitor()
    pin = OverrideFactory(policy=policy, path=policy.members.first().path)
    said(admin_role_client, release_form(pin.pk), LIST)
    order = OperatorOrder.objects.get()
    assert (order.kind, order.reason) == ("unpin", "done early")


def test_a_release_without_a_reason_is_refused(admin_role_client: Client) -> None:
    policy = policy_with_monitor()
    pin = OverrideFactory(policy=policy, path=policy.members.first().path)
    page = said(admin_role_client, release_form(pin.pk, reason=" "), LIST)
    assert "The reason is empty: say why" in page
    assert not OperatorOrder.objects.exists()


def test_a_pin_that_has_ended_is_not_released_again(admin_role_client: Client) -> None:
    policy = policy_with_monitor()
    path = policy.members.first().path
    pin = OverrideFactory(policy=policy, path=path, released_at=timezone.now())
    page = said(admin_role_client, release_form(pin.pk), LIST)
    assert "Internet: the pin has ended." in page
    assert not OperatorOrder.objects.exists()


def test_the_list_tells_how_long_each_pin_holds(admin_role_client: Client) -> None:
    policy = policy_with_monitor()
    path = policy.members.first().path
    OverrideFactory(policy=policy, path=path, released_at=timezone.now())
    OverrideFactory(policy=policy, path=path)
    OverrideFactory(
        policy=FailoverPolicyFactory(members=[path]),
        path=path,
        expires_at=timezone.now() + dt.timedelta(hours=1),
    )
    page = admin_role_client.get(LIST).content.decode()
    assert "ended 20" in page
    assert "held until released" in page
    assert "held until 20" in page


def test_whoever_may_not_operate_sees_pins_and_orders_nothing() -> None:
    policy = policy_with_monitor()
    pin = OverrideFactory(policy=policy, path=policy.members.first().path)
    person = make_person("viewer")
    person.is_staff = True
    person.save()
    person.user_permissions.add(Permission.objects.get(codename="view_override"))
    client = client_of(person)
    assert client.get(LIST).status_code == 200
    assert client.get(LIST + "add/").status_code == 403
    assert client.post(LIST + "add/", pin_form(policy)).status_code == 403
    client.post(LIST, release_form(pin.pk))
    assert not OperatorOrder.objects.exists()
