"""Traceroutes through real routers in namespaces. Needs root."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest

from failover.hops import Hop, TraceError, trace
from tests.functional.failover.executors.branch import HQ, Branch
from tests.lab.namespaces import Namespace

pytestmark = pytest.mark.root
TARGET, TARGET6 = "10.93.0.2", "2001:db8:93::2"


@pytest.fixture
def chain() -> Iterator[list[Namespace]]:
    """vantage ── first ── second ── target; this thread is at the vantage."""
    with ExitStack() as stack:
        spaces = []
        for label in ("vantage", "first", "second", "target"):
            space = Namespace(f"hops{label}")
            stack.callback(space.delete)
            space.sysctl(
                ipv4__ip_forward=1, ipv6__conf__all__forwarding=1, ipv6__conf__default__accept_dad=0
            )
            # Every test may ask as often as it likes.
            space.sysctl(ipv4__icmp_ratemask=0, ipv6__icmp__ratelimit=0)
            spaces.append(space)
        for number, (near, far) in enumerate(pairwise(spaces), start=1):
            near.ip(f"link add right type veth peer name left netns {far.name}")
            for space, interface, end in ((near, "right", 1), (far, "left", 2)):
                space.ip(f"addr add 10.9{number}.0.{end}/24 dev {interface}")
                space.ip(f"addr add 2001:db8:9{number}::{end}/64 dev {interface} nodad")
                space.ip(f"link set {interface} up")
        for number, space in enumerate(spaces[:-1], start=1):
            space.ip(f"route add default via 10.9{number}.0.2")
            space.ip(f"-6 route add default via 2001:db8:9{number}::2")
        for number, space in enumerate(spaces[2:], start=2):
            space.ip(f"route add 10.91.0.0/24 via 10.9{number}.0.1")
            space.ip(f"-6 route add 2001:db8:91::/64 via 2001:db8:9{number}::1")
        with spaces[0].inside():
            yield spaces


@pytest.mark.parametrize(
    ("target", "routers"),
    [
        (TARGET, ["10.91.0.2", "10.92.0.2", TARGET]),
        (TARGET6, ["2001:db8:91::2", "2001:db8:92::2", TARGET6]),
    ],
)
def test_three_hops_are_named_in_their_order(
    chain: list[Namespace], target: str, routers: list[str]
) -> None:
    way = trace(target, interface="right", hop_secs=5.0)
    assert [hop.address for hop in way.hops] == routers
    assert [hop.distance for hop in way.hops] == [1, 2, 3]
    assert all(hop.rtt_ms is not None and hop.rtt_ms > 0 for hop in way.hops)
    assert way.reached


def test_a_router_that_keeps_silent_is_a_hop_without_address(chain: list[Namespace]) -> None:
    chain[1].nft(
        "table ip quiet { chain out { type filter hook output priority 0; icmp type "
        "time-exceeded drop; }; }"
    )
    way = trace(TARGET, hop_secs=0.5)
    assert way.hops[0] == Hop(1, None, None)
    assert [hop.address for hop in way.hops[1:]] == ["10.92.0.2", TARGET]
    assert way.reached


def test_where_the_line_is_cut_the_way_ends_at_the_last_that_answered(
    chain: list[Namespace],
) -> None:
    chain[2].nft("table ip cut { chain f { type filter hook forward priority 0; drop; }; }")
    way = trace(TARGET, most_hops=4, hop_secs=0.3)
    assert [hop.address for hop in way.hops] == ["10.91.0.2", "10.92.0.2"]
    assert not way.reached
    assert way.asked == 4


def test_a_router_without_a_way_on_ends_the_trace(chain: list[Namespace]) -> None:
    chain[2].ip("route replace unreachable 10.93.0.0/24 metric 0")
    way = trace(TARGET, most_hops=6, hop_secs=5.0)
    assert not way.reached
    assert way.hops[-1].address == "10.92.0.2"
    assert way.asked < 6


def test_the_way_is_that_of_the_interface_and_not_of_the_default_route() -> None:
    branch = Branch(with_hq=True)
    try:
        branch.router.ip("route add default via 10.1.0.1 dev wan1 metric 10")
        branch.router.ip("route add default via 10.2.0.1 dev wan2 metric 20")
        with branch.router.inside():
            way = trace(HQ, source="10.2.0.2", interface="wan2", hop_secs=5.0)
    finally:
        branch.close()
    assert [hop.address for hop in way.hops] == ["10.2.0.1", HQ]


@pytest.mark.parametrize(
    ("pins", "words"),
    [
        ({"interface": "gone0"}, "gone0 can't be used"),
        ({"source": "192.0.2.77"}, "Nothing could be sent"),
    ],
)
def test_what_cannot_be_sent_says_why(
    chain: list[Namespace], pins: dict[str, str], words: str
) -> None:
    with pytest.raises(TraceError, match=words):
        trace(TARGET, **pins)
