"""Only what differs is changed, only what is ours is removed, and never a way before its like."""

from __future__ import annotations

from health.domain.probe_route import plan_family
from health.domain.probe_route_changes import (
    foreign_protocol,
    route_changes,
    rule_changes,
    tables_left_behind,
)
from tests.unit.health.domain.probe_route_worlds import address, default, uplink, world

ONE = address("192.0.2.5", "192.0.2.0/24")
PLAN = plan_family(uplink(), 4, world(ONE, default("192.0.2.1")), others=[])
MOVED = plan_family(
    uplink(),
    4,
    world(address("198.51.100.5", "198.51.100.0/24"), default("198.51.100.1")),
    others=[],
)


def test_nothing_changes_when_everything_is_there():
    assert not route_changes(PLAN.routes, PLAN.routes)
    assert not rule_changes(PLAN.rules, PLAN.rules, {173_001})


def test_a_default_route_is_replaced_and_not_removed_first():
    changes = route_changes(MOVED.routes, PLAN.routes)
    assert "0.0.0.0/0" in {route.destination for route in changes.put}
    assert [route.destination for route in changes.drop] == ["192.0.2.0/24"]


def test_routes_of_others_are_seen_and_never_dropped():
    foreign = PLAN.routes[1]._replace(protocol=3, destination="203.0.113.0/24")
    policy = PLAN.routes[1]._replace(metric=50, destination="203.0.113.0/25")
    assert foreign_protocol([*PLAN.routes, foreign]) == 3
    assert foreign_protocol(PLAN.routes) is None
    assert route_changes([], [foreign, policy]).drop == ()


def test_rules_of_a_new_source_come_before_those_of_the_old_go():
    changes = rule_changes(MOVED.rules, PLAN.rules, {173_001})
    assert {rule.source for rule in changes.put} == {"198.51.100.5/32"}
    assert {rule.source for rule in changes.drop} == {"192.0.2.5/32"}
    # First the rule that belongs to its twin, then the twin that says whose it is.
    assert [rule.priority for rule in changes.drop] == [174, 175]


def test_rules_of_other_tables_owners_and_places_stay():
    elsewhere = [rule._replace(priority=90) for rule in PLAN.rules]
    foreign = [rule._replace(protocol=4) for rule in PLAN.rules]
    assert rule_changes([], [*elsewhere, *foreign], {173_001}).drop == ()
    assert rule_changes([], PLAN.rules, {100}).drop == ()


def test_what_a_predecessor_made_is_found_by_the_interface():
    assert tables_left_behind(PLAN.rules, {"wan1"}) == {173_001}
    assert tables_left_behind(PLAN.rules, {"wan2"}) == set()
    assert tables_left_behind([one._replace(protocol=4) for one in PLAN.rules], {"wan1"}) == set()
