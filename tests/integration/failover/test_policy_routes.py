"""What a policy steers, as stored: one route by several rules, each of them once."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from failover.models import PolicyRoute
from tests.factories import FailoverPolicyFactory, PolicyRouteFactory


def test_several_rules_of_a_policy_may_lead_to_one_route(db: None) -> None:
    policy = FailoverPolicyFactory()
    for source in ("10.1.0.0/24", "10.2.0.0/24"):
        PolicyRouteFactory(policy=policy, prefix="default", table=100, rule_source=source)
    PolicyRouteFactory(policy=policy, prefix="default", table=100, rule_dscp=46)
    assert sorted(str(route) for route in policy.routes.all()) == [
        "default table 100 metric 50 dscp 46",
        "default table 100 metric 50 from 10.1.0.0/24",
        "default table 100 metric 50 from 10.2.0.0/24",
    ]


@pytest.mark.parametrize("selectors", [{}, {"rule_dscp": 46}, {"rule_source": "10.1.0.0/24"}])
def test_the_same_route_twice_is_refused_by_the_database(
    db: None, selectors: dict[str, object]
) -> None:
    policy = FailoverPolicyFactory()
    PolicyRouteFactory(policy=policy, prefix="default", **selectors)
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyRouteFactory(policy=policy, prefix="default", **selectors)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("prefix", "2001:db8::/32", "is IPv6, the family says IPv4"),
        ("rule_source", "2001:db8::/32", "is IPv6, the family says IPv4"),
        ("rule_destination", "10.0.0.1/8", "is no network such as 10.2.0.0/16"),
        ("rule_source", "everybody", "'everybody' is no network"),
    ],
)
def test_a_network_that_does_not_fit_is_told_at_its_field(
    db: None, field: str, value: str, said: str
) -> None:
    route = PolicyRoute(policy=FailoverPolicyFactory(), **{field: value})
    with pytest.raises(ValidationError) as error:
        route.full_clean()
    assert said in str(error.value.message_dict[field])


def test_connections_of_the_old_path_are_forgotten_unless_a_policy_says_otherwise(
    db: None,
) -> None:
    policy = FailoverPolicyFactory()
    assert policy.connections == "old_path"
    assert not policy.ipv6_default_declared
    policy.connections = "some"
    with pytest.raises(ValidationError, match="some"):
        policy.full_clean()
