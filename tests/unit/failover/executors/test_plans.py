"""What a plan says for an intent, and which values it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from failover.executors.base import ExecutorError, Intent, Route, UplinkFacts
from failover.executors.planning import route_changes
from tests.unit.failover.executors.contract import CABLE, FIBRE, TO_CABLE


def text(intent: Intent) -> list[str]:
    return route_changes(intent).text().splitlines()


def test_a_plan_replaces_each_route_and_shows_how_to_undo_it() -> None:
    assert text(TO_CABLE) == [
        "ip -4 route replace default via 198.51.100.1 dev wan2 table 254 metric 50 proto 173",
        (
            "ip -6 route replace 2001:db8:99::/48 via 2001:db8:2::1 dev wan2 "
            "table 100 metric 20 proto 173"
        ),
        (
            "undo: ip -6 route replace 2001:db8:99::/48 via 2001:db8:1::1 dev wan1 "
            "src 2001:db8:1::a table 100 metric 20 proto 173"
        ),
        (
            "undo: ip -4 route replace default via 192.0.2.1 dev wan1 src 192.0.2.10 "
            "table 254 metric 50 proto 173"
        ),
    ]


def test_without_an_earlier_path_undoing_means_deleting_our_own_route() -> None:
    intent = replace(TO_CABLE, from_uplink=None, routes=(Route(4),))
    assert text(intent)[1] == "undo: ip -4 route delete default table 254 metric 50 proto 173"


def test_a_policy_without_routes_plans_nothing_and_says_so() -> None:
    assert text(replace(TO_CABLE, routes=())) == [
        "The policy steers no routes: nothing would change."
    ]


def test_a_point_to_point_uplink_needs_no_gateway() -> None:
    tunnel = UplinkFacts(3, "tunnel", "wg0")
    [change] = route_changes(replace(TO_CABLE, to_uplink=tunnel, routes=(Route(4),))).changes
    assert change.text() == "ip -4 route replace default dev wg0 table 254 metric 50 proto 173"


@pytest.mark.parametrize(("family", "prefix"), [(4, "0.0.0.0/0"), (6, "::/0")])
def test_the_whole_address_space_is_called_default(family: int, prefix: str) -> None:
    [change] = route_changes(replace(TO_CABLE, routes=(Route(family, prefix),))).changes
    assert change.prefix == "default"


@pytest.mark.parametrize(
    ("route", "match"),
    [
        (Route(5), "family 5 is neither 4 nor 6"),
        (Route(4, "10.0.0.300/8"), "prefix '10.0.0.300/8'"),
        (Route(4, "10.0.0.1/8"), "has host bits set"),
        (Route(4, "2001:db8::/32"), "prefix 2001:db8::/32 is not of IPv4"),
    ],
)
def test_a_route_that_cannot_exist_is_refused(route: Route, match: str) -> None:
    with pytest.raises(ExecutorError, match=match) as error:
        route_changes(replace(TO_CABLE, routes=(route,)))
    assert not error.value.retryable


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            {"interface": "", "gateway": ""},
            "cable has neither an interface nor an IPv4 gateway: set one on its uplink",
        ),
        ({"gateway": "somewhere"}, "gateway of cable: 'somewhere' does not appear"),
        ({"gateway": "2001:db8::1"}, "gateway 2001:db8::1 of cable is not an IPv4 address"),
        ({"source": "x"}, "source of cable"),
    ],
)
def test_an_uplink_that_cannot_carry_the_route_is_refused(
    change: dict[str, Any], match: str
) -> None:
    with pytest.raises(ExecutorError, match=match):
        route_changes(replace(TO_CABLE, to_uplink=replace(CABLE, **change)))


def test_a_gateway_alone_is_next_hop_enough() -> None:
    plan = route_changes(replace(TO_CABLE, to_uplink=replace(CABLE, interface="")))
    assert f"via {CABLE.gateway} table" in plan.changes[0].text()


def test_the_way_back_is_checked_before_the_way_there_is_taken() -> None:
    with pytest.raises(ExecutorError, match="gateway of fibre"):
        route_changes(replace(TO_CABLE, from_uplink=replace(FIBRE, gateway="x")))
