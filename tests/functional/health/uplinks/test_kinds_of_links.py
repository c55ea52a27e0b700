"""Uplinks that are no Ethernet with a static address: point-to-point, advertised, a lone /32."""

from __future__ import annotations

import pytest

from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState
from health.probers.base import WireTarget
from health.probers.icmp import IcmpProber
from tests.functional.health.uplinks.replies import answers
from tests.lab.links import advertise, point_to_point
from tests.lab.two_uplinks import GATEWAY, TARGET, TARGET6, specs

pytestmark = pytest.mark.root


def test_a_point_to_point_link_needs_no_gateway(lab, watch, pinger):
    dial_in = UplinkSpec(3, "c", "dial-in", "ppp0", ProbeRouteMode.MANAGED)
    watcher = watch()
    watcher.keeper.configure([*specs(), dial_in])
    watcher.wait_verified(1, 2)
    assert watcher.now(3).link is LinkState.DOWN
    with point_to_point("ppp0") as far_end:
        lab.branch.ip("addr add 10.64.0.2 peer 10.64.0.1/32 dev ppp0")
        lab.branch.ip("link set ppp0 up")
        state = watcher.wait_verified(1, 2, 3)[3]
        assert (state.source, state.gateway) == ("10.64.0.2", "")
        probe = pinger(4)
        assert probe.ping(state)
        assert far_end.answered == 1
        assert probe.ping(watcher.now(1))
        assert far_end.answered == 1
        first = state.index
    watcher.wait(lambda told: told[3].link is LinkState.DOWN, "hung up")
    with point_to_point("ppp0"):  # a new session: another index, another address
        lab.branch.ip("addr add 10.64.7.9 peer 10.64.0.1/32 dev ppp0")
        lab.branch.ip("link set ppp0 up")
        state = watcher.wait_verified(3)[3]
        assert state.source == "10.64.7.9"
        assert state.index != first
        assert pinger(4).ping(state)


def test_router_advertisements_bring_and_renumber_an_uplink(lab, watch, pinger):
    lab.branch.ip("-6 addr flush dev wan1 scope global")
    lab.branch.ip("-6 route flush default dev wan1")
    for prefix in ("2001:db8:71::", "2001:db8:72::"):
        lab.isps[1].ip(f"-6 route add {prefix}/64 dev p0")
    watcher, probe = watch(), pinger(6)
    watcher.keeper.configure(specs())
    watcher.wait_verified(2, family=6)
    advertise(lab.isps[1], "2001:db8:71::")
    watcher.wait(lambda told: told[1].source6.startswith("2001:db8:71:"), "an address")
    state = watcher.wait_verified(1, 2, family=6)[1]
    assert state.gateway6 == "fe80::1"
    assert probe.ping(state)
    advertise(lab.isps[1], "2001:db8:71::", preferred_secs=0)
    advertise(lab.isps[1], "2001:db8:72::")
    watcher.wait(lambda told: told[1].source6.startswith("2001:db8:72:"), "the new address")
    assert probe.ping(watcher.wait_verified(1, 2, family=6)[1])


def test_a_gateway_outside_the_network_of_the_link_is_used(lab, watch, pinger):
    lab.branch.ip("addr del 192.168.1.2/24 dev wan1")
    lab.branch.ip("addr add 100.64.9.9/32 dev wan1")
    lab.isps[1].ip("route add 100.64.9.9/32 dev p0")
    watcher = watch()
    watcher.keeper.configure(specs(gateway=GATEWAY)[:1])
    state = watcher.wait_verified(1)[1]
    assert "onlink" in lab.branch.ip("route show table 173001 default")
    assert (state.onlink, state.onlink6) == (True, False)
    assert pinger(4).ping(state)


@pytest.mark.parametrize(("family", "address"), [(4, TARGET), (6, TARGET6)])
def test_the_echo_prober_is_answered_over_the_uplink_of_each_state(lab, watch, family, address):
    watcher = watch()
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2, family=family)
    lab.move_default(2)
    prober = IcmpProber()
    try:
        for key in (1, 2):
            state = watcher.now(key)
            before = lab.echoes(key, family)
            target = WireTarget(
                address,
                source=state.source_for(address),
                interface=state.interface,
                interface_index=state.index,
                fwmark=state.fwmark,
            )
            assert answers(prober, target, 5) == ["answered"] * 5
            assert lab.echoes(key, family) == before + 5
    finally:
        prober.close()
