"""Ours is repaired and removed, others' things are never touched, and a flood is survived."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest

from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState, RouteState
from health.uplinks import keeper
from health.uplinks.netlink import EventSocket
from tests.lab.two_uplinks import GATEWAY, PATIENCE_SECS, TwoUplinks, Watcher, specs

pytestmark = pytest.mark.root

FOREIGN = (
    "rule add from 192.168.1.2 fwmark 0x7 lookup 77 priority 174 protocol 4",
    "route add default via 192.168.1.1 dev wan2 table 77 proto 4 metric 1024",
    "route add 198.51.100.0/24 via 192.168.1.1 dev wan1 proto 173 metric 9",
    "rule add from 198.51.100.7 lookup 77 priority 90 protocol 173",
)


def everything(lab: TwoUplinks) -> list[str]:
    """All rules and routes of the branch."""
    return sorted(
        line.strip()
        for family in (4, 6)
        for what in ("rule", "route show table all")
        for line in lab.branch.ip(f"-{family} {what}").splitlines()
    )


def wait_until(wanted: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECS
    while time.monotonic() < deadline:
        if wanted():
            return True
        time.sleep(0.02)
    return False


def test_an_uplink_no_longer_managed_leaves_nothing_behind(lab, watch):
    for command in FOREIGN:
        lab.branch.ip(command)
    before = everything(lab)
    watcher = watch()
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2)
    assert everything(lab) != before
    watcher.keeper.configure(specs()[1:])
    watcher.wait(lambda told: set(told) == {2}, "one uplink left")
    assert not [line for line in everything(lab) if "173001" in line or "oif wan1" in line]
    watcher.keeper.configure(specs(ProbeRouteMode.NONE))
    watcher.wait(lambda told: told[2].route is RouteState.NOT_NEEDED, "none")
    assert everything(lab) == before


def test_a_successor_removes_what_is_no_longer_wanted(lab, watch):
    before = everything(lab)
    first = watch()
    first.keeper.configure(specs(table=0))
    first.wait_verified(1, 2)
    first.keeper.close()
    successor = watch()
    successor.keeper.configure([*specs()[:1], *specs(ProbeRouteMode.NONE)[1:]])
    successor.wait_verified(1)
    assert not [line for line in everything(lab) if "173002" in line]
    successor.keeper.configure([])
    successor.wait(lambda told: not told, "nothing")
    assert everything(lab) == before


@pytest.mark.parametrize(
    "damage",
    [
        "route flush table 173001",
        "route del default dev wan1 table 173001",
        "rule del priority 175 oif wan1",
        "rule del priority 173 fwmark 0xad000001",
        "-6 route flush table 173001",
        "-6 rule del priority 175 oif wan1",
    ],
)
def test_what_somebody_deletes_is_put_back(lab, watch, caplog, damage):
    watcher = watch()
    watcher.keeper.configure(specs())
    for family in (4, 6):
        watcher.wait_verified(1, 2, family=family)
    before = everything(lab)
    with caplog.at_level(logging.WARNING, "health.uplinks"):
        lab.branch.ip(damage)
        assert wait_until(lambda: everything(lab) == before), damage
        lab.branch.ip(damage)
        assert wait_until(lambda: everything(lab) == before), damage
    assert len(caplog.records) == 1  # said once, not at every repair
    assert "line 1" in caplog.text


def test_a_fight_over_the_routes_ends_with_a_sentence(lab, watch):
    watcher = watch()
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2)
    deadline = time.monotonic() + PATIENCE_SECS
    while time.monotonic() < deadline and watcher.now(1).route is not RouteState.UNUSABLE:
        lab.branch.ip("route flush table 173001")
        time.sleep(0.01)
    assert "again and again" in watcher.now(1).detail
    assert watcher.now(2).route is RouteState.VERIFIED


def test_a_table_with_foreign_routes_is_left_alone(lab, watch):
    lab.branch.ip(f"route add default via {GATEWAY} dev wan2 table 100 proto static")
    before = everything(lab)
    watcher = watch()
    watcher.keeper.configure(specs(table=100)[:1])
    watcher.wait(lambda told: told[1].route is RouteState.UNUSABLE, "refused")
    assert "routing table 100 has routes of another owner" in watcher.now(1).detail
    assert [line for line in everything(lab) if "table 100" in line] == [
        line for line in before if "table 100" in line
    ]


def test_lost_events_are_made_good_by_looking_at_everything(lab, watch, tmp_path):
    watcher = watch()
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2)
    hold = watcher.keeper._lock  # the keeper needs it for its next pass
    flood = tmp_path / "flood"
    octets = [f"10.{i}.{j}.1/32" for i in range(16) for j in range(250)]
    flood.write_text("".join(f"addr add {one} dev lo\naddr del {one} dev lo\n" for one in octets))
    with hold:
        lab.branch.ip("addr add 10.99.99.99/32 dev lo")  # wakes it, and it waits for us
        time.sleep(0.1)
        lab.branch.ip(f"-batch {flood}")
        lab.branch.ip("link set wan1 down")
    watcher.wait(lambda told: told[1].link is LinkState.DOWN, "down in spite of the flood")
    assert wait_until(lambda: watcher.keeper.lost_events > 0)
    lab.branch.ip("link set wan1 up")
    watcher.wait_verified(1, 2)


def test_a_lost_carrier_is_seen_though_the_kernel_is_late_to_tell(lab, watch, monkeypatch):
    monkeypatch.setattr(EventSocket, "receive", lambda self, at_most=0: ([], False))
    watcher = watch()
    watcher.keeper.configure(specs(ProbeRouteMode.NONE))
    watcher.wait(lambda told: told[1].link is LinkState.UP, "up")
    lab.isps[1].ip("link set p0 down")
    told = watcher.wait(lambda told: told[1].link is LinkState.DOWN, "asked for")
    assert told[2].link is LinkState.UP


def test_strict_reverse_path_filtering_is_found_with_its_cure(lab, watch):
    lab.branch.sysctl(ipv4__conf__wan1__rp_filter=1)
    lab.move_default(2)
    watcher = watch()
    # The other uplink is not managed, and has the same source: nothing tells answers apart.
    watcher.keeper.configure(specs(gateway=GATEWAY))
    watcher.wait(lambda told: told[1].route is RouteState.UNUSABLE, "strict filtering found")
    assert "sysctl -w net.ipv4.conf.wan1.rp_filter=2" in watcher.now(1).detail
    assert watcher.now(2).route is RouteState.VERIFIED
    lab.branch.sysctl(ipv4__conf__wan1__rp_filter=2)
    watcher.wait_verified(1, 2)


def test_a_source_of_its_own_passes_strict_reverse_path_filtering(lab, watch, pinger):
    lab.branch.ip("addr del 192.168.1.2/24 dev wan1")
    lab.branch.ip("addr add 192.168.1.77/24 dev wan1")
    lab.branch.sysctl(ipv4__conf__wan1__rp_filter=1, ipv4__conf__wan2__rp_filter=1)
    lab.move_default(2)
    watcher = watch()
    watcher.keeper.configure(specs(gateway=GATEWAY))
    watcher.wait_verified(1, 2)
    probe = pinger(4)
    assert all(probe.ping(watcher.now(key)) for key in (1, 2))


def test_traffic_of_others_keeps_the_specific_routes_of_the_main_table(lab, watch):
    lab.branch.ip("route add 198.51.100.0/24 via 192.168.1.254 dev wan1")
    watcher = watch()
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2)
    assert "via 192.168.1.254" in lab.branch.ip("route get 198.51.100.1 oif wan1")
    assert "table 173001" in lab.branch.ip("route get 203.0.113.9 oif wan1")
    # A probe, by its mark, measures the gateway of its uplink and nothing else.
    mark = watcher.now(1).fwmark
    assert "via 192.168.1.1 " in lab.branch.ip(f"route get 198.51.100.1 mark {mark}")


def test_a_keeper_that_cannot_ask_the_kernel_says_so_and_goes_on_trying(lab, monkeypatch, caplog):
    refusals = iter([OSError(97, "Address family not supported by protocol")] * 2)

    class Refusing(EventSocket):
        def __init__(self, protocol: int) -> None:
            for refusal in refusals:
                raise refusal
            super().__init__(protocol)

    monkeypatch.setattr(keeper, "EventSocket", Refusing)
    monkeypatch.setattr(keeper, "RETRY_SECS", 0.05)
    watcher = Watcher()
    try:
        plain = UplinkSpec(9, "i", "plain", "wan2")
        watcher.keeper.configure([*specs(), plain])
        blind = watcher.wait(lambda told: "AF_NETLINK" in told[1].detail, "the reason")
        assert (blind[1].route, blind[1].link) == (RouteState.UNUSABLE, LinkState.UNKNOWN)
        assert (blind[9].route, blind[9].link) == (RouteState.NOT_NEEDED, LinkState.UNKNOWN)
        watcher.wait_verified(1, 2)
        assert [record.levelname for record in caplog.records] == ["ERROR"]
    finally:
        watcher.keeper.close()
        watcher.keeper.close()
        watcher.keeper.configure([])  # too late, and harmless


def test_a_receiver_that_fails_does_not_end_the_keeper(lab, caplog):
    told = []

    def receive(states):
        told.append(states)
        raise ValueError("the receiver's own fault")

    uplinks = keeper.UplinkKeeper(receive)
    uplinks.start()
    try:
        uplinks.configure(specs())
        assert wait_until(lambda: bool(told))
        lab.branch.ip("link set wan1 down")
        assert wait_until(lambda: told[-1][1].link is LinkState.DOWN)
        assert uplinks.states()[1].link is LinkState.DOWN
    finally:
        uplinks.close()
    assert "could not be handed over" in caplog.text
