"""``doctor`` finds in a real kernel what keeps probes from their uplinks, and the cure works."""

from __future__ import annotations

import pytest

from health.domain.probe_route_neighbours import Severity
from health.domain.uplink_spec import ProbeRouteMode
from health.uplinks.examination import examine_uplinks
from tests.lab.two_uplinks import GATEWAY, specs

pytestmark = pytest.mark.root


def findings(wanted=None, **both):
    return examine_uplinks(wanted or specs(**both))


def about(found, word):
    return [one for one in found if word in one.sentence]


def test_a_healthy_host_has_a_line_for_each_uplink(lab, watch):
    watch_it = watch()
    watch_it.keeper.configure(specs())
    watch_it.wait_verified(1, 2)
    watch_it.wait_verified(1, 2, family=6)
    found = [one for one in findings() if one.uplink]
    assert [(one.uplink, one.severity) for one in found] == [
        ("line 1", Severity.OK), ("line 2", Severity.OK),
    ]  # fmt: skip
    assert f"by {GATEWAY}" in found[0].sentence


def test_probe_routes_that_nobody_made_are_faults_and_stay_unmade(lab):
    before = lab.branch.ip("rule")
    lab.move_default(2)
    found = [one for one in findings() if one.severity is Severity.FAULT]
    assert {one.uplink for one in found} >= {"line 1"}
    assert all(one.cure for one in found)
    assert lab.branch.ip("rule") == before


def test_settings_that_will_hurt_after_a_switch_are_warned_of(lab, watch):
    watch_it = watch()
    watch_it.keeper.configure(specs())
    watch_it.wait_verified(1, 2)
    lab.branch.sysctl(ipv4__conf__wan2__rp_filter=1, ipv4__conf__wan2__arp_filter=1)
    found = findings()
    assert about(found, "is strict")[0].cure == "sysctl -w net.ipv4.conf.wan2.rp_filter=2"
    assert about(found, "arp_filter is on")[0].uplink == "line 2"


def test_other_policy_routing_is_named(lab):
    for rule in (
        "rule add fwmark 0x100/0x3f00 lookup 1 priority 2001",
        "rule add not fwmark 0xca6c lookup 51820 priority 32764",
        "rule add fwmark 0x80000/0xff0000 lookup main priority 5210",
        "rule add from 192.0.2.7 lookup 300 priority 90",
    ):
        lab.branch.ip(rule)
    found = findings()
    for word in ("mwan3", "wg-quick", "Tailscale", "Rule 90"):
        assert about(found, word), word


def test_what_an_earlier_configuration_left_is_told(lab, watch):
    watch_it = watch()
    watch_it.keeper.configure(specs())
    watch_it.wait_verified(1, 2)
    watch_it.keeper.close()
    left = about(findings(specs(ProbeRouteMode.NONE)), "of no uplink configured here")
    assert len(left) == 2
    assert "lookup 173001 protocol 173" in left[0].cure


def test_no_uplinks_means_nothing_to_say(lab):
    assert examine_uplinks([]) == []
