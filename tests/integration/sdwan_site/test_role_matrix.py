"""Who may reach what: every address of the resolver × every role × GET and POST.

The tables are the contract. An address without a row fails: whoever adds a page has to say
here who may see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from django_q.models import Failure, Schedule

from failover.models import OperatorOrder, OrderKind
from health.console import views
from health.models import ProbeOrder
from sdwan_site.models import ApiToken
from tests.conftest import client_of, make_person
from tests.factories import (
    CurrentHealthFactory,
    CurrentUplinkFactory,
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    HealthSampleFactory,
    MaintenanceWindowFactory,
    MonitorLeaseFactory,
    NotificationChannelFactory,
    OutboxMessageFactory,
    OverrideFactory,
    PathTargetFactory,
    PolicyHookFactory,
    StatusChangeFactory,
    UplinkTrafficFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOW = timezone.now()
ROLES = ("anonymous", "outsider", "viewer", "operator", "admin")

PAGE = ("302 403 200 200 200", "302 405 405 405 405")
FRAGMENT = ("302 403 302 302 302", "302 405 405 405 405")
"""Opened by hand, a fragment leads to its page."""
OPEN = ("200 200 200 200 200", "405 405 405 405 405")
API = ("401 403 200 200 200", "405 405 405 405 405")
"""What only reads; the verb is refused before the caller's rights are looked at."""
ADMIN_SHELL = ("302 302 302 302 200", "302 302 302 302 200")
ADMIN_AWAY = ("302 302 302 302 302", "302 302 302 302 302")

ADDRESSES = {
    "healthz": OPEN,
    "readyz": OPEN,
    "login/": ("200 302 302 302 302", "200 302 302 302 302"),
    "logout/": ("302 405 405 405 405", "302 302 302 302 302"),
    "account/": ("302 200 200 200 200", "302 200 200 200 200"),
    "": PAGE,
    "paths/": PAGE,
    "paths/<path_id>/": PAGE,
    "policies/": PAGE,
    "policies/<policy_id>/": PAGE,
    "events/": PAGE,
    "system/": PAGE,
    "_/overview/": FRAGMENT,
    "_/paths/": FRAGMENT,
    "_/paths/<path_id>/summary/": FRAGMENT,
    "_/paths/<path_id>/chart/": FRAGMENT,
    "_/paths/<path_id>/probe/": ("302 405 405 405 405", "302 403 403 302 302"),
    "_/paths/<path_id>/probe/<uid>/": FRAGMENT,
    "_/policies/": FRAGMENT,
    "_/policies/<policy_id>/live/": FRAGMENT,
    "_/policies/<policy_id>/plan/": FRAGMENT,
    # Without scripts the dialog of an order, and its outcome, stand in the page.
    "_/policies/<policy_id>/order/<kind>/": ("302 403 403 200 200", "302 403 403 200 200"),
    "_/policies/<policy_id>/orders/<uid>/": PAGE,
    "_/events/": FRAGMENT,
    "_/system/": FRAGMENT,
    "admin/": ADMIN_SHELL,
    "admin/login/": ("302 403 403 403 302", "302 403 403 403 302"),
    "admin/logout/": ("302 302 302 302 307", "302 302 302 302 307"),
    "admin/password_change/": ADMIN_AWAY,
    "admin/password_change/done/": ADMIN_AWAY,
    "admin/autocomplete/": ("302 302 302 302 403", "302 302 302 302 405"),
    "admin/jsi18n/": ("302 302 302 302 200", "302 302 302 302 405"),
    "admin/r/<content_type_id>/<object_id>/": ("302 302 302 302 404", "302 302 302 302 404"),
    "admin/<app_label>/": ADMIN_SHELL,
    "admin/<url>": ("302 302 302 302 404", "302 302 302 302 404"),
    # By network or token, not by role: the test client is on the loopback network.
    "metrics": OPEN,
    "metrics/app": OPEN,
    "api/v1/": ("404 404 404 404 404", "404 404 404 404 404"),
    "api/v1/schema/": ("401 200 200 200 200", "401 405 405 405 405"),
    "api/v1/docs/": ("302 200 200 200 200", "302 405 405 405 405"),
    "api/v1/health/snapshot/": API,
    "api/v1/health/stats/": API,
    "api/v1/failover/snapshot/": API,
    "api/v1/sites/": API,
    "api/v1/sites/<pk>/": API,
    "api/v1/uplinks/": API,
    "api/v1/uplinks/<pk>/": API,
    "api/v1/uplinks/<pk>/traffic/": API,
    "api/v1/paths/": API,
    "api/v1/paths/<pk>/": API,
    "api/v1/paths/<pk>/health/": API,
    "api/v1/paths/<pk>/history/": API,
    # 415: they may, but the test's body is no JSON.
    "api/v1/paths/<pk>/probe/": ("405 405 405 405 405", "401 403 403 415 415"),
    "api/v1/paths/<pk>/probe/<probe_id>/": API,
    "api/v1/policies/": API,
    "api/v1/policies/<pk>/": API,
    "api/v1/policies/<pk>/state/": API,
    **{
        f"api/v1/policies/<pk>/{kind}/": ("405 405 405 405 405", "401 403 403 415 415")
        for kind in OrderKind.values
    },
    "api/v1/policies/<pk>/orders/<order_id>/": API,
    # Whoever may see a policy may replay it.
    "api/v1/policies/<pk>/replay/": ("405 405 405 405 405", "401 403 415 415 415"),
    "api/v1/events/": API,
    "api/v1/events/<pk>/": API,
}

CONFIGURED, RECORD, MACHINERY = "configured", "record", "machinery"
ADMIN_MODELS = {
    "health/site": CONFIGURED,
    "health/vantage": CONFIGURED,
    "health/uplink": CONFIGURED,
    "health/path": CONFIGURED,
    "health/probeprofile": CONFIGURED,
    "health/slaprofile": CONFIGURED,
    "failover/failoverpolicy": CONFIGURED,
    "failover/maintenancewindow": CONFIGURED,
    "failover/notificationchannel": CONFIGURED,
    "failover/policyhook": CONFIGURED,
    "sdwan_site/user": CONFIGURED,
    "sdwan_site/apitoken": CONFIGURED,
    "auth/group": RECORD,
    "failover/failoverevent": RECORD,
    "failover/failoverstate": RECORD,
    "failover/override": RECORD,
    "failover/outboxmessage": RECORD,
    "health/statuschange": RECORD,
    "health/currenthealth": RECORD,
    "health/healthsample": RECORD,
    "health/currentuplink": RECORD,
    "health/uplinktraffic": RECORD,
    "health/monitorlease": RECORD,
    "django_q/schedule": MACHINERY,
    "django_q/failure": MACHINERY,
    "axes/accessattempt": MACHINERY,
    "axes/accesslog": MACHINERY,
}
"""What a person with the role admin (not a superuser) may do with a model."""

ADMIN_ACTIONS = {
    # action: GET and POST of the role admin, for each kind; everybody else is sent away.
    "": {CONFIGURED: "200 200", RECORD: "200 200", MACHINERY: "403 403"},
    "add/": {CONFIGURED: "200 200", RECORD: "403 403", MACHINERY: "403 403"},
    "<object_id>/": {CONFIGURED: "302 302", RECORD: "302 302", MACHINERY: "302 302"},
    "<object_id>/change/": {CONFIGURED: "200 200", RECORD: "200 403", MACHINERY: "403 403"},
    "<object_id>/delete/": {CONFIGURED: "200 200", RECORD: "403 403", MACHINERY: "403 403"},
    "<object_id>/history/": {CONFIGURED: "200 200", RECORD: "200 200", MACHINERY: "403 403"},
    "<id>/password/": {CONFIGURED: "200 200", RECORD: "", MACHINERY: ""},
}
EXCEPTIONS = {
    # A token is made and revoked, never changed.
    ("sdwan_site/apitoken", "<object_id>/change/"): "200 403",
    # A pin is ordered and released, never changed.
    ("failover/override", "add/"): "200 200",
}


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """One row of everything that an address may ask for, by placeholder or admin model."""
    monkeypatch.setattr(views, "PAGE_WAIT_SECS", 0.0)
    target = PathTargetFactory()
    path = target.path
    CurrentHealthFactory(path=path)
    policy = FailoverPolicyFactory(members=[path])
    state = FailoverStateFactory(policy=policy, active_path=path)
    event = FailoverEventFactory(policy=policy)
    lease = MonitorLeaseFactory(vantage=path.uplink.vantage)
    done = ProbeOrder.objects.create(path=path, actor="x", count=1, state="done", asked_at=4e9)
    order = OperatorOrder.objects.create(
        uid=done.uid, policy=policy, kind="pause", reason="x", stage="done",
        asked_at=NOW, expires_at=NOW,
    )  # fmt: skip
    person = UserFactory()
    token, _ = ApiToken.objects.create(user=person, name="script")
    return {
        "path_id": path.pk,
        "uid": done.uid,
        "probe_id": done.uid,
        "order_id": order.uid,
        "kind": "pause",
        "policy_id": policy.pk,
        "app_label": "health",
        "url": "nonsense",
        "content_type_id": 1,
        "object_id": 1,
        "sites": path.uplink.vantage.site.pk,
        "uplinks": path.uplink.pk,
        "paths": path.pk,
        "policies": policy.pk,
        "events": event.pk,
        "health/site": path.uplink.vantage.site.pk,
        "health/vantage": path.uplink.vantage.pk,
        "health/uplink": path.uplink.pk,
        "health/path": path.pk,
        "health/probeprofile": path.probe_profile.pk,
        "health/slaprofile": path.sla_profile.pk,
        "health/statuschange": StatusChangeFactory(path=path).pk,
        "health/currenthealth": path.pk,
        "health/healthsample": HealthSampleFactory(path=path).pk,
        "health/monitorlease": lease.pk,
        "health/currentuplink": CurrentUplinkFactory(uplink=path.uplink).pk,
        "health/uplinktraffic": UplinkTrafficFactory(uplink=path.uplink).pk,
        "failover/failoverpolicy": policy.pk,
        "failover/maintenancewindow": MaintenanceWindowFactory().pk,
        "failover/notificationchannel": NotificationChannelFactory().pk,
        "failover/policyhook": PolicyHookFactory(policy=policy).pk,
        "failover/failoverevent": event.pk,
        "failover/failoverstate": state.pk,
        "failover/override": OverrideFactory(policy=policy, path=path).pk,
        "failover/outboxmessage": OutboxMessageFactory(event=event).pk,
        "sdwan_site/user": person.pk,
        "sdwan_site/apitoken": token.pk,
        "auth/group": Group.objects.get(name="viewer").pk,
        **machinery(),
    }


def machinery() -> dict[str, object]:
    """Rows of the packages that the admin shows to superusers."""
    schedule = Schedule.objects.create(name="nightly", func="math.sqrt")
    now = timezone.now()
    failure = Failure.objects.create(
        id="x", name="x", func="x", started=now, stopped=now, success=False
    )
    attempt = AccessAttempt.objects.create(username="x", failures_since_start=1)
    return {
        "django_q/schedule": schedule.pk,
        "django_q/failure": failure.pk,
        "axes/accessattempt": attempt.pk,
        "axes/accesslog": AccessLog.objects.create(username="x").pk,
    }


def routes() -> list[str]:
    """Every address of the resolver, placeholders in angle brackets without their type."""
    return sorted(set(_routes(get_resolver().url_patterns)))


def _routes(patterns: list[object], prefix: str = "") -> Iterator[str]:
    for one in patterns:
        route = prefix + str(one.pattern)  # type: ignore[attr-defined]  # pattern or resolver
        if isinstance(one, URLPattern):
            yield _plain(route)
        else:
            yield from _routes(one.url_patterns, route)  # type: ignore[attr-defined]  # a resolver


def _plain(route: str) -> str:
    route = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route)
    return re.sub(r"<\w+:(\w+)>", r"<\1>", route).replace("^", "").replace("$", "")


def expected(route: str) -> tuple[list[int], list[int]]:
    """Statuses of GET and POST by role, from the tables; KeyError for an unknown address."""
    match = re.fullmatch(r"admin/(\w+/\w+)/(.*)", route)
    if route in ADDRESSES:
        get, post = ADDRESSES[route]
    elif match and match[1] in ADMIN_MODELS:
        said = ADMIN_ACTIONS[match[2]][ADMIN_MODELS[match[1]]]
        get_admin, post_admin = EXCEPTIONS.get((match[1], match[2]), said).split()
        get, post = (f"302 302 302 302 {own}" for own in (get_admin, post_admin))
    else:
        raise KeyError(f"{route!r} has no row in the role matrix: say who may reach it.")
    return [int(code) for code in get.split()], [int(code) for code in post.split()]


def filled(route: str, rows: dict[str, object]) -> str:
    """The address of real rows."""
    model = re.match(r"admin/(\w+/\w+)/", route)
    resource = re.match(r"api/v1/(\w+)/", route)
    values = dict(rows)
    if model and model[1] in rows:
        values["object_id"] = values["id"] = rows[model[1]]
    if resource:
        values["pk"] = rows.get(resource[1], 1)
    return "/" + re.sub(r"<(\w+)>", lambda found: str(values[found[1]]), route)


def test_every_address_has_a_row_and_every_row_an_address() -> None:
    known = routes()
    for route in known:
        expected(route)
    assert set(ADDRESSES) - set(known) == set()
    assert {f"admin/{model}/" for model in ADMIN_MODELS} - set(known) == set()


@pytest.mark.parametrize("role", ROLES)
def test_every_role_reaches_what_the_matrix_says_and_nothing_else(
    role: str, rows: dict[str, object]
) -> None:
    person = None if role == "anonymous" else make_person(role)
    column = ROLES.index(role)
    wrong: list[str] = []
    for route in routes():
        for method, statuses in zip(("get", "post"), expected(route), strict=True):
            # A new session each time: signing out is one of the addresses.
            client = Client() if person is None else client_of(person)
            address = filled(route, rows)
            answer = getattr(client, method)(address)
            if answer.status_code != statuses[column]:
                wrong.append(
                    f"{method.upper()} {address}: {answer.status_code}, not {statuses[column]}"
                )
    assert not wrong, "\n".join(wrong)
