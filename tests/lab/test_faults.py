"""Every fault breaks what its sentence says, and its end repairs it."""

from __future__ import annotations

import time

import pytest
from icmplib import ping

from tests.lab import faults
from tests.lab.addresses import HEAD_OFFICE, HEAD_OFFICE6
from tests.lab.faults import FAULTS
from tests.lab.stream import Packet, Stream
from tests.lab.two_providers import TwoProviders
from tests.lab.watching import answers_echo

pytestmark = pytest.mark.root
SILENT = ("blackhole", "blackhole_up", "blackhole_down", "line_down", "carrier_lost", "set_down")
WORSE = ("loss", "bursts", "latency", "jitter")
OTHER = ("echo_policed", "target_gone", "target_policed", "route_deleted", "renewed")
ANOTHER_TARGET = "203.0.113.77"


@pytest.fixture
def one_way(net: TwoProviders) -> TwoProviders:
    """The branch has no default route but that of wan1."""
    for family in (4, 6):
        net.branch.ip(f"-{family} route del default dev wan2")
    return net


def answered(net: TwoProviders, *, secs: float = 0.3, to: str = HEAD_OFFICE) -> list[Packet]:
    with Stream(net, to=to) as stream:
        time.sleep(secs)
        return [packet for packet in stream.stop().packets if packet.answered_ns is not None]


def round_trips_ms(net: TwoProviders) -> list[float]:
    packets = answered(net, secs=1)
    return [(p.answered_ns - p.sent_ns) / 1e6 for p in packets if p.answered_ns is not None]


def test_every_fault_is_tried_here() -> None:
    assert sorted(FAULTS) == sorted((*SILENT, *WORSE, *OTHER))


@pytest.mark.parametrize("name", SILENT)
def test_a_silent_line_carries_neither_family_until_it_is_repaired(
    one_way: TwoProviders, name: str
) -> None:
    began_ns = faults.begin(one_way, name)
    assert not answered(one_way)
    assert not answered(one_way, to=HEAD_OFFICE6)
    repaired_ns = faults.end(one_way, name)
    assert answered(one_way)
    assert answered(one_way, to=HEAD_OFFICE6)
    noted = {entry["what"]: entry["at_ns"] for entry in one_way.truth.entries()}
    assert (noted["fault"], noted["repaired"]) == (began_ns, repaired_ns)


@pytest.mark.parametrize("name", ["blackhole", "line_down"])
def test_the_gateway_of_a_line_that_is_silent_further_on_answers(
    net: TwoProviders, name: str
) -> None:
    faults.begin(net, name)
    assert answers_echo(net, net.leases[1].gateway)
    assert net.branch.shell("cat /sys/class/net/wan1/carrier").strip() == "1"


def test_a_line_that_loses_loses_some(one_way: TwoProviders) -> None:
    faults.begin(one_way, "loss")
    assert answered(one_way, secs=0.5)
    assert one_way.counts(1, "up")["lost"] > 0
    faults.end(one_way, "loss")
    lost = one_way.counts(1, "up")["lost"]
    assert answered(one_way)
    assert one_way.counts(1, "up")["lost"] == lost


def test_bursts_lose_answers_in_rows(one_way: TwoProviders) -> None:
    faults.begin(one_way, "bursts")
    with Stream(one_way) as stream:
        time.sleep(1.5)
        recording = stream.stop()
    assert max(row.lost for row in recording.outages(answers=True)) > 4


def test_a_longer_way_is_longer_by_what_was_said(one_way: TwoProviders) -> None:
    faults.begin(one_way, "latency")
    assert min(round_trips_ms(one_way)) >= 400
    faults.end(one_way, "latency")
    assert min(round_trips_ms(one_way)) < 400


def test_jitter_varies_round_trips(one_way: TwoProviders) -> None:
    faults.begin(one_way, "jitter")
    trips = round_trips_ms(one_way)
    assert min(trips) >= 10
    assert max(trips) - min(trips) > 40


def test_a_provider_that_polices_echoes_lets_users_through(one_way: TwoProviders) -> None:
    faults.begin(one_way, "echo_policed")
    with one_way.branch.inside():
        host = ping(HEAD_OFFICE, count=10, interval=0.02, timeout=0.3)
    assert host.packets_received < host.packets_sent
    assert len(answered(one_way)) > 100
    faults.end(one_way, "echo_policed")
    assert answers_echo(one_way, HEAD_OFFICE)


def test_a_target_that_is_gone_is_gone_alone(net: TwoProviders) -> None:
    faults.begin(net, "target_gone")
    assert not answered(net)
    assert not answered(net, to=HEAD_OFFICE6)
    assert answered(net, to=ANOTHER_TARGET)
    faults.end(net, "target_gone")
    assert answered(net)


def test_a_target_that_polices_does_so_alone(net: TwoProviders) -> None:
    faults.begin(net, "target_policed")
    with net.branch.inside():
        policed = ping(HEAD_OFFICE, count=10, interval=0.02, timeout=0.3)
        free = ping(ANOTHER_TARGET, count=10, interval=0.02, timeout=2)
    assert 0 < policed.packets_received < 10
    assert free.packets_received == 10
    faults.end(net, "target_policed")
    with net.branch.inside():
        assert ping(HEAD_OFFICE, count=10, interval=0.02, timeout=2).packets_received == 10


def test_the_deleted_route_is_the_one_in_force(net: TwoProviders) -> None:
    faults.begin(net, "route_deleted")
    assert [route["dev"] for route in net.defaults()] == ["wan2"]
    assert net.carrying() == 2


def test_a_renewal_gives_what_was_not_there_before(net: TwoProviders) -> None:
    before = net.leases[1]
    faults.begin(net, "renewed")
    after = net.leases[1]
    assert (after.address, after.gateway) != (before.address, before.gateway)
    assert after.address in net.branch.ip("addr show dev wan1")
    assert before.address not in net.branch.ip("addr show dev wan1")
