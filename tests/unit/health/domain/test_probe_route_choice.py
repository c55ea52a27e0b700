"""``auto`` follows what the system configured, and keeps what is still right."""

from __future__ import annotations

import pytest

from health.domain.probe_route_choice import (
    Memory,
    NextHop,
    choose_next_hop,
    choose_source,
    inherited_memory,
    seen_next_hop,
)
from health.domain.probe_route_facts import RouteKind
from tests.unit.health.domain.probe_route_worlds import PPP0, WAN1, address, default, world

STABLE = address("2001:db8::10", preferred_secs=600)
TEMPORARY = address("2001:db8::99", temporary=True)
UNIQUE_LOCAL = address("fd00::10")


@pytest.mark.parametrize(
    ("addresses", "chosen"),
    [
        ([], ""),
        ([address("fe80::1", is_global=False)], ""),
        ([address("2001:db8::1", tentative=True)], ""),
        ([TEMPORARY, STABLE], STABLE.address),
        ([UNIQUE_LOCAL, STABLE], STABLE.address),
        ([UNIQUE_LOCAL], UNIQUE_LOCAL.address),
        ([STABLE._replace(deprecated=True), TEMPORARY], TEMPORARY.address),
        ([STABLE, address("2001:db8::11", preferred_secs=700)], "2001:db8::11"),
        ([address("192.0.2.5", secondary=True), address("192.0.2.6")], "192.0.2.6"),
    ],
)
def test_the_source_is_the_address_that_lasts_longest_and_reaches_farthest(addresses, chosen):
    assert choose_source("auto", addresses) == chosen


def test_a_source_is_kept_until_it_is_deprecated_or_gone():
    other = address("2001:db8::11", preferred_secs=9000)
    assert choose_source("auto", [STABLE, other], STABLE.address) == STABLE.address
    old = STABLE._replace(deprecated=True)
    assert choose_source("auto", [old, other], STABLE.address) == other.address
    assert choose_source("auto", [other], STABLE.address) == other.address


def test_a_configured_source_must_be_an_address_of_this_host():
    assert choose_source("192.0.2.7", [address("192.0.2.7")]) == "192.0.2.7"
    assert choose_source("192.0.2.7", [address("192.0.2.8")]) == ""


def test_the_gateway_comes_from_any_owner_and_table_but_not_from_us():
    ours = default("192.0.2.254", table=173_001, protocol=173)
    policy = default("192.0.2.253", protocol=173)
    assert seen_next_hop(4, WAN1, world(ours, policy), 173_001) is None
    elsewhere = default("192.0.2.1", table=77, metric=5)
    assert seen_next_hop(4, WAN1, world(ours, elsewhere), 173_001) == NextHop("192.0.2.1")
    assert seen_next_hop(4, WAN1, world(default("192.0.2.1", 12)), 173_001) is None
    unreachable = default("192.0.2.1", kind=RouteKind.UNREACHABLE)
    assert seen_next_hop(4, WAN1, world(unreachable), 173_001) is None


def test_the_main_table_counts_first_and_then_the_metric():
    seen = world(
        default("192.0.2.3", table=77),
        default("192.0.2.2", metric=200),
        default("192.0.2.1", metric=100),
    )
    assert seen_next_hop(4, WAN1, seen, 173_001) == NextHop("192.0.2.1")


def test_a_gateway_is_remembered_as_long_as_the_address_stays():
    memory = Memory("192.0.2.5", NextHop("192.0.2.1"))
    assert choose_next_hop("auto", "192.0.2.5", WAN1, None, memory) == memory.next_hop
    assert choose_next_hop("auto", "192.0.2.6", WAN1, None, memory) is None
    assert choose_next_hop("auto", "192.0.2.5", WAN1, NextHop("192.0.2.9"), memory) == NextHop(
        "192.0.2.9"
    )
    assert choose_next_hop("192.0.2.8", "192.0.2.5", WAN1, None, memory) == NextHop("192.0.2.8")


def test_a_point_to_point_link_needs_no_gateway():
    assert choose_next_hop("auto", "10.0.0.2", PPP0, None, None) == NextHop("")
    assert choose_next_hop("auto", "10.0.0.2", PPP0, NextHop("10.0.0.1"), None) == NextHop(
        "10.0.0.1"
    )


@pytest.mark.parametrize(
    ("addresses", "inherited"),
    [
        ([address("192.0.2.5", "192.0.2.0/24")], Memory("", NextHop("192.0.2.1"))),
        ([address("198.51.100.5", "198.51.100.0/24")], None),
        ([], None),
    ],
)
def test_what_a_predecessor_left_counts_only_where_it_still_fits(addresses, inherited):
    left = [default("192.0.2.1", table=173_001, protocol=173)]
    assert inherited_memory(4, WAN1, addresses, left) == inherited
    assert inherited_memory(4, PPP0, addresses, left) is None
