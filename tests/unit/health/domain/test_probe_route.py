"""The plan of a probe route: a table of its own and every way into it that is unmistakable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from health.domain.probe_route import (
    MARK_BASE,
    PRIORITIES,
    conflict_among,
    mark_of,
    plan_family,
    table_of,
)
from health.domain.probe_route_choice import Memory, NextHop
from health.domain.probe_route_facts import DEFAULT, Route, RouteKind
from health.domain.uplink_spec import ProbeRouteMode
from tests.unit.health.domain.probe_route_worlds import WAN1, address, default, uplink, world

ONE = address("192.0.2.5", "192.0.2.0/24")
TWIN = address("192.0.2.5", "192.0.2.0/24", 12)
GATEWAY = default("192.0.2.1")


def plan(spec=None, facts=None, family=4, others=(), **memory):
    return plan_family(
        spec or uplink(), family, facts or world(ONE, GATEWAY), others=list(others), **memory
    )


def selectors(made) -> set[str]:
    return {rule.interface or rule.source or hex(rule.fwmark) for rule in made.rules}


def default_of(made) -> Route:
    ways = [route for route in made.routes if route.kind is RouteKind.UNICAST]
    return next(route for route in ways if route.destination in DEFAULT.values())


def test_the_table_has_the_link_the_gateway_and_a_floor():
    made = plan()
    assert [(r.destination, r.kind, r.gateway) for r in made.routes] == [
        ("0.0.0.0/0", RouteKind.UNREACHABLE, ""),
        ("192.0.2.0/24", RouteKind.UNICAST, ""),
        ("0.0.0.0/0", RouteKind.UNICAST, "192.0.2.1"),
    ]
    assert {(r.table, r.protocol) for r in made.routes} == {(173_001, 173)}
    assert {r.protocol for r in made.rules} == {173}
    assert {r.priority for r in made.rules} == PRIORITIES


def test_mark_interface_and_a_source_of_its_own_lead_into_the_table():
    assert selectors(plan()) == {"0xad000001", "wan1", "192.0.2.5/32"}


def test_a_source_that_two_interfaces_have_leads_nowhere():
    assert selectors(plan(facts=world(ONE, TWIN, GATEWAY))) == {"0xad000001", "wan1"}


def test_a_source_configured_for_another_uplink_leads_nowhere():
    other = uplink(2, source="192.0.2.5")
    assert "192.0.2.5/32" not in selectors(plan(others=[other]))


def test_two_uplinks_over_one_interface_are_told_apart_by_mark_alone():
    assert selectors(plan(others=[uplink(2, interface="wan1")])) == {"0xad000001"}


def test_traffic_of_others_sees_the_specific_routes_of_the_main_table_first():
    shared = [rule for rule in plan().rules if not rule.fwmark]
    for at in range(0, len(shared), 2):
        first, second = shared[at : at + 2]
        assert (first.table, first.suppress) == (254, 0)
        assert (second.table, second.suppress) == (173_001, -1)
        assert first.priority < second.priority
    assert [rule.suppress for rule in plan().rules if rule.fwmark] == [-1]


@pytest.mark.parametrize(
    ("facts", "problem", "absent"),
    [
        (world(links=()), "interface wan1 does not exist", False),
        (world(), "wan1 has no usable IPv4 address", True),
        (world(ONE), "no IPv4 gateway is known on wan1", False),
    ],
)
def test_without_a_way_out_a_probe_is_held_and_the_reason_told(facts, problem, absent):
    made = plan(facts=facts)
    assert problem in made.problem
    assert made.absent is absent
    assert selectors(made) == {"0xad000001"}
    assert [route.kind for route in made.routes] == [RouteKind.UNREACHABLE]


def test_a_source_that_is_not_here_names_the_cure():
    made = plan(uplink(source="198.51.100.9"))
    assert "source 198.51.100.9 is no address of this host" in made.problem
    assert not made.absent


def test_nothing_is_routed_over_a_link_that_is_down():
    down = WAN1._replace(up=False)
    made = plan(facts=world(ONE, GATEWAY, links=(down,)))
    assert [route.kind for route in made.routes] == [RouteKind.UNREACHABLE]
    assert made.problem == ""


@pytest.mark.parametrize(
    ("network", "gateway", "onlink"),
    [
        ("192.0.2.0/24", "192.0.2.1", False),
        ("", "172.31.1.1", True),
        ("2001:db8::/64", "fe80::1", False),
        ("2001:db8::/64", "2001:db8:f::1", True),
    ],
)
def test_a_gateway_beyond_the_networks_of_the_link_is_taken_as_on_the_link(
    network, gateway, onlink
):
    family = 6 if ":" in gateway else 4
    own = address("2001:db8::5" if family == 6 else "192.0.2.5", network)
    made = plan(facts=world(own, default(gateway)), family=family)
    assert default_of(made).onlink is onlink


def test_a_point_to_point_link_has_a_default_route_without_a_gateway():
    own = address("10.0.0.2", "10.0.0.1/32", 13)
    made = plan(uplink(interface="ppp0"), world(own))
    assert default_of(made).gateway == ""
    assert made.next_hop == NextHop("")


def test_what_was_inherited_belongs_to_the_first_source():
    inherited = Memory("", NextHop("192.0.2.9"))
    made = plan(facts=world(ONE), memory=inherited)
    assert made.next_hop == NextHop("192.0.2.9")
    assert made.memory == Memory("192.0.2.5", NextHop("192.0.2.9"))
    moved = world(address("198.51.100.5", "198.51.100.0/24"))
    assert plan(facts=moved, memory=made.memory).next_hop is None


@given(st.integers(1, 2**24 - 1), st.integers(1, 2**24 - 1))
def test_derived_numbers_are_stable_and_belong_to_one_uplink(first, second):
    one, other = uplink(first), uplink(second)
    assert (table_of(one) == table_of(other)) is (first == second)
    assert (mark_of(one) == mark_of(other)) is (first == second)
    assert mark_of(one) & MARK_BASE == MARK_BASE


def test_configured_numbers_win_and_external_uplinks_get_no_mark():
    assert table_of(uplink(table=100)) == 100
    assert mark_of(uplink(fwmark=7)) == 7
    assert mark_of(uplink(mode=ProbeRouteMode.EXTERNAL)) == 0


@pytest.mark.parametrize("table", [253, 254, 255])
def test_the_systems_tables_are_refused(table):
    assert "is the system's" in conflict_among(uplink(table=table), [])


def test_the_later_of_two_uplinks_with_one_number_is_refused():
    one, two = uplink(1, table=100), uplink(2, table=100)
    assert conflict_among(one, [one, two]) == ""
    assert "routing table 100 is that of uplink 'line 1'" in conflict_among(two, [one, two])
    one, two = uplink(1, fwmark=7), uplink(2, fwmark=7)
    assert "firewall mark 0x7 is that of uplink 'line 1'" in conflict_among(two, [one, two])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"gateway": "fe80::1"}, "gateway 'fe80::1' is no IPv4 address"),
        ({"source": "nonsense"}, "source 'nonsense' is no IPv4 address"),
        ({"gateway6": "192.0.2.1"}, "IPv6 gateway '192.0.2.1' is no IPv6 address"),
        ({"source6": "192.0.2.1"}, "IPv6 source '192.0.2.1' is no IPv6 address"),
    ],
)
def test_an_address_of_the_wrong_family_is_refused_by_its_field(fields, sentence):
    assert sentence in conflict_among(uplink(**fields), [])
    assert conflict_among(uplink(gateway="192.0.2.1", source6="2001:db8::1"), []) == ""
