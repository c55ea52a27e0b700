"""Whether a policy may be enabled is asked of its executor, and only when that matters."""

from __future__ import annotations

import pytest
from django.conf import settings

from failover.control.enabling import doctor_findings, enabling_problems, refusals
from failover.models import FailoverPolicy, PolicyRoute
from health.models import Path
from tests.factories import (
    FailoverPolicyFactory,
    PathFactory,
    PolicyRouteFactory,
    UplinkFactory,
    VantageFactory,
)


def made(vantage: str, executor: str = "linux", *, enabled: bool = True) -> FailoverPolicy:
    """A stored policy over two lines whose interfaces this host does not have."""
    host = VantageFactory(name=vantage)
    paths = [
        PathFactory(
            uplink=UplinkFactory(vantage=host, interface=f"nowan{n}", probe_route="managed")
        )
        for n in range(2)
    ]
    policy: FailoverPolicy = FailoverPolicyFactory(
        members=paths, executor=executor, enabled=enabled
    )
    PolicyRouteFactory(policy=policy)
    return policy


def parts(policy: FailoverPolicy) -> tuple[list[Path], list[PolicyRoute]]:
    members = policy.members.select_related("path__uplink__vantage").order_by("position")
    return [member.path for member in members], list(policy.routes.all())


def test_what_the_kernel_says_against_a_policy_comes_with_its_field(db: None) -> None:
    policy = made(settings.VANTAGE)
    texts = [one.text() for one in enabling_problems(policy, *parts(policy)) if one.blocks]
    assert any("its probe route is not verified" in text for text in texts)
    assert any("interface nowan0 does not exist" in text for text in texts)


@pytest.mark.parametrize(
    ("vantage", "executor"), [("another-host", "linux"), (settings.VANTAGE, "dry_run")]
)
def test_another_host_and_a_dry_run_are_not_judged(db: None, vantage: str, executor: str) -> None:
    policy = made(vantage, executor)
    assert enabling_problems(policy, *parts(policy)) == []
    assert list(doctor_findings(carried_here=True)) == []


def test_enabling_is_refused_and_renaming_an_enabled_policy_is_not(db: None) -> None:
    policy = made(settings.VANTAGE, enabled=False)
    members, routes = parts(policy)
    assert refusals(policy, members, routes) == []
    policy.enabled = True
    assert {field for field, _ in refusals(policy, members, routes)} == {"executor", "members"}
    policy.save()
    policy.name = "another name"
    assert refusals(policy, members, routes) == []


def test_a_route_that_is_added_to_an_enabled_policy_is_judged(db: None) -> None:
    policy = made(settings.VANTAGE)
    members, routes = parts(policy)
    assert refusals(policy, members, [*routes, PolicyRoute(policy=policy, prefix="default")])


def test_the_doctor_examines_enabled_policies_of_this_host(db: None) -> None:
    policy = made(settings.VANTAGE)
    made("another-host")
    findings = list(doctor_findings(carried_here=True))
    assert {name for name, _ in findings} == {policy.name}
    assert any("interface nowan1 does not exist" in problem.sentence for _, problem in findings)
