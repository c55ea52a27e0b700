"""Connections that were translated to the line that was left are answered again after a switch."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from failover.executors.base import Connections
from failover.executors.connections import forget_connections
from failover.executors.linux import LinuxExecutor
from health.uplinks.netlink import RouteSocket
from tests.conftest import missing_layer
from tests.functional.failover.executors.branch import HQ, Branch, apply, order, uplink
from tests.functional.failover.executors.flows import Echo, Flow
from tests.lab.namespaces import Namespace

pytestmark = pytest.mark.root

PATIENCE_SECS = 3.0


class Site:
    """The branch with a host behind it and somebody who answers at the other end."""

    def __init__(self, branch: Branch, lan: Namespace) -> None:
        self.branch = branch
        self.lan = lan
        self.flows: list[Flow] = []

    def flow(self) -> Flow:
        """A new flow of the host behind the branch."""
        self.flows.append(Flow(self.lan, HQ))
        return self.flows[-1]

    def close(self) -> None:
        """Close the flows."""
        for flow in self.flows:
            flow.close()

    def track(self, connection: str, reply: str = "") -> None:
        """Have another connection tracked, of which nobody sends anything."""
        if reply:
            connection += f" --reply-src {reply} --reply-port-src 2 --reply-port-dst 1"
        self.branch.router.shell(
            f"conntrack -I -p udp {connection} --sport 1 --dport 2 -t 300 2>/dev/null"
        )

    def tracked(self) -> list[str]:
        """What is tracked, as ``conntrack`` lists it."""
        return self.branch.router.shell("conntrack -L 2>/dev/null").splitlines()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    if os.geteuid() != 0:
        missing_layer("needs root: network namespaces")
    branch = Branch(with_hq=True)
    with ExitStack() as ending:
        ending.callback(branch.close)
        made = Site(branch, branch.add_lan())
        assert branch.hq is not None
        ending.callback(Echo(branch.hq, HQ).close)
        ending.callback(made.close)
        with branch.router.inside():
            apply(tmp_path, order(1, 1))
            yield made


def switch(folder: Path, connections: Connections, to: int = 2) -> str:
    return apply(folder, order(to, 2, came_from=3 - to, connections=connections))


def test_without_forgetting_a_translated_flow_stays_dead(site: Site, tmp_path: Path) -> None:
    flow = site.flow()
    assert flow.ask() == "10.1.0.2"
    switch(tmp_path, Connections.NONE)
    assert flow.ask_until_answered(0.5)[0] == ""
    assert site.flow().ask_until_answered(PATIENCE_SECS)[0] == "10.2.0.2"


def test_a_translated_flow_is_answered_again_by_the_new_line(site: Site, tmp_path: Path) -> None:
    flows = [site.flow() for _ in range(20)]
    assert {flow.ask() for flow in flows} == {"10.1.0.2"}
    told = switch(tmp_path, Connections.OLD_PATH)
    assert "Connections answered to 10.1.0.2" in told
    assert {flow.ask_until_answered(PATIENCE_SECS)[0] for flow in flows} == {"10.2.0.2"}


def test_connections_of_others_are_left_alone(site: Site, tmp_path: Path) -> None:
    assert site.flow().ask() == "10.1.0.2"
    site.track("-s 10.0.0.2 -d 192.0.2.77")
    site.track("-s 10.0.0.2 -d 192.0.2.78", "192.0.2.78 --reply-dst 10.2.0.2")
    site.track("-s 10.1.0.2 -d 192.0.2.79", "192.0.2.79 --reply-dst 10.2.0.2")
    before = [row for row in site.tracked() if "dst=10.1.0.2" not in row]
    assert len(before) == 3
    switch(tmp_path, Connections.OLD_PATH)
    left = site.tracked()
    assert not any("dst=10.1.0.2" in row for row in left)
    assert len(left) == 3


def test_all_means_all(site: Site, tmp_path: Path) -> None:
    assert site.flow().ask() == "10.1.0.2"
    site.track("-s 10.0.0.2 -d 192.0.2.77")
    assert len(site.tracked()) == 2
    switch(tmp_path, Connections.ALL)
    assert site.tracked() == []


def test_the_addresses_of_a_line_whose_interface_is_gone_are_known_from_its_own_time(
    site: Site, tmp_path: Path
) -> None:
    flow = site.flow()
    assert flow.ask() == "10.1.0.2"
    site.branch.router.ip("link del wan1")
    assert "answered to 10.1.0.2" in switch(tmp_path, Connections.OLD_PATH)
    assert flow.ask_until_answered(PATIENCE_SECS)[0] == "10.2.0.2"


def test_an_address_that_the_new_line_has_as_well_is_left_alone(site: Site, tmp_path: Path) -> None:
    site.branch.router.ip("addr add 10.1.0.2/32 dev wan2")
    told = switch(tmp_path, Connections.OLD_PATH)
    assert "forgotten" not in told.replace("2001:db8:1::2 were forgotten", "")


def test_connections_with_the_mark_of_the_old_line_are_forgotten_too(
    site: Site, tmp_path: Path
) -> None:
    site.track("-s 10.0.0.2 -d 192.0.2.71 --mark 0x11")
    site.track("-s 10.0.0.2 -d 192.0.2.72 --mark 0x22")
    intent = replace(
        order(2, 2, connections=Connections.OLD_PATH), from_uplink=uplink(1, fwmark=0x11)
    )
    executor = LinuxExecutor(tmp_path)
    assert "marked 0x11" in executor.apply(executor.plan(intent)).detail
    [left] = site.tracked()
    assert "mark=34" in left


def test_a_kernel_without_deletion_by_filter_is_asked_for_each_connection(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Linux before 6.8 answers: an incomplete tuple is an invalid argument."""
    ask = RouteSocket.request
    deletions = []

    def request(self: RouteSocket, kind: int, flags: int, body: bytes) -> object:
        if kind == 0x102:
            deletions.append(body)
            if len(deletions) == 1:
                raise OSError(errno.EINVAL, "Invalid argument")
        return ask(self, kind, flags, body)

    flows = [site.flow() for _ in range(5)]
    assert {flow.ask() for flow in flows} == {"10.1.0.2"}
    site.track("-s 10.0.0.2 -d 192.0.2.77")
    monkeypatch.setattr(RouteSocket, "request", request)
    forget_connections(Connections.OLD_PATH, ["10.1.0.2"])
    assert len(deletions) == 6
    assert len(site.tracked()) == 1


def test_connections_are_forgotten_after_the_route_and_never_without_one(
    site: Site, tmp_path: Path
) -> None:
    flow = site.flow()
    assert flow.ask() == "10.1.0.2"
    site.branch.router.ip("route add default via 10.1.0.1 metric 10 proto boot")
    executor = LinuxExecutor(tmp_path)
    intent = order(2, 2, came_from=1, connections=Connections.ALL)
    with pytest.raises(Exception, match="would move nothing"):
        executor.apply(executor.plan(intent))
    assert any("dst=10.1.0.2" in row for row in site.tracked())


def test_ipv6_connections_are_found_by_their_own_addresses(site: Site) -> None:
    site.track("-s 2001:db8:1::2 -d 2001:db8:9::9")
    listed = "conntrack -L -f ipv6 2>/dev/null"
    assert "2001:db8:1::2" in site.branch.router.shell(listed)
    forget_connections(Connections.OLD_PATH, ["2001:db8:2::2"])
    assert "2001:db8:1::2" in site.branch.router.shell(listed)
    forget_connections(Connections.OLD_PATH, ["2001:db8:1::2"])
    assert site.branch.router.shell(listed) == ""
