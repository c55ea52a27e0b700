"""Configuration of policies: everything that cannot work is refused, at its field, in words."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from failover.models import FailoverEvent, FailoverPolicy, PolicyRoute
from health.models import HealthSample, Path, SlaProfile
from tests.factories import (
    FailoverPolicyFactory,
    FailoverStateFactory,
    HealthSampleFactory,
    PathFactory,
    PolicyRouteFactory,
    ProbeProfileFactory,
    UplinkFactory,
    VantageFactory,
)

pytestmark = pytest.mark.django_db


def two_paths(**primary: Any) -> list[Path]:
    """Two paths of one probe host."""
    uplink = UplinkFactory()
    return [PathFactory(uplink=uplink, **primary), PathFactory(uplink=uplink)]


def policy_form(
    members: list[Path], prefixes: tuple[str, ...] = (), **changes: Any
) -> dict[str, Any]:
    """What the form of a policy sends for ``members`` in their order."""
    values: dict[str, Any] = {
        "name": "Voice",
        "description": "",
        "enabled": "on",
        "mode": "automatic",
        "strategy": "priority",
        "executor": "dry_run",
        "connections": "old_path",
        "failover_threshold": "50",
        "failback_threshold": "80",
        "failback_delay_secs": "60",
        "failback_mode": "automatic",
        "damping": "on",
    }
    for prefix, count in (("members", len(members)), ("routes", len(prefixes))):
        values |= {
            f"{prefix}-TOTAL_FORMS": str(count),
            f"{prefix}-INITIAL_FORMS": "0",
            f"{prefix}-MIN_NUM_FORMS": "0",
            f"{prefix}-MAX_NUM_FORMS": "1000",
        }
    for number, path in enumerate(members):
        values |= {f"members-{number}-path": str(path.pk), f"members-{number}-order": str(number)}
    for number, prefix in enumerate(prefixes):
        values |= {
            f"routes-{number}-family": "4",
            f"routes-{number}-prefix": prefix,
            f"routes-{number}-table": "254",
            f"routes-{number}-metric": "50",
        }
    return {**values, **changes}


def add_policy(client: Client, members: list[Path], **changes: Any) -> str:
    """Send the form; "" when it was saved, else the page with the errors."""
    prefixes = changes.pop("prefixes", ())
    form = policy_form(members, prefixes, **changes)
    answer = client.post("/admin/failover/failoverpolicy/add/", form)
    return "" if answer.status_code == 302 else answer.content.decode()


def measured_for(path: Path, minutes: int, **sample: Any) -> None:
    """Samples of the last ``minutes``."""
    slot = int(time.time()) // 10 * 10
    for ago in range(10, minutes * 60 + 10, 10):
        HealthSampleFactory(path=path, timestamp=slot - ago, **sample)


def test_a_policy_is_made_with_members_and_routes(admin_role_client: Client) -> None:
    paths = two_paths()
    assert add_policy(admin_role_client, paths, name=" Voice ", prefixes=("10.20.0.0/16",)) == ""
    policy = FailoverPolicy.objects.get()
    assert policy.name == "Voice"
    assert [(m.position, m.path) for m in policy.members.all()] == [(0, paths[0]), (1, paths[1])]
    assert PolicyRoute.objects.get().prefix == "10.20.0.0/16"


def test_members_get_time_windows_and_the_policy_a_window_for_returns(
    admin_role_client: Client,
) -> None:
    settings = {
        "failback_mode": "window",
        "failback_window": "sun 2:00-4:00",
        "time_zone": "Europe/Berlin",
        "role_source": "/run/keepalived/role",
        "strategy": "best_score",
        "members-1-schedule": "mon-fri 8:00-18:00",
    }
    assert add_policy(admin_role_client, two_paths(), **settings) == ""
    policy = FailoverPolicy.objects.get()
    stored = [member.schedule for member in policy.members.order_by("position")]
    assert stored == ["", "Mon-Fri 08:00-18:00"]
    assert (policy.failback_mode, policy.role_source) == ("window", "/run/keepalived/role")
    assert policy.failback_window == "Sun 02:00-04:00"
    [made] = FailoverEvent.objects.all()
    assert made.evidence == {}


def test_a_changed_time_window_of_a_member_is_saved_and_in_the_audit_trail(
    admin_role_client: Client,
) -> None:
    add_policy(admin_role_client, two_paths())
    policy = FailoverPolicy.objects.get()
    members = list(policy.members.all())
    form = policy_form([]) | {
        "members-TOTAL_FORMS": "2",
        "members-INITIAL_FORMS": "2",
        **{f"members-{n}-id": str(m.pk) for n, m in enumerate(members)},
        **{f"members-{n}-policy": str(policy.pk) for n in (0, 1)},
        **{f"members-{n}-path": str(m.path_id) for n, m in enumerate(members)},
        **{f"members-{n}-order": str(n) for n in (0, 1)},
        "members-1-schedule": "22:00-06:00",
    }
    url = f"/admin/failover/failoverpolicy/{policy.pk}/change/"
    assert admin_role_client.post(url, form).status_code == 302
    assert [m.schedule for m in policy.members.order_by("position")] == ["", "22:00-06:00"]
    changed = FailoverEvent.objects.order_by("-id")[0]
    assert f"{members[1].path.name} (22:00-06:00)" in changed.reason


def test_making_and_changing_a_policy_is_in_the_audit_trail(admin_role_client: Client) -> None:
    add_policy(admin_role_client, two_paths())
    policy = FailoverPolicy.objects.get()
    members = list(policy.members.all())
    form = policy_form([], failover_threshold="40") | {
        "members-TOTAL_FORMS": "2",
        "members-INITIAL_FORMS": "2",
        **{f"members-{n}-id": str(m.pk) for n, m in enumerate(members)},
        **{f"members-{n}-policy": str(policy.pk) for n in (0, 1)},
        **{f"members-{n}-path": str(m.path_id) for n, m in enumerate(members)},
        # The two change places, which has no moment with two primaries.
        "members-0-order": "1",
        "members-1-order": "0",
    }
    url = f"/admin/failover/failoverpolicy/{policy.pk}/change/"
    assert admin_role_client.post(url, form).status_code == 302
    made, changed = FailoverEvent.objects.order_by("id")
    assert (made.event_type, made.actor) == ("policy_enabled", "admin")
    assert changed.event_type == "policy_changed"
    assert "failover_threshold: 50 → 40" in changed.reason
    names = [member.path.name for member in members]
    assert changed.evidence["changed"]["members"] == [names, names[::-1]]


def test_disabling_a_policy_is_an_event_of_its_own(admin_role_client: Client) -> None:
    paths = two_paths()
    add_policy(admin_role_client, paths)
    policy = FailoverPolicy.objects.get()
    members = list(policy.members.all())
    form = policy_form([]) | {
        "enabled": "",
        "members-TOTAL_FORMS": "2",
        "members-INITIAL_FORMS": "2",
        **{f"members-{n}-id": str(m.pk) for n, m in enumerate(members)},
        **{f"members-{n}-policy": str(policy.pk) for n in (0, 1)},
        **{f"members-{n}-path": str(m.path_id) for n, m in enumerate(members)},
        **{f"members-{n}-order": str(n) for n in (0, 1)},
    }
    del form["enabled"]
    admin_role_client.post(f"/admin/failover/failoverpolicy/{policy.pk}/change/", form)
    assert FailoverEvent.objects.order_by("-id")[0].event_type == "policy_disabled"


def test_a_policy_needs_a_primary(admin_role_client: Client) -> None:
    assert "The policy has no primary path" in add_policy(admin_role_client, [])


def test_a_policy_needs_a_backup(admin_role_client: Client) -> None:
    page = add_policy(admin_role_client, two_paths()[:1])
    assert "The policy has no backup: add at least one other path." in page


def test_the_primary_is_not_its_own_backup(admin_role_client: Client) -> None:
    first, second = two_paths()
    page = add_policy(admin_role_client, [first, second, first])
    assert f"{first.name} is the primary and also a backup" in page


def test_a_backup_is_named_once(admin_role_client: Client) -> None:
    first, second = two_paths()
    page = add_policy(admin_role_client, [first, second, second])
    assert f"{second.name} is a backup more than once" in page


def test_members_are_probed_by_one_host(admin_role_client: Client) -> None:
    away = PathFactory(uplink__vantage=VantageFactory(name="elsewhere"))
    page = add_policy(admin_role_client, [two_paths()[0], away])
    assert "The paths are probed by different hosts" in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"failover_threshold": "80"}, "80 must be above the failover threshold 80"),
        ({"failover_threshold": "-1"}, "greater than or equal to 0"),
        ({"failback_threshold": "101"}, "less than or equal to 100"),
        ({"failback_delay_secs": "90000"}, "less than or equal to 86400"),
        ({"name": "  "}, "This field is required."),
        ({"executor": "magic"}, "is not one of the available choices"),
        ({"failback_mode": "window"}, "The failback window is empty: say when traffic may"),
        ({"failback_window": "at night"}, "is not a time window"),
        ({"members-1-schedule": "Mon 8-9"}, "is not a time of day"),
        ({"time_zone": "Europe/Berln"}, "did you mean Europe/Berlin?"),
        ({"role_source": "keepalived.role"}, "is not the full path of a file"),
    ],
)
def test_values_that_cannot_work_are_refused_at_their_field(
    admin_role_client: Client, changes: dict[str, str], said: str
) -> None:
    assert said in add_policy(admin_role_client, two_paths(), **changes)
    assert not FailoverPolicy.objects.exists()


def test_two_enabled_policies_do_not_steer_one_route(admin_role_client: Client) -> None:
    paths = two_paths()
    other = FailoverPolicyFactory(name="Old", members=paths)
    PolicyRouteFactory(policy=other, prefix="10.20.0.0/16")
    refused = add_policy(admin_role_client, paths, prefixes=("10.20.0.0/16",))
    assert "is already steered by the enabled policy Old" in refused
    FailoverPolicy.objects.filter(pk=other.pk).update(enabled=False)
    assert add_policy(admin_role_client, paths, prefixes=("10.20.0.0/16",)) == ""


def test_a_route_is_steered_once(admin_role_client: Client) -> None:
    page = add_policy(admin_role_client, two_paths(), prefixes=("10.2.0.0/16", "10.2.0.0/16"))
    assert "Please correct the duplicate" in page or "is steered twice" in page


def test_a_threshold_finer_than_the_window_is_refused_with_the_window_that_would_do(
    admin_role_client: Client,
) -> None:
    frugal = ProbeProfileFactory(name="slow", interval_ms=1000, window_secs=60)
    voice = SlaProfile.objects.get(name="voice")
    paths = two_paths(probe_profile=frugal, sla_profile=voice)
    page = add_policy(admin_role_client, paths)
    assert "80 is finer than the window of" in page
    assert "A window of 65 s would do" in page
    frugal.window_secs = 65
    frugal.save()
    assert add_policy(admin_role_client, paths) == ""


def test_a_primary_that_does_not_fit_its_profile_is_refused_with_the_one_that_fits(
    admin_role_client: Client,
) -> None:
    terrestrial = SlaProfile.objects.get(name="terrestrial")
    paths = two_paths(sla_profile=terrestrial)
    measured_for(paths[0], 15, latency_ms=280.0, jitter_ms=5.0, health_score=48.7)
    page = add_policy(admin_role_client, paths)
    assert "scored 48.7 on average over 15 reachable minutes" in page
    assert "The SLA profile intercontinental would fit the line as it is." in page
    assert not FailoverPolicy.objects.exists()
    intercontinental = SlaProfile.objects.get(name="intercontinental")
    Path.objects.filter(pk=paths[0].pk).update(sla_profile=intercontinental)
    HealthSample.objects.update(health_score=100.0)
    assert add_policy(admin_role_client, paths) == ""


def test_a_primary_without_enough_data_is_allowed_with_a_warning(
    admin_role_client: Client,
) -> None:
    paths = two_paths()
    measured_for(paths[0], 5, health_score=10.0)
    answer = admin_role_client.post(
        "/admin/failover/failoverpolicy/add/", policy_form(paths), follow=True
    )
    assert FailoverPolicy.objects.exists()
    assert "was reachable for 5 of the last 60 minutes" in answer.content.decode()


def test_a_primary_that_fits_raises_no_word(admin_role_client: Client) -> None:
    paths = two_paths()
    measured_for(paths[0], 15)
    answer = admin_role_client.post(
        "/admin/failover/failoverpolicy/add/", policy_form(paths), follow=True
    )
    assert "reachable for" not in answer.content.decode()


def test_a_policy_is_deleted_and_its_events_keep_its_name(admin_role_client: Client) -> None:
    add_policy(admin_role_client, two_paths())
    policy = FailoverPolicy.objects.get()
    FailoverStateFactory(policy=policy)
    url = f"/admin/failover/failoverpolicy/{policy.pk}/delete/"
    assert admin_role_client.post(url, {"post": "yes"}).status_code == 302
    made, deleted = FailoverEvent.objects.order_by("pk")
    for event in (made, deleted):
        assert (event.policy, event.policy_name) == (None, "Voice")
    assert deleted.reason == "The policy was deleted; its routes are withdrawn."
