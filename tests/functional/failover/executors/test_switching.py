"""Orders become routes of the kernel and are read back; `ip` is the witness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from failover.executors.base import ExecutorError, Route
from failover.executors.linux import LinuxExecutor
from tests.functional.failover.executors.branch import POLICY, Branch, apply, order, uplink

pytestmark = pytest.mark.root

BOTH = (Route(4), Route(6), Route(4, "198.51.100.0/24", table=100, metric=7))


def test_a_switch_puts_the_planned_routes_into_the_kernel_and_moves_them(
    branch: Branch, executor: LinuxExecutor
) -> None:
    for generation, to in ((1, 1), (2, 2), (3, 1)):
        applied = executor.apply(executor.plan(order(to, generation, *BOTH)))
        assert applied.verified
        assert branch.routes() == [f"default via 10.{to}.0.1 dev wan{to} proto 173 metric 50"]
        assert branch.routes(table="100") == [
            f"198.51.100.0/24 via 10.{to}.0.1 dev wan{to} proto 173 metric 7"
        ]
        assert branch.routes(6) == [
            f"default via 2001:db8:{to}::1 dev wan{to} proto 173 metric 50 pref medium"
        ]


def test_what_is_in_force_is_observed_with_the_path_it_belongs_to(
    branch: Branch, executor: LinuxExecutor
) -> None:
    plan = executor.plan(order(2, 4, *BOTH, epoch=3))
    executor.apply(plan)
    observed = executor.observe(POLICY)
    assert observed is not None
    assert (observed.path_key, observed.generation, observed.lease_epoch) == (2, 4, 3)
    assert observed.changes == plan.changes


def test_the_same_order_again_changes_nothing_and_says_so(
    branch: Branch, executor: LinuxExecutor
) -> None:
    plan = executor.plan(order(2))
    executor.apply(plan)
    before = branch.routes()
    assert executor.apply(plan).detail.startswith("In force already")
    assert branch.routes() == before


def test_a_preferred_source_is_part_of_the_route(branch: Branch, executor: LinuxExecutor) -> None:
    branch.router.ip("addr add 10.1.0.77/24 dev wan1")
    intent = replace(order(1), to_uplink=uplink(1, source="10.1.0.77"))
    assert executor.apply(executor.plan(intent)).verified
    assert branch.routes() == ["default via 10.1.0.1 dev wan1 proto 173 src 10.1.0.77 metric 50"]


def test_a_point_to_point_link_needs_no_gateway(branch: Branch, executor: LinuxExecutor) -> None:
    branch.router.ip("tuntap add tun7 mode tun")
    branch.router.ip("link set tun7 up")
    intent = replace(order(1), to_uplink=uplink(1, interface="tun7", gateway=""))
    executor.apply(executor.plan(intent))
    assert branch.routes() == ["default dev tun7 proto 173 scope link metric 50 linkdown"]


def test_a_gateway_outside_the_networks_of_the_link_is_used_when_declared(
    branch: Branch, executor: LinuxExecutor
) -> None:
    far = uplink(1, gateway="198.51.100.1")
    with pytest.raises(ExecutorError, match=r"gateway 198\.51\.100\.1 is in no network of wan1"):
        executor.apply(executor.plan(replace(order(1), to_uplink=far)))
    declared = replace(order(1), to_uplink=replace(far, onlink=True))
    executor.apply(executor.plan(declared))
    assert branch.routes() == ["default via 198.51.100.1 dev wan1 proto 173 metric 50 onlink"]


def test_many_prefixes_are_moved_together(branch: Branch, executor: LinuxExecutor) -> None:
    routes = tuple(Route(4, f"100.64.{n}.0/24") for n in range(200))
    executor.apply(executor.plan(order(1, 1, *routes)))
    executor.apply(executor.plan(order(2, 2, *routes)))
    assert [row.split()[4] for row in branch.routes()] == ["wan2"] * 200


def test_a_route_deleted_by_hand_is_seen_as_drift_and_put_back_by_the_same_order(
    branch: Branch, executor: LinuxExecutor
) -> None:
    plan = executor.plan(order(2, 1, Route(4), Route(6)))
    executor.apply(plan)
    branch.router.ip("route del default proto 173")
    observed = executor.observe(POLICY)
    assert observed is not None
    assert observed.path_key is None
    assert observed.changes == plan.changes[1:]
    executor.apply(plan)
    observed = executor.observe(POLICY)
    assert observed is not None
    assert observed.path_key == 2


def test_an_interface_that_goes_takes_the_routes_with_it_and_that_is_observed(
    branch: Branch, executor: LinuxExecutor
) -> None:
    executor.apply(executor.plan(order(1)))
    branch.router.ip("link set wan1 down")
    assert executor.observe(POLICY) is None


def test_removing_takes_everything_of_the_policy_and_nothing_else(
    branch: Branch, executor: LinuxExecutor, tmp_path: Path
) -> None:
    branch.router.ip("route add default via 10.1.0.1 metric 100 proto dhcp")
    executor.apply(executor.plan(order(2, 1, *BOTH)))
    apply(tmp_path / "executors", order(2, 1, Route(4, "192.0.2.0/24"), uid="another"))
    removed = executor.remove(POLICY)
    assert "198.51.100.0/24" in removed.detail
    assert branch.routes() == [
        "default via 10.1.0.1 dev wan1 proto dhcp metric 100",
        "192.0.2.0/24 via 10.2.0.1 dev wan2 proto 173 metric 50",
    ]
    assert executor.observe(POLICY) is None
    assert executor.known_policies() == ["another"]
    assert executor.remove(POLICY).detail == "There was nothing to remove."


def test_routes_taken_out_of_a_policy_go_with_the_next_order(
    branch: Branch, executor: LinuxExecutor
) -> None:
    executor.apply(executor.plan(order(1, 1, Route(4), Route(4, "192.0.2.0/24"))))
    executor.apply(executor.plan(order(1, 2, Route(4, metric=40))))
    assert branch.routes() == ["default via 10.1.0.1 dev wan1 proto 173 metric 40"]
