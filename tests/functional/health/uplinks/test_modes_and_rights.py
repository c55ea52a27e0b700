"""Routing made by others is verified only; without rights the cure is told, and nothing breaks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState, RouteState
from tests.lab.two_uplinks import GATEWAY, SOURCE, specs

pytestmark = pytest.mark.root

REPOSITORY = Path(__file__).parents[4]
ASK = """
import json, sys, time
from health.domain.uplink_spec import ProbeRouteMode
from tests.lab.two_uplinks import Watcher, specs

watcher = Watcher()
watcher.keeper.configure(specs(ProbeRouteMode(sys.argv[1]), table=100))
states = watcher.wait(lambda told: told[1].route != "pending", "a verdict")
print(json.dumps([states[1].route, states[1].detail, states[1].link]))
watcher.keeper.close()
"""


def without_admin(mode: str) -> list[str]:
    """What a keeper finds that may change nothing."""
    caps = "-net_admin"
    done = subprocess.run(
        ["setpriv", "--inh-caps", caps, "--bounding-set", caps, sys.executable, "-c", ASK, mode],
        cwd=REPOSITORY, env={"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: list[str] = json.loads(done.stdout)
    return answer


def configure_by_hand(lab) -> None:
    """Policy routing as an administrator would write it, for wan1."""
    lab.branch.ip(f"route add default via {GATEWAY} dev wan1 table 100")
    lab.branch.ip("rule add oif wan1 lookup 100")


def test_external_routing_is_verified_and_never_changed(lab, watch, pinger):
    configure_by_hand(lab)
    lab.move_default(2)
    before = lab.branch.ip("rule") + lab.branch.ip("route show table all")
    watcher = watch()
    watcher.keeper.configure(specs(ProbeRouteMode.EXTERNAL))
    watcher.wait_verified(1, 2)
    state = watcher.now(1)
    assert (state.source, state.gateway, state.fwmark) == (SOURCE, GATEWAY, 0)
    seen = lab.echoes(1)
    assert pinger(4).ping(state)
    assert lab.echoes(1) == seen + 1
    assert lab.branch.ip("rule") + lab.branch.ip("route show table all") == before


def test_external_routing_that_is_missing_is_told_with_the_commands(lab, watch):
    lab.move_default(2)
    watcher = watch()
    watcher.keeper.configure(specs(ProbeRouteMode.EXTERNAL, table=100))
    watcher.wait_verified(2)
    state = watcher.now(1)
    assert state.route is RouteState.UNUSABLE
    assert "taken for a neighbour" in state.detail
    assert "rule add oif wan1 lookup 100" in state.detail
    configure_by_hand(lab)
    watcher.wait_verified(1, 2)
    lab.branch.ip("rule del oif wan1")
    watcher.wait(lambda told: told[1].route is RouteState.UNUSABLE, "seen at once")


def test_a_wrong_gateway_is_not_verified(lab, watch):
    configure_by_hand(lab)
    watcher = watch()
    watcher.keeper.configure(specs(ProbeRouteMode.EXTERNAL, gateway="192.168.1.254")[:1])
    watcher.wait(lambda told: told[1].route is RouteState.UNUSABLE, "another gateway")
    assert f"by gateway {GATEWAY}" in watcher.now(1).detail


def test_without_the_right_to_change_routes_the_cure_is_told(lab):
    route, detail, link = without_admin("managed")
    assert (route, link) == ("unusable", "up")
    assert "CAP_NET_ADMIN" in detail
    assert "external" in detail


def test_external_routing_is_verified_without_any_right(lab):
    configure_by_hand(lab)
    lab.move_default(2)
    assert without_admin("external") == ["verified", "", "up"]


def test_without_a_probe_route_the_link_is_still_followed(lab, watch):
    watcher = watch()
    wan1 = UplinkSpec(1, "a", "line 1", "wan1", source="192.168.1.2")
    watcher.keeper.configure([wan1, UplinkSpec(2, "b", "anywhere")])
    states = watcher.wait(lambda told: set(told) == {1, 2}, "both")
    assert (states[1].link, states[1].route) == (LinkState.UP, RouteState.NOT_NEEDED)
    assert (states[1].source, states[2].link) == (SOURCE, LinkState.UNKNOWN)
    lab.isps[1].ip("link set p0 down")
    watcher.wait(lambda told: told[1].link is LinkState.DOWN, "carrier lost")
    assert watcher.now(1).route is RouteState.NOT_NEEDED


def test_numbers_that_clash_are_refused_with_the_name_of_the_other(lab, watch):
    watcher = watch()
    watcher.keeper.configure(specs(table=100))
    watcher.wait_verified(1)
    assert "that of uplink 'line 1'" in watcher.now(2).detail
    watcher.keeper.configure(specs(table=254))
    watcher.wait(lambda told: "the system's" in told[1].detail, "main refused")
