"""Messages survive the way to the wire and back, and garbage is not read as something."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from health.domain.probe_route_facts import Route, RouteKind, Rule
from health.uplinks import messages
from health.uplinks.netlink import attribute, attributes
from health.uplinks.repairs import BURST, QUIET_SECS, REFILL_SECS, RepairBudget

NUMBERS = st.integers(1, 0xFFFFFFFF)


@given(
    st.sampled_from([
        (4, "0.0.0.0/0", "192.0.2.1"), (4, "198.51.100.0/24", ""), (6, "::/0", "fe80::1"),
        (6, "2001:db8::/64", ""),
    ]),
    NUMBERS, NUMBERS, st.integers(1, 255), st.integers(1, 2**31 - 1), st.booleans(),
)  # fmt: skip
def test_a_route_comes_back_as_it_was_sent(where, table, metric, protocol, ifindex, onlink):
    family, destination, gateway = where
    route = Route(
        family, table, destination, RouteKind.UNICAST, ifindex, gateway, metric, protocol, onlink
    )
    assert messages.parse_route(messages.route_message(route)) == [route]


@given(NUMBERS, NUMBERS, NUMBERS, st.sampled_from(["", "wan1", "fifteen.letters"]))
def test_a_rule_comes_back_as_it_was_sent(priority, table, mark, interface):
    for source, family in (("", 4), ("192.0.2.5/32", 4), ("2001:db8::5/128", 6)):
        for suppress in (-1, 0):
            rule = Rule(
                family, priority, table, mark, interface=interface, source=source,
                suppress=suppress, protocol=173,
            )  # fmt: skip
            assert messages.parse_rule(messages.rule_message(rule)) == rule


def test_a_rule_with_other_selectors_is_not_taken_for_ours():
    rule = Rule(4, 175, 100, interface="wan1", protocol=173)
    body = messages.rule_message(rule) + attribute(3, b"lan0\0")  # iif
    assert messages.parse_rule(body) == rule._replace(other_selectors=True)


def test_a_default_route_is_told_by_its_header():
    make = messages.route_message
    assert messages.is_default_route(make(Route(4, 1, "0.0.0.0/0", ifindex=1)))
    assert not messages.is_default_route(make(Route(4, 1, "10.0.0.0/8", ifindex=1)))
    assert not messages.is_default_route(make(Route(4, 1, "0.0.0.0/0", RouteKind.UNREACHABLE)))


@given(st.binary(max_size=200))
def test_attributes_of_garbage_end_and_never_raise(garbage):
    for kind, payload in attributes(garbage, 0).items():
        assert kind >= 0
        assert len(payload) <= len(garbage)


def test_repairs_are_immediate_until_they_become_a_fight():
    budget = RepairBudget()
    now = 1000.0
    news = []
    for _ in range(BURST):
        assert budget.may_repair(now)
        news.append(budget.spend(now))
    assert news == [True] + [False] * (BURST - 1)
    assert not budget.may_repair(now)
    assert not budget.may_repair(now + REFILL_SECS * 0.9)
    assert budget.may_repair(now + REFILL_SECS * 1.1)
    assert budget.spend(now + REFILL_SECS * 1.1 + QUIET_SECS * 1.1)
