"""Every way in which a probe would not take its own uplink is told apart, with its cure."""

from __future__ import annotations

import pytest

from health.domain.probe_route_choice import NextHop
from health.domain.probe_route_verdict import Departure, departure_problem
from health.domain.uplink_spec import ProbeRouteMode
from tests.unit.health.domain.probe_route_worlds import uplink

RIGHT = Departure(11, "wan1", "192.0.2.1", 173_001)
EXPECTED = NextHop("192.0.2.1")


def test_the_right_interface_and_gateway_are_no_problem():
    assert departure_problem(uplink(), 4, EXPECTED, RIGHT) == ""
    assert departure_problem(uplink(), 4, None, RIGHT) == ""
    link_only = RIGHT._replace(gateway="")
    assert departure_problem(uplink(), 4, NextHop(""), link_only) == ""


@pytest.mark.parametrize(
    ("departure", "what"),
    [
        (Departure(refusal="network is unreachable"), "no IPv4 route over wan1"),
        (
            RIGHT._replace(ifindex=12, interface="wan2", table=254),
            "would leave by wan2 via 192.0.2.1 (table 254)",
        ),
        (RIGHT._replace(gateway="192.0.2.9"), "by gateway 192.0.2.9"),
        (RIGHT._replace(gateway="", guessed=True), "taken for a neighbour"),
    ],
)
def test_anything_else_is_a_problem_with_a_cure_for_each_mode(departure, what):
    managed = departure_problem(uplink(), 4, EXPECTED, departure)
    assert what in managed
    assert "ip -4 rule" in managed
    external = departure_problem(
        uplink(mode=ProbeRouteMode.EXTERNAL, table=100), 4, EXPECTED, departure
    )
    assert "default via 192.0.2.1 dev wan1 table 100" in external
    assert "rule add oif wan1 lookup 100" in external
