"""Rules of other programs are recognised by their numbers; ours and the system's are no news."""

from __future__ import annotations

import pytest

from health.domain.probe_route import MARK_BASE, plan_family
from health.domain.probe_route_facts import Rule
from health.domain.probe_route_neighbours import Severity, examine_rules
from tests.unit.health.domain.probe_route_worlds import address, default, uplink, world

OURS = plan_family(
    uplink(), 4, world(address("192.0.2.5", "192.0.2.0/24"), default("192.0.2.1")), others=[]
).rules
SYSTEM = [Rule(4, 0, 255), Rule(4, 32766, 254), Rule(4, 32767, 253)]
TABLES, MARKS = {173_001}, {MARK_BASE | 1}


def test_a_host_with_nothing_else_has_no_findings():
    assert examine_rules([*SYSTEM, *OURS], TABLES, MARKS) == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(4, 90, 300, source="192.0.2.0/24"), "Rule 90 (IPv4, table 300) comes before"),
        (Rule(4, 320, 10_000), "FRR"),
        (Rule(6, 1000, 0, other_selectors=True), "VRF"),
        (Rule(4, 2001, 1, fwmark=0x100, fwmask=0x3F00), "mwan3"),
        (Rule(4, 5210, 254, fwmark=0x80000, fwmask=0xFF0000), "Tailscale"),
        (Rule(4, 32764, 51820, other_selectors=True), "wg-quick"),
        (Rule(4, 400, 173_001), "leads into table 173001"),
        (Rule(4, 400, 7, fwmark=1, fwmask=0xF), "selects firewall mark 0x1"),
    ],
)
def test_what_else_routes_here_is_told_once_with_a_cure(rule, words):
    found = [one for one in examine_rules([rule, rule], TABLES, MARKS) if words in one.sentence]
    assert len(found) == 1
    assert found[0].severity is Severity.WARNING
    assert found[0].cure


def test_a_probe_route_that_nobody_configured_is_told():
    found = examine_rules(OURS, set(), set())
    assert "of no uplink configured here" in found[0].sentence
    assert "route flush table 173001 proto 173" in found[0].cure
