"""What belongs to others is never replaced or deleted; a place that is taken refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from failover.executors.base import ExecutorError, Route, Selectors
from failover.executors.linux import LinuxExecutor
from tests.functional.failover.executors.branch import POLICY, Branch, order

pytestmark = pytest.mark.root


@pytest.mark.parametrize("owner", ["dhcp", "boot", "ra", "static", "bgp", "keepalived"])
@pytest.mark.parametrize(("family", "gateway"), [(4, "10.1.0.1"), (6, "2001:db8:1::1")])
def test_a_foreign_route_at_the_policys_place_refuses_the_order_and_stays(
    branch: Branch, executor: LinuxExecutor, family: int, gateway: str, owner: str
) -> None:
    foreign = f"-{family} route add default via {gateway} dev wan1 metric 50 proto {owner}"
    branch.router.ip(foreign)
    before = branch.routes(family)
    with pytest.raises(ExecutorError, match="stands where the policy's route would") as error:
        executor.apply(executor.plan(order(2, 1, Route(family))))
    assert not error.value.retryable
    assert "another metric than 50" in str(error.value)
    assert "Nothing was changed" in str(error.value)
    assert branch.routes(family) == before
    assert executor.observe(POLICY) is None


@pytest.mark.parametrize(("family", "gateway"), [(4, "10.1.0.1"), (6, "2001:db8:1::1")])
def test_a_foreign_route_that_is_preferred_refuses_the_order(
    branch: Branch, executor: LinuxExecutor, family: int, gateway: str
) -> None:
    branch.router.ip(f"-{family} route add default via {gateway} metric 10 proto boot")
    with pytest.raises(ExecutorError, match="would move nothing: give that one a metric above 50"):
        executor.apply(executor.plan(order(2, 1, Route(family))))


@pytest.mark.parametrize(("family", "gateway"), [(4, "10.1.0.1"), (6, "2001:db8:1::1")])
def test_a_foreign_route_put_in_our_place_meanwhile_is_not_taken_back_by_force(
    branch: Branch, executor: LinuxExecutor, family: int, gateway: str
) -> None:
    executor.apply(executor.plan(order(2, 1, Route(family))))
    branch.router.ip(
        f"-{family} route replace default via {gateway} dev wan1 metric 50 proto static"
    )
    before = branch.routes(family)
    with pytest.raises(ExecutorError, match="a person"):
        executor.apply(executor.plan(order(2, 2, Route(family))))
    assert branch.routes(family) == before


def test_a_foreign_route_appended_beside_ours_is_not_replaced(
    branch: Branch, executor: LinuxExecutor
) -> None:
    executor.apply(executor.plan(order(1)))
    branch.router.ip("route prepend default via 10.1.0.1 dev wan1 metric 50 proto dhcp")
    before = branch.routes()
    assert len(before) == 2
    with pytest.raises(ExecutorError, match="of DHCP stands where"):
        executor.apply(executor.plan(order(2, 2)))
    assert branch.routes() == before


def test_foreign_routes_of_other_metrics_survive_switches_and_removal(
    branch: Branch, executor: LinuxExecutor
) -> None:
    foreign = []
    for number in (1, 2):
        branch.router.ip(f"route add default via 10.{number}.0.1 metric {number}00 proto dhcp")
        foreign.append(f"default via 10.{number}.0.1 dev wan{number} proto dhcp metric {number}00")
    for generation in range(1, 6):
        executor.apply(executor.plan(order(1 + generation % 2, generation)))
        assert branch.routes()[1:] == foreign
    executor.remove(POLICY)
    assert branch.routes() == foreign


def test_a_route_with_our_protocol_is_deleted_only_at_the_policys_places(
    branch: Branch, executor: LinuxExecutor
) -> None:
    branch.router.ip("route add 192.0.2.0/24 via 10.1.0.1 metric 50 proto 173")
    executor.apply(executor.plan(order(2)))
    executor.remove(POLICY)
    assert branch.routes() == ["192.0.2.0/24 via 10.1.0.1 dev wan1 proto 173 metric 50"]


def test_a_foreign_rule_for_the_same_traffic_refuses_the_order_and_stays(
    branch: Branch, executor: LinuxExecutor
) -> None:
    branch.router.ip("rule add from 10.9.0.0/24 lookup 77 priority 500 protocol static")
    route = Route(4, table=100, selectors=Selectors(source="10.9.0.0/24"))
    before = branch.router.ip("rule show")
    with pytest.raises(ExecutorError, match=r"Rule 500 of a person .* for table 77: remove it"):
        executor.apply(executor.plan(order(1, 1, route)))
    assert branch.router.ip("rule show") == before
    assert branch.routes(table="100") == []


def test_a_switch_in_a_table_of_many_thousand_routes_does_not_read_them_all(
    branch: Branch, executor: LinuxExecutor, tmp_path: Path
) -> None:
    batch = tmp_path / "routes"
    batch.write_text(
        "".join(
            f"route add 100.{64 + n // 65536}.{n // 256 % 256}.{n % 256}/32 via 10.1.0.1\n"
            for n in range(60_000)
        )
    )
    branch.router.ip(f"-batch {batch}")
    executor.apply(executor.plan(order(1, 1)))
    executor.apply(executor.plan(order(2, 2)))
    assert "default via 10.2.0.1 dev wan2 proto 173 metric 50" in branch.routes()
    branch.router.ip("route replace default via 10.1.0.1 dev wan1 metric 50 proto static")
    with pytest.raises(ExecutorError, match="stands where"):
        executor.apply(executor.plan(order(2, 3)))
