"""Time windows as they are stored: what is refused, and what the decision gets of them."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from failover.domain.calendar import ALWAYS
from failover.models import FailoverPolicy, MaintenanceWindow
from failover.schedules import weekly_schedule
from failover.selectors import paths_in_maintenance, policies_with_members, policy_spec
from tests.factories import (
    FailoverPolicyFactory,
    MaintenanceWindowFactory,
    PathFactory,
    SiteFactory,
    UplinkFactory,
    VantageFactory,
)

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = dt.datetime(2026, 3, 23, 22, 0, tzinfo=BERLIN)
HOUR = dt.timedelta(hours=1)


def window(**changes: Any) -> MaintenanceWindow:
    """Two hours from Monday 22:00 in Berlin, every week."""
    values = {
        "starts_at": MONDAY,
        "ends_at": MONDAY + 2 * HOUR,
        "repeats": "weekly",
        "time_zone": "Europe/Berlin",
    }
    row: MaintenanceWindow = MaintenanceWindowFactory(**{**values, **changes})
    return row


def test_a_repeated_window_covers_its_path_again_by_the_wall_clock() -> None:
    path = window().path
    later = dt.datetime(2026, 3, 30, 22, 30, tzinfo=BERLIN)  # daylight saving time has begun
    assert paths_in_maintenance(now=later) == {path.pk}
    assert paths_in_maintenance(now=later - HOUR) == set()
    assert paths_in_maintenance(now=later + 2 * HOUR) == set()


def test_a_repeated_window_ends_after_its_last_day() -> None:
    path = window(last_day=dt.date(2026, 3, 30)).path
    assert paths_in_maintenance(now=MONDAY + dt.timedelta(days=7)) == {path.pk}
    assert paths_in_maintenance(now=MONDAY + dt.timedelta(days=14)) == set()


def test_a_long_last_occurrence_is_seen_through_to_its_end() -> None:
    path = window(ends_at=MONDAY + dt.timedelta(days=6), last_day=dt.date(2026, 3, 30)).path
    assert paths_in_maintenance(now=MONDAY + dt.timedelta(days=12)) == {path.pk}


def test_a_repeated_window_of_a_site_covers_both_ends() -> None:
    site = SiteFactory()
    near = PathFactory(uplink__vantage=VantageFactory(site=site))
    far = PathFactory(destination=site)
    window(path=None, site=site, repeats="daily")
    assert paths_in_maintenance(now=MONDAY + dt.timedelta(days=3, hours=1)) == {near.pk, far.pk}


def test_without_a_window_under_way_one_query_is_enough() -> None:
    window()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        paths_in_maintenance(now=MONDAY + 5 * HOUR)
    assert len(queries) == 1


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        (
            {"repeats": "daily", "ends_at": MONDAY + 25 * HOUR},
            "ends_at",
            "lasts 25 hours, longer than the 24 after which it begins again",
        ),
        (
            {"ends_at": MONDAY + 169 * HOUR},
            "ends_at",
            "lasts 169 hours, longer than the 168 after which it begins again",
        ),
        ({"last_day": dt.date(2026, 3, 22)}, "last_day", "is before the first window begins"),
        ({"time_zone": "Europe/Berln"}, "time_zone", "did you mean Europe/Berlin?"),
        ({"time_zone": "../secret"}, "time_zone", "is no time zone"),
    ],
)
def test_a_window_that_can_not_repeat_is_refused_at_its_field(
    changes: dict[str, Any], field: str, said: str
) -> None:
    row = window(**changes)
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    assert said in refused.value.message_dict[field][0]


def test_a_last_day_without_repetition_is_refused_by_form_and_database() -> None:
    row = window()
    row.repeats, row.last_day = "none", dt.date(2026, 4, 1)
    with pytest.raises(ValidationError, match="A last day needs a window that repeats"):
        row.full_clean()
    with transaction.atomic(), pytest.raises(IntegrityError):
        row.save()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("failback_window", "sometimes", "'sometimes' is not a time window"),
        ("time_zone", "Mars", "'Mars' is no time zone: use a name such as Europe/Berlin."),
        ("role_source", "role", "'role' is not the full path of a file"),
        ("role_source", "/run/../etc/shadow", "is not the full path of a file"),
    ],
)
def test_a_setting_of_a_policy_that_can_not_work_is_refused(
    field: str, value: str, said: str
) -> None:
    policy: FailoverPolicy = FailoverPolicyFactory()
    setattr(policy, field, value)
    with pytest.raises(ValidationError) as refused:
        policy.full_clean()
    assert said in refused.value.message_dict[field][0]


def test_the_decision_gets_the_windows_of_policy_and_members_in_the_policys_zone() -> None:
    uplink = UplinkFactory()
    paths = [PathFactory(uplink=uplink), PathFactory(uplink=uplink)]
    policy = FailoverPolicyFactory(
        members=paths,
        failback_mode="window",
        failback_window="Sun 02:00-04:00",
        time_zone="Asia/Tokyo",
    )
    policy.members.filter(position=1).update(schedule="Mon-Fri 08:00-18:00")
    spec = policy_spec(policies_with_members().get())
    tokyo = ZoneInfo("Asia/Tokyo")
    assert (str(spec.failback_window), spec.failback_window.zone) == ("Sun 02:00-04:00", tokyo)
    assert spec.members[0].schedule == ALWAYS
    assert str(spec.members[1].schedule) == "Mon-Fri 08:00-18:00"
    assert spec.members[1].schedule.zone == tokyo


def test_an_empty_zone_is_that_of_the_installation(settings: Any) -> None:
    settings.TIME_ZONE = "America/Lima"
    assert weekly_schedule("08:00-09:00", "").zone == ZoneInfo("America/Lima")


def test_what_can_not_be_read_any_longer_is_logged_and_stops_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        assert weekly_schedule("nonsense", "") == ALWAYS
        assert weekly_schedule("08:00-09:00", "Atlantis/Bay").windows
    assert "a time window can't be read" in caplog.text
    assert "'Atlantis/Bay' is not known" in caplog.text


# --- tunnels ----------------------------------------------------------------------------------
def test_a_tunnel_rides_on_a_path_of_its_own_host() -> None:
    below = PathFactory(name="fibre")
    tunnel = PathFactory(uplink=below.uplink, rides_on=below)
    tunnel.full_clean()
    uplinks = policies_with_members()
    FailoverPolicyFactory(members=[tunnel, below])
    spec = policy_spec(uplinks.get())
    assert [member.rides_on for member in spec.members] == [below.pk, None]
    tunnel.rides_on = PathFactory(uplink__vantage=VantageFactory(name="elsewhere"))
    with pytest.raises(ValidationError, match="choose a path of the same probe host"):
        tunnel.full_clean()


def test_no_path_rides_on_itself_not_even_in_a_circle() -> None:
    one = PathFactory()
    two = PathFactory(uplink=one.uplink, rides_on=one)
    three = PathFactory(uplink=one.uplink, rides_on=two)
    for below in (one, two, three):
        one.rides_on = below
        with pytest.raises(ValidationError, match="rides on this path itself"):
            one.full_clean()


def test_a_path_below_can_be_deleted_and_the_tunnel_stays() -> None:
    below = PathFactory()
    tunnel = PathFactory(uplink=below.uplink, rides_on=below)
    below.delete()
    tunnel.refresh_from_db()
    assert tunnel.rides_on is None
