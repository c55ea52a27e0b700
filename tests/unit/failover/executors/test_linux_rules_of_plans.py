"""Selectors in plans, what the kernel's refusals mean, and whom a host's rules belong to."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Any, cast

import pytest

from failover.executors import linux_check, linux_errors
from failover.executors.base import Connections, Proposal, Route, Selectors
from failover.executors.changes import RouteChange, RuleChange
from failover.executors.linux_kernel import LinuxRouting
from failover.executors.linux_messages import (
    parse_route,
    parse_rule,
    route_message,
    rule_message,
)
from failover.executors.planning import FIRST_PRIORITY, LAST_PRIORITY, route_changes
from health.domain.probe_route_facts import Address, Link
from tests.unit.failover.executors.contract import CABLE, FIBRE, TO_CABLE

CHOSEN = Route(4, table=100, selectors=Selectors(source="10.7.0.0/24"))
ROUTE = RouteChange("replace", 4, "default", 254, 50, "wan2", "198.51.100.1", "198.51.100.9")


def test_routes_that_differ_in_selectors_alone_are_one_route_and_several_rules() -> None:
    other = replace(CHOSEN, selectors=Selectors(fwmark=7))
    plan = route_changes(replace(TO_CABLE, routes=(CHOSEN, other)))
    assert [change.text() for change in plan.changes] == [
        "ip -4 route replace default via 198.51.100.1 dev wan2 table 100 metric 50 proto 173",
        "ip -4 rule add from 10.7.0.0/24 lookup 100 priority 18732 protocol 173",
        "ip -4 rule add fwmark 0x7 lookup 100 priority 18756 protocol 173",
    ]
    assert len(plan.inverse) == 1, "rules lead to the table whichever line it has"


def test_without_an_earlier_path_the_rules_go_before_their_route() -> None:
    plan = route_changes(replace(TO_CABLE, routes=(CHOSEN,), from_uplink=None))
    assert [change.text().split()[2:4] for change in plan.inverse] == [
        ["rule", "delete"],
        ["route", "delete"],
    ]


def test_every_rule_has_its_priority_between_neighbours_and_the_main_table() -> None:
    full = Selectors("2001:db8::1/128", "2001:db8::2/128", "lan0", 46, 7)
    for selectors in (full, Selectors(dscp=0), Selectors(interface="lan0")):
        route = Route(6, table=100, selectors=selectors)
        rule = route_changes(replace(TO_CABLE, routes=(route,))).changes[1]
        assert isinstance(rule, RuleChange)
        assert FIRST_PRIORITY <= rule.priority <= LAST_PRIORITY < 32766


def test_metric_zero_of_ipv6_is_called_what_the_kernel_makes_of_it() -> None:
    plan = route_changes(replace(TO_CABLE, routes=(Route(6, metric=0),)))
    assert "metric 1024" in plan.changes[0].text()


@pytest.mark.parametrize(
    ("which", "uplink", "told"),
    [
        (Connections.NONE, FIBRE, ""),
        (Connections.ALL, FIBRE, "forget all tracked connections"),
        (
            Connections.OLD_PATH,
            replace(FIBRE, addresses=("192.0.2.10", "192.0.2.11"), fwmark=5),
            (
                "forget connections whose answers come to 192.0.2.10, 2001:db8:1::a, 192.0.2.11, "
                "and those with mark 0x5"
            ),
        ),
        (
            Connections.OLD_PATH,
            CABLE,
            "forget connections whose answers come to the addresses of wan2",
        ),
        (Connections.OLD_PATH, None, ""),
    ],
)
def test_a_plan_says_which_connections_it_forgets(
    which: Connections, uplink: Any, told: str
) -> None:
    plan = route_changes(replace(TO_CABLE, connections=which, from_uplink=uplink))
    assert plan.connections_text() == told
    assert (f"then: {told}" in plan.text().splitlines()) == bool(told)


@pytest.mark.parametrize(
    ("number", "change", "told", "retryable"),
    [
        (errno.EPERM, ROUTE, "Give the monitor CAP_NET_ADMIN", False),
        (errno.EACCES, ROUTE, "may not change the routing", False),
        (errno.ENODEV, ROUTE, "interface wan2 does not exist", True),
        (errno.ENETDOWN, ROUTE, "`ip link set wan2 up`", True),
        (errno.ENETUNREACH, ROUTE, "gateway 198.51.100.1 is in no network of wan2", True),
        (errno.EHOSTUNREACH, ROUTE, "gateway 198.51.100.1 is in no network of wan2", True),
        (errno.EINVAL, ROUTE, "source 198.51.100.9 is perhaps no address", True),
        (errno.EINVAL, replace(ROUTE, source=""), "takes 198.51.100.1 for no gateway", True),
        (errno.EEXIST, ROUTE, "another metric", False),
        (errno.EAFNOSUPPORT, ROUTE, "no IPv4 routing here", False),
        (errno.ENOBUFS, ROUTE, "It is tried again", True),
        (errno.EINVAL, RuleChange("add", 4, 1, 2, Selectors(fwmark=3)), "its selectors", True),
        (errno.EPERM, None, "allow AF_NETLINK sockets", True),
    ],
)
def test_every_refusal_of_the_kernel_has_its_sentence_and_cure(
    number: int, change: Any, told: str, retryable: bool
) -> None:
    error = linux_errors.refusal(OSError(number, "x"), change)
    assert told in str(error)
    assert errno.errorcode[number] in str(error)
    assert error.retryable is retryable


def test_a_kernel_that_does_not_answer_is_asked_again() -> None:
    assert linux_errors.refusal(TimeoutError(), ROUTE).retryable


@pytest.mark.parametrize(
    "route",
    [
        ROUTE,
        replace(ROUTE, prefix="203.0.113.0/24", source="", onlink=True, table=1_000_000),
        replace(ROUTE, family=6, prefix="2001:db8::/32", gateway="fe80::1", source="2001:db8::9"),
        replace(ROUTE, family=6, gateway="", source=""),
    ],
)
def test_a_route_is_the_same_after_the_way_to_the_kernel_and_back(route: RouteChange) -> None:
    parsed = parse_route(route_message(route, 7), {7: "wan2"})
    assert parsed is not None
    assert parsed.plain
    assert parsed.route == route


@pytest.mark.parametrize(
    "selectors",
    [
        Selectors("10.7.0.0/24", "203.0.113.0/24", "lan0", 46, 0xDEADBEEF),
        Selectors(source="2001:db8::/32"),
        Selectors(dscp=0),
    ],
)
def test_a_rule_is_the_same_after_the_way_to_the_kernel_and_back(selectors: Selectors) -> None:
    rule = RuleChange("add", 6 if ":" in selectors.source else 4, 300, 17_400, selectors)
    parsed = parse_rule(rule_message(rule))
    assert parsed is not None
    assert parsed.plain
    assert parsed.rule == rule


class Routing:
    """A host with two lines, one of which belongs to a VRF."""

    def links(self) -> dict[str, Link]:
        return {
            "wan1": Link(1, "wan1", up=True, running=True),
            "wan2": Link(2, "wan2", up=True, running=True, master=3),
            "red": Link(3, "red", up=True, running=True, vrf=True),
        }

    def addresses(self) -> list[Address]:
        return [
            Address(4, 1, "192.0.2.10", "192.0.2.0/24", is_global=True),
            Address(4, 2, "198.51.100.10", "198.51.100.0/24", is_global=True),
        ]

    def our_routes(self, family: int, table: int) -> list[Any]:
        return []

    def routes_of_others(self, *_: object) -> tuple[list[Any], bool]:
        return [], False

    def rules(self, family: int) -> list[Any]:
        return []


def test_a_line_inside_a_vrf_and_a_table_too_long_to_read_are_worth_a_warning() -> None:
    proposal = Proposal("uid", "Internet", (FIBRE, CABLE), (Route(4),))
    [vrf, unseen] = linux_check.problems(proposal, cast("LinuxRouting", Routing()))
    assert not vrf.blocks
    assert "cable: wan2 belongs to the VRF red" in vrf.sentence
    assert not unseen.blocks
    assert "not all of them were looked at" in unseen.sentence


@pytest.mark.parametrize(
    ("release", "old"),
    [("6.11.9-arch1", True), ("6.12.0", False), ("7.0.1", False), ("5.15.0-1-rt", True)],
)
def test_rules_by_dscp_want_a_kernel_that_does_not_ignore_them(release: str, old: bool) -> None:
    rule = RuleChange("add", 4, 100, 17_400, Selectors(dscp=46))
    assert bool(list(linux_check.dscp_problems([rule], release))) is old
    assert not list(linux_check.dscp_problems([], release))
