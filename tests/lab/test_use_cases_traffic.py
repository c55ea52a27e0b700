"""What the user's packets and the kernel's routes do when real routes are moved."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.lab import faults
from tests.lab.addresses import HEAD_OFFICE6
from tests.lab.product import CABLE, FIBRE, Product
from tests.lab.stream import Recording, Stream
from tests.lab.two_providers import TwoProviders
from tests.lab.watching import routes_of_others, stays

pytestmark = pytest.mark.root
Install = Callable[..., Product]
LINUX = {"executor": "linux"}


def answered_to_the_end(recording: Recording) -> bool:
    """The last 200 ms of the stream were answered without a gap."""
    return all(packet.answered_ns is not None for packet in recording.packets[-200:])


def test_a_users_stream_moves_once_and_routes_of_others_stay(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    before = routes_of_others(net)
    with Stream(net) as stream:
        faults.begin(net, "blackhole")
        product.wait_active(CABLE)
        time.sleep(0.5)
        recording = stream.stop()
    assert [provider for _, provider in recording.moves()] == [2]
    assert len(recording.outages(at_least=20)) == 1
    assert answered_to_the_end(recording)
    assert routes_of_others(net) == before


def test_flows_with_static_address_translation_survive_a_switch(
    net: TwoProviders, install: Install
) -> None:
    net.nat = "snat"
    net.load_nat()
    product = install(policy=LINUX)
    with Stream(net) as stream:
        faults.begin(net, "blackhole")
        product.wait_active(CABLE)
        time.sleep(0.5)
        recording = stream.stop()
    assert answered_to_the_end(recording)


def test_a_route_that_a_person_deleted_is_put_back(net: TwoProviders, install: Install) -> None:
    product = install(policy=LINUX)
    faults.begin(net, "blackhole")
    product.wait_active(CABLE)
    faults.begin(net, "route_deleted")
    product.wait_event("drift_repaired")
    product.wait_active(CABLE)
    assert product.switches() == [CABLE]


@pytest.mark.lab_all
def test_an_interface_that_was_set_down_and_up_is_used_again(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    faults.begin(net, "set_down")
    product.wait_active(CABLE)
    faults.end(net, "set_down")
    product.wait_active(FIBRE)
    assert product.switches() == [CABLE, FIBRE]


@pytest.mark.lab_all
def test_traffic_follows_a_renewed_lease_of_the_line_that_carries_it(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    faults.begin(net, "blackhole", 2)
    product.wait_path(CABLE, reachable=0)
    faults.begin(net, "renewed", 1)
    product.wait(lambda: flows(net), "the user's stream is answered")
    stays(product, lambda: product.state()["active"] == FIBRE, 1)


@pytest.mark.lab_all
def test_a_return_uses_the_gateway_that_was_renewed_meanwhile(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    faults.begin(net, "blackhole")
    product.wait_active(CABLE)
    faults.begin(net, "renewed")
    faults.end(net, "blackhole")
    product.wait_active(FIBRE)
    product.wait(lambda: flows(net), "the user's stream is answered")
    ours = [route for route in net.defaults() if route["protocol"] == "173"]
    assert {route["gateway"] for route in ours} <= {net.leases[1].gateway}


@pytest.mark.lab_all
def test_a_route_of_somebody_else_in_the_way_is_kept_and_the_switch_fails(
    net: TwoProviders, install: Install
) -> None:
    product = install(policy=LINUX)
    product.stop()
    for route in net.defaults():
        if route["protocol"] == "173":
            net.branch.ip(f"route del default metric {route['metric']} proto 173")
    foreign = f"default via {net.leases[1].gateway} dev wan1 metric 50 proto static"
    net.branch.ip(f"route add {foreign}")
    product.start()
    product.wait_ready()
    faults.begin(net, "blackhole")
    product.wait_event("failed")
    assert "proto static" in net.branch.ip("route show default metric 50")


@pytest.mark.lab_all
def test_both_families_of_a_policy_move_together(net: TwoProviders, install: Install) -> None:
    product = install(policy=LINUX, routes=[(4, "default"), (6, "2001:db8:ff::/64")])
    faults.begin(net, "blackhole")
    product.wait_active(CABLE)
    assert net.carrying(HEAD_OFFICE6) == 2
    faults.end(net, "blackhole")
    product.wait_active(FIBRE)
    assert net.carrying(HEAD_OFFICE6) == 1


def flows(net: TwoProviders) -> bool:
    """A new stream of the user is answered."""
    with Stream(net) as stream:
        time.sleep(0.3)
        packets = stream.stop().packets
    return bool(packets) and packets[-1].answered_ns is not None
