"""Selectors become rules that lead the chosen traffic, and no other, into the policy's table."""

from __future__ import annotations

import os
import socket
from dataclasses import replace

import pytest

from failover.executors.base import ExecutorError, Route, Selectors
from failover.executors.linux import LinuxExecutor
from failover.executors.linux_check import DSCP_SINCE, version_of
from tests.functional.failover.executors.branch import POLICY, Branch, order

pytestmark = pytest.mark.root


def led(branch: Branch, family: int = 4) -> list[str]:
    """Our rules, as ``ip`` shows them."""
    rows = branch.router.ip(f"-{family} -d rule show").splitlines()
    return [" ".join(row.split()) for row in rows if "173" in row]


@pytest.mark.parametrize(
    ("family", "selectors", "packet"),
    [
        (4, Selectors(source="10.7.0.0/24"), "203.0.113.9 from 10.7.0.5 iif lan0"),
        (4, Selectors(destination="203.0.113.0/24"), "203.0.113.9 from 10.0.0.5 iif lan0"),
        (4, Selectors(interface="lan0"), "203.0.113.9 from 10.0.0.5 iif lan0"),
        (4, Selectors(fwmark=0x2A), "203.0.113.9 mark 0x2a"),
        (6, Selectors(source="2001:db8:7::/64"), "2001:db8:9::9 from 2001:db8:7::5 iif lan0"),
        (6, Selectors(fwmark=0x2A), "2001:db8:9::9 mark 0x2a"),
    ],
)
def test_chosen_traffic_takes_the_policys_table_and_the_rest_does_not(
    branch: Branch, executor: LinuxExecutor, family: int, selectors: Selectors, packet: str
) -> None:
    branch.router.ip("link add lan0 type veth peer name lan1")
    branch.router.ip("link set lan0 up")
    branch.router.ip("addr add 10.0.0.1/8 dev lan0")
    branch.router.ip("route add default via 10.1.0.1 metric 100")
    branch.router.ip("-6 route add default via 2001:db8:1::1 metric 100")
    executor.apply(executor.plan(order(2, 1, Route(family, table=100, selectors=selectors))))
    assert "dev wan2" in branch.router.ip(f"-{family} route get {packet}")
    other = "198.51.100.7" if family == 4 else "2001:db8:8::8"
    assert "dev wan1" in branch.router.ip(f"-{family} route get {other}")
    observed = executor.observe(POLICY)
    assert observed is not None
    assert observed.path_key == 2
    assert len(led(branch, family)) == 1


@pytest.mark.skipif(version_of(os.uname().release) < DSCP_SINCE, reason="needs Linux 6.12")
@pytest.mark.parametrize("family", [4, 6])
def test_packets_of_a_class_are_led_and_others_are_not(
    branch: Branch, executor: LinuxExecutor, family: int
) -> None:
    branch.router.ip("route add default via 10.1.0.1 metric 100")
    branch.router.ip("-6 route add default via 2001:db8:1::1 metric 100")
    route = Route(family, table=100, selectors=Selectors(dscp=46))
    executor.apply(executor.plan(order(2, 1, route)))
    assert source_of_packets(family, dscp=46) == {4: "10.2.0.2", 6: "2001:db8:2::2"}[family]
    assert source_of_packets(family, dscp=44) == {4: "10.1.0.2", 6: "2001:db8:1::2"}[family]


def source_of_packets(family: int, dscp: int) -> str:
    """The source that the kernel gives packets of that class, which tells their way."""
    inet, level, option, target = (
        (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, "2001:db8:9::9")
        if family == 6
        else (socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS, "203.0.113.9")
    )
    with socket.socket(inet, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(level, option, dscp << 2)
        sender.connect((target, 9))
        return str(sender.getsockname()[0])


def test_many_selections_share_one_route_so_that_a_switch_is_one_message(
    branch: Branch, executor: LinuxExecutor
) -> None:
    routes = tuple(
        Route(4, table=100, selectors=Selectors(destination=f"100.64.{n}.0/24")) for n in range(20)
    )
    executor.apply(executor.plan(order(1, 1, *routes)))
    before = led(branch)
    assert len(before) == 20
    assert branch.routes(table="100") == ["default via 10.1.0.1 dev wan1 proto 173 metric 50"]
    executor.apply(executor.plan(order(2, 2, *routes)))
    assert led(branch) == before
    assert branch.routes(table="100") == ["default via 10.2.0.1 dev wan2 proto 173 metric 50"]


def test_the_more_exact_selection_is_asked_first(branch: Branch, executor: LinuxExecutor) -> None:
    wide = Route(4, table=100, selectors=Selectors(source="10.7.0.0/16"))
    narrow = Route(4, table=101, selectors=Selectors(source="10.7.1.0/24"))
    both = Route(4, table=102, selectors=Selectors(source="10.7.0.0/16", fwmark=5))
    executor.apply(executor.plan(order(1, 1, wide, narrow, both)))
    tables = [row.split("lookup ")[1].split()[0] for row in led(branch)]
    assert tables == ["102", "101", "100"]


def test_a_selection_that_is_changed_is_led_anew_before_the_old_rule_goes(
    branch: Branch, executor: LinuxExecutor
) -> None:
    old = Route(4, table=100, selectors=Selectors(source="10.7.0.0/24"))
    new = replace(old, selectors=Selectors(source="10.8.0.0/24"))
    executor.apply(executor.plan(order(1, 1, old)))
    executor.apply(executor.plan(order(1, 2, new)))
    assert [row.split()[2] for row in led(branch)] == ["10.8.0.0/24"]


def test_removing_takes_the_rules_too(branch: Branch, executor: LinuxExecutor) -> None:
    branch.router.ip("rule add from 10.6.0.0/24 lookup 100 priority 900")
    route = Route(4, table=100, selectors=Selectors(source="10.7.0.0/24"))
    executor.apply(executor.plan(order(1, 1, route)))
    executor.remove(POLICY)
    assert led(branch) == []
    assert "from 10.6.0.0/24" in branch.router.ip("rule show")


def test_a_rule_deleted_by_hand_is_drift(branch: Branch, executor: LinuxExecutor) -> None:
    plan = executor.plan(order(1, 1, Route(4, table=100, selectors=Selectors(fwmark=7))))
    executor.apply(plan)
    branch.router.ip("rule del fwmark 7")
    observed = executor.observe(POLICY)
    assert observed is not None
    assert observed.path_key is None
    executor.apply(plan)
    assert len(led(branch)) == 1


@pytest.mark.parametrize(
    ("selectors", "said"),
    [
        (Selectors(source="10.7.0.1/24"), "rule_source '10.7.0.1/24'.*host bits set"),
        (Selectors(destination="2001:db8::/32"), "rule_destination 2001:db8::/32 is not of IPv4"),
        (Selectors(dscp=64), "rule_dscp 64: enter 0 to 63"),
        (Selectors(fwmark=1 << 32), "rule_fwmark 4294967296: enter 1 to 4294967295"),
    ],
)
def test_a_selector_that_cannot_be_is_named(
    executor: LinuxExecutor, selectors: Selectors, said: str
) -> None:
    with pytest.raises(ExecutorError, match=said):
        executor.plan(order(1, 1, Route(4, table=100, selectors=selectors)))
