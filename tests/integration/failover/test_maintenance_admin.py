"""Maintenance windows in the admin: each problem at its field, with the cure."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from failover.models import MaintenanceWindow
from failover.selectors import paths_in_maintenance
from tests.conftest import client_of, make_person
from tests.factories import MaintenanceWindowFactory, PathFactory, SiteFactory

pytestmark = pytest.mark.django_db
ADD = "/admin/failover/maintenancewindow/add/"
LIST = "/admin/failover/maintenancewindow/"


def window_form(**changes: str) -> dict[str, str]:
    """What the form sends for two hours of tomorrow."""
    day = timezone.localtime() + dt.timedelta(days=1)
    values = {
        "name": "Splicing",
        "reason": "the provider said so",
        "path": "",
        "uplink": "",
        "site": "",
        "starts_at_0": f"{day:%Y-%m-%d}",
        "starts_at_1": "01:00:00",
        "ends_at_0": f"{day:%Y-%m-%d}",
        "ends_at_1": "03:00:00",
        "repeats": "none",
        "last_day": "",
        "time_zone": "",
    }
    return {**values, **changes}


def page_after(client: Client, **changes: str) -> str:
    """ "" when the window was saved, else the page with the errors."""
    answer = client.post(ADD, window_form(**changes))
    return "" if answer.status_code == 302 else answer.content.decode()


def test_a_window_is_planned_and_keeps_who_planned_it(admin_role_client: Client) -> None:
    path = PathFactory()
    assert page_after(admin_role_client, path=str(path.pk)) == ""
    window = MaintenanceWindow.objects.get()
    assert window.created_by.username == "admin"
    assert window.ends_at - window.starts_at == dt.timedelta(hours=2)


def test_a_window_repeats_by_the_clock_of_its_zone_until_its_last_day(
    admin_role_client: Client,
) -> None:
    path = PathFactory()
    changes = {"path": str(path.pk), "repeats": "weekly", "time_zone": "Asia/Tokyo"}
    assert page_after(admin_role_client, **changes, last_day="2999-12-31") == ""
    window = MaintenanceWindow.objects.get()
    later = window.starts_at + dt.timedelta(days=70, minutes=5)
    assert paths_in_maintenance(now=later) == {path.pk}
    assert paths_in_maintenance(now=later + dt.timedelta(days=1)) == set()


def test_times_are_read_in_the_zone_of_the_person() -> None:
    person = make_person("admin")
    person.time_zone = "America/Lima"
    person.save()
    client = client_of(person)
    assert "In your time zone, America/Lima." in client.get(ADD).content.decode()
    assert page_after(client, path=str(PathFactory().pk)) == ""
    assert MaintenanceWindow.objects.get().starts_at.astimezone(dt.UTC).hour == 6


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Nothing is chosen: choose one path, uplink or site."),
        ({"ends_at_1": "01:00:00"}, "is not after the start"),
        (
            {"starts_at_0": "2020-01-01", "ends_at_0": "2020-01-01"},
            "2020-01-01 03:00 has passed, so the window would change nothing",
        ),
        ({"last_day": "2999-12-31"}, "2999-12-31 is given, but the window does not repeat"),
        ({"repeats": "weekly", "last_day": "2020-01-01"}, "is before the first window begins"),
        ({"repeats": "weekly", "time_zone": "Berlin"}, "is no time zone"),
        ({"repeats": "daily", "ends_at_0": "2999-01-01"}, "after which it begins again"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_a_window_that_can_not_work_is_refused(
    admin_role_client: Client, changes: dict[str, str], said: str
) -> None:
    chosen = {} if not changes else {"path": str(PathFactory().pk)}
    assert said in page_after(admin_role_client, **chosen, **changes)
    assert not MaintenanceWindow.objects.exists()


def test_a_window_is_of_exactly_one_thing(admin_role_client: Client) -> None:
    path, site = PathFactory(name="fibre"), SiteFactory(name="Lyon")
    page = page_after(admin_role_client, path=str(path.pk), site=str(site.pk))
    assert "Lyon is chosen beside fibre: a window is of exactly one of path" in page


def test_a_window_of_the_past_may_get_a_better_name(admin_role_client: Client) -> None:
    long_ago = timezone.now() - dt.timedelta(days=3)
    window = MaintenanceWindowFactory(starts_at=long_ago, ends_at=long_ago + dt.timedelta(hours=1))
    form = window_form(
        path=str(window.path_id),
        name="Better",
        starts_at_0=f"{long_ago:%Y-%m-%d}",
        ends_at_0=f"{long_ago:%Y-%m-%d}",
    )
    answer = admin_role_client.post(f"{LIST}{window.pk}/change/", form)
    assert answer.status_code == 302
    window.refresh_from_db()
    assert window.name == "Better"


def test_the_list_tells_what_is_under_way_over_or_next(admin_role_client: Client) -> None:
    now, hour = timezone.now(), dt.timedelta(hours=1)
    spans: dict[str, tuple[Any, Any, str]] = {
        "present": (now - hour, now + hour, "none"),
        "past": (now - 3 * hour, now - 2 * hour, "none"),
        "again": (now - 3 * hour, now - 2 * hour, "daily"),
    }
    for name, (begin, end, repeats) in spans.items():
        MaintenanceWindowFactory(name=name, starts_at=begin, ends_at=end, repeats=repeats)
    page = admin_role_client.get(LIST).content.decode()
    assert page.count("under way until ") == 1
    assert page.count("next ") >= 1
    assert ">over<" in page
