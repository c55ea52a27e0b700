"""A probe takes its own uplink, whatever happens to routes, addresses and interfaces."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from health.domain.uplink_state import LinkState, RouteState, UplinkState
from tests.lab.two_uplinks import (
    GATEWAY,
    SOURCE,
    Pinger,
    TwoUplinks,
    Watcher,
    specs,
)

pytestmark = pytest.mark.root

MakePinger = Callable[[int], Pinger]
Watch = Callable[[], Watcher]


def arrives(lab: TwoUplinks, pinger: Pinger, state: UplinkState, family: int) -> bool:
    """One probe is answered, and it was this uplink's provider that saw it."""
    before = [lab.echoes(number, family) for number in (1, 2)]
    answered = pinger.ping(state)
    seen = [lab.echoes(number, family) - before[number - 1] for number in (1, 2)]
    return answered and seen[state.key - 1] == 1 and seen[2 - state.key] == 0


def check_both(lab: TwoUplinks, watcher: Watcher, pinger: Pinger, family: int) -> None:
    watcher.wait_verified(1, 2, family=family)
    for key in (1, 2):
        assert arrives(lab, pinger, watcher.now(key), family), (key, watcher.now(key))


@pytest.mark.parametrize("family", [4, 6])
def test_two_uplinks_with_the_same_source_and_gateway_are_told_apart(lab, watch, pinger, family):
    watcher, probe = watch(), pinger(family)
    watcher.keeper.configure(specs())
    check_both(lab, watcher, probe, family)
    states = watcher.told[-1][1]
    assert states[1].source == states[2].source == SOURCE
    assert states[1].gateway == states[2].gateway == GATEWAY
    assert states[1].fwmark != states[2].fwmark
    assert states[1].detail == ""


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("where", [1, 2])
def test_probes_stay_on_their_uplink_when_the_default_route_moves(
    lab, watch, pinger, family, where
):
    watcher, probe = watch(), pinger(family)
    watcher.keeper.configure(specs())
    check_both(lab, watcher, probe, family)
    lab.move_default(where)
    for _ in range(3):
        check_both(lab, watcher, probe, family)


def test_a_gateway_whose_default_route_is_gone_survives_a_restart(lab, watch, pinger):
    first = watch()
    first.keeper.configure(specs())
    first.wait_verified(1, 2)
    lab.move_default(2)
    first.keeper.close()
    assert "proto 173" in lab.branch.ip("route show table 173001")  # fail static
    successor = watch()
    successor.keeper.configure(specs())
    check_both(lab, successor, pinger(4), 4)


def test_a_renewed_address_and_gateway_are_used_at_once(lab, watch, pinger):
    watcher, probe = watch(), pinger(4)
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2)
    lab.isps[1].ip("addr add 192.168.7.1/24 dev p0")
    lab.branch.ip(f"addr del {SOURCE}/24 dev wan1")
    lab.branch.ip("addr add 192.168.7.2/24 dev wan1")
    lab.branch.ip("route add default via 192.168.7.1 dev wan1 metric 100")
    watcher.wait(lambda told: told[1].gateway == "192.168.7.1", "the new gateway")
    watcher.wait_verified(1)
    assert watcher.now(1).source == "192.168.7.2"
    check_both(lab, watcher, probe, 4)
    assert "192.168.1" not in lab.branch.ip("route show table 173001")
    # Now that no other interface has its source, answers may be looked back at by it.
    assert "from 192.168.7.2 lookup 173001" in lab.branch.ip("rule")


@pytest.mark.parametrize("family", [4, 6])
def test_an_interface_that_was_taken_down_and_up_works_without_its_default_route(
    lab, watch, pinger, family
):
    watcher, probe = watch(), pinger(family)
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2, family=family)
    lab.branch.ip("link set wan1 down")
    watcher.wait(lambda told: told[1].link is LinkState.DOWN, "link down")
    watcher.wait(lambda told: "ip link set wan1 up" in told[1].detail, "the cure")
    assert not probe.ping(watcher.now(1), wait_secs=0.1)
    lab.branch.ip("link set wan1 up")  # the kernel has flushed its default route
    lab.give_addresses(1)
    check_both(lab, watcher, probe, family)


def test_the_loss_of_the_carrier_is_told_and_healed(lab, watch, pinger):
    watcher, probe = watch(), pinger(4)
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2)
    lab.isps[1].ip("link set p0 down")
    told = watcher.wait(lambda told: told[1].link is LinkState.DOWN, "carrier lost")
    assert told[2].link is LinkState.UP
    watcher.wait(lambda told: "no carrier" in told[1].detail, "the reason")
    lab.isps[1].ip("link set p0 up")
    lab.give_provider_addresses(1)
    check_both(lab, watcher, probe, 4)


def test_an_interface_that_was_deleted_comes_back_with_another_index(lab, watch, pinger):
    watcher, probe = watch(), pinger(4)
    watcher.keeper.configure(specs())
    before = watcher.wait_verified(1, 2)[1].index
    lab.branch.ip("link del wan1")
    gone = watcher.wait(lambda told: "does not exist" in told[1].detail, "gone")[1]
    assert (gone.link, gone.route, gone.index) == (LinkState.DOWN, RouteState.PENDING, 0)
    lab.plug(1)
    lab.give_provider_addresses(1)
    lab.give_addresses(1)
    lab.give_defaults(1)
    check_both(lab, watcher, probe, 4)
    assert watcher.now(1).index != before


def test_an_interface_under_another_name_is_not_the_uplink(lab, watch, pinger):
    watcher, probe = watch(), pinger(4)
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2)
    lab.branch.ip("link set wan1 down")
    lab.branch.ip("link set wan1 name lan7")
    lab.branch.ip("link set lan7 up")
    watcher.wait(lambda told: "does not exist" in told[1].detail, "gone")
    assert watcher.now(1).link is LinkState.DOWN
    assert "lan7" not in lab.branch.ip("route show table 173001")
    lab.branch.ip("link set lan7 down")
    lab.branch.ip("link set lan7 name wan1")
    lab.branch.ip("link set wan1 up")
    lab.give_defaults(1)
    check_both(lab, watcher, probe, 4)


@pytest.mark.parametrize("family", [4, 6])
def test_a_probe_whose_uplink_has_no_route_never_strays_to_the_other(lab, watch, pinger, family):
    watcher, probe = watch(), pinger(family)
    watcher.keeper.configure(specs())
    state = watcher.wait_verified(1, 2, family=family)[1]
    watcher.keeper.close()  # nobody repairs
    lab.branch.ip("link set wan1 down")
    lab.branch.ip("link set wan1 up")
    lab.give_addresses(1)
    before = lab.echoes(2, family)
    probe.ping(state, wait_secs=0.2)
    assert lab.echoes(2, family) == before


def test_without_a_gateway_the_state_says_what_to_do(lab, watch):
    lab.move_default(1)
    watcher = watch()
    watcher.keeper.configure(specs())
    watcher.wait_verified(1)
    state = watcher.now(2)
    assert state.route is RouteState.UNUSABLE
    assert "no IPv4 gateway is known on wan2" in state.detail
    lab.give_defaults(2)
    watcher.wait_verified(1, 2)
    assert watcher.now(2).detail == ""


def test_a_line_whose_lease_has_ended_is_down_and_one_that_renews_is_not(lab, watch, pinger):
    watcher, probe = watch(), pinger(4)
    watcher.keeper.configure(specs())
    watcher.wait_verified(1, 2)
    lab.branch.ip("addr flush dev wan1 scope global")
    lost = watcher.wait(lambda told: told[1].route is RouteState.UNUSABLE, "no address")[1]
    assert lost.link is LinkState.UP  # it may be renewing
    assert "has no usable IPv4 address" in lost.detail
    down = watcher.wait(lambda told: told[1].link is LinkState.DOWN, "lease ended")[1]
    assert down.route is RouteState.UNUSABLE
    assert watcher.now(2).link is LinkState.UP
    lab.give_addresses(1)
    lab.give_defaults(1)
    check_both(lab, watcher, probe, 4)
