"""Real switches of a real FRR: what its RIB and the kernel say afterwards. Needs root and FRR."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from failover.executors.base import ExecutorError, Intent, Proposal, Route
from failover.executors.frr import FrrExecutor
from tests.functional.failover.executors.branch import POLICY, Branch, order, uplink
from tests.functional.failover.executors.frr_daemons import Frr

pytestmark = pytest.mark.root
FOREIGN = "ip route 10.97.0.0/16 10.1.0.1 tag 5"


@pytest.fixture
def frr(branch: Branch) -> Iterator[Frr]:
    """FRR on the branch's router, with a static route of somebody else."""
    daemons = Frr(branch.router)
    try:
        daemons.tell(FOREIGN)
        yield daemons
    finally:
        daemons.stop()


@pytest.fixture
def executor(tmp_path: Path) -> FrrExecutor:
    """A patient one: a busy machine may need longer for vtysh than an order may take."""
    return FrrExecutor(tmp_path / "executors", lambda: time.perf_counter() / 4)


def told(frr: Frr, to: int, generation: int = 1, *routes: Route, **options: Any) -> Intent:
    came_from = 3 - to if generation > 1 else None
    intent = order(to, generation, *routes, came_from=came_from)
    return replace(intent, options={"vtysh": frr.vtysh, **options})


def apply(executor: FrrExecutor, intent: Intent) -> str:
    return executor.apply(executor.plan(intent)).detail


def default_row(branch: Branch) -> str:
    [row] = (row for row in branch.routes() if row.startswith("default"))
    return row


def test_a_switch_is_in_the_kernel_and_leaves_one_route_of_ours(
    frr: Frr, branch: Branch, executor: FrrExecutor
) -> None:
    apply(executor, told(frr, 1))
    detail = apply(executor, told(frr, 2, 2))
    assert frr.routes() == ["ip route 0.0.0.0/0 10.2.0.1 wan2 tag 173", FOREIGN]
    assert "via 10.2.0.1 dev wan2" in default_row(branch)
    assert detail.startswith("In force, read back (2 lines):")
    assert executor.observe(POLICY).path_key == 2


def test_both_families_and_another_table_move_together(
    frr: Frr, branch: Branch, executor: FrrExecutor
) -> None:
    routes = (Route(4), Route(6), Route(4, "10.50.0.0/16", table=77))
    apply(executor, told(frr, 1, 1, *routes, distance=30))
    apply(executor, told(frr, 2, 2, *routes, distance=30))
    assert "dev wan2" in next(row for row in branch.routes(6) if row.startswith("default"))
    [row] = branch.routes(table="77")
    assert row.startswith("10.50.0.0/16")
    assert "dev wan2" in row
    assert executor.observe(POLICY).path_key == 2


def test_a_successor_finds_what_its_predecessor_made(
    frr: Frr, executor: FrrExecutor, tmp_path: Path
) -> None:
    apply(executor, told(frr, 1))
    successor = FrrExecutor(tmp_path / "executors")
    assert successor.observe(POLICY).path_key == 1
    assert apply(successor, told(frr, 1)).startswith("In force already")


def test_a_static_route_of_another_owner_is_not_joined(frr: Frr, executor: FrrExecutor) -> None:
    frr.tell("ip route 0.0.0.0/0 10.1.0.1 wan1")
    before = frr.routes()
    with pytest.raises(ExecutorError, match=r"another owner.*option distance") as error:
        apply(executor, told(frr, 2))
    assert not error.value.retryable
    assert frr.routes() == before


def test_beside_a_worse_route_of_another_owner_ours_is_used(
    frr: Frr, branch: Branch, executor: FrrExecutor
) -> None:
    frr.tell("ip route 0.0.0.0/0 10.1.0.1 wan1 200")
    apply(executor, told(frr, 2, distance=20))
    assert "dev wan2" in default_row(branch)
    executor.remove(POLICY)
    assert frr.routes() == ["ip route 0.0.0.0/0 10.1.0.1 wan1 200", FOREIGN]


def test_a_route_of_the_kernel_that_frr_prefers_is_said_and_nothing_entered(
    frr: Frr, branch: Branch, executor: FrrExecutor
) -> None:
    branch.router.ip("route add default via 10.1.0.1 metric 100 proto dhcp")
    with pytest.raises(ExecutorError, match="prefers a kernel route with distance 0"):
        apply(executor, told(frr, 2))
    assert frr.routes() == [FOREIGN]


def test_a_next_hop_that_frr_cannot_use_is_taken_back(
    frr: Frr, branch: Branch, executor: FrrExecutor
) -> None:
    apply(executor, told(frr, 1))
    lost = replace(told(frr, 2, 2), to_uplink=uplink(2, interface="", gateway="10.9.0.1"))
    with pytest.raises(ExecutorError, match=r"no way to the next hop.*Everything was taken back"):
        apply(executor, lost)
    assert "via 10.1.0.1 dev wan1" in default_row(branch)
    assert executor.observe(POLICY).path_key == 1


def test_an_interface_that_is_down_is_refused_before_anything_is_entered(
    frr: Frr, branch: Branch, executor: FrrExecutor
) -> None:
    apply(executor, told(frr, 1))
    branch.router.ip("link set wan2 down")
    with pytest.raises(ExecutorError, match="wan2 is down") as error:
        apply(executor, told(frr, 2, 2))
    assert error.value.retryable
    assert executor.observe(POLICY).path_key == 1


def test_a_route_taken_out_by_hand_is_seen_and_put_back(frr: Frr, executor: FrrExecutor) -> None:
    apply(executor, told(frr, 1))
    frr.tell("no ip route 0.0.0.0/0 10.1.0.1 wan1 tag 173")
    assert executor.observe(POLICY) is None
    apply(executor, told(frr, 1))
    assert executor.observe(POLICY).path_key == 1


def test_a_second_next_hop_with_our_tag_is_drift_and_goes(
    frr: Frr, branch: Branch, executor: FrrExecutor
) -> None:
    apply(executor, told(frr, 1))
    frr.tell("ip route 0.0.0.0/0 10.2.0.1 wan2 tag 173")
    assert executor.observe(POLICY).path_key is None
    apply(executor, told(frr, 1))
    assert frr.routes() == ["ip route 0.0.0.0/0 10.1.0.1 wan1 tag 173", FOREIGN]


def test_after_a_restart_of_frr_the_same_order_brings_the_route_again(
    frr: Frr, branch: Branch, executor: FrrExecutor
) -> None:
    apply(executor, told(frr, 1))
    frr.kill("staticd")
    assert executor.observe(POLICY) is None
    with pytest.raises(ExecutorError, match="lacks a daemon") as error:
        apply(executor, told(frr, 1))
    assert error.value.retryable
    frr.start("staticd")
    apply(executor, told(frr, 1))
    assert "dev wan1" in default_row(branch)


def test_other_options_take_the_route_of_the_former_ones_out(
    frr: Frr, executor: FrrExecutor
) -> None:
    apply(executor, told(frr, 1, distance=20))
    apply(executor, told(frr, 2, 2, tag=900))
    assert frr.routes() == ["ip route 0.0.0.0/0 10.2.0.1 wan2 tag 900", FOREIGN]


def test_a_policy_that_is_gone_leaves_only_routes_of_others(
    frr: Frr, executor: FrrExecutor
) -> None:
    apply(executor, told(frr, 1, 1, Route(4), Route(6)))
    assert "Removed, read back" in executor.remove(POLICY).detail
    assert frr.routes() == [FOREIGN]
    assert executor.observe(POLICY) is None
    assert executor.known_policies() == []
    assert executor.remove(POLICY).detail == "There was nothing to remove."


def test_without_frr_the_cure_is_named(branch: Branch, frr: Frr, executor: FrrExecutor) -> None:
    intent = told(frr, 1)
    frr.stop()
    with pytest.raises(ExecutorError, match="group frrvty") as error:
        apply(executor, intent)
    assert error.value.retryable


class TestBeforeEnabling:
    def problems(self, frr: Frr, executor: FrrExecutor, **changes: Any) -> list[tuple[str, bool]]:
        members = (uplink(1), uplink(2))
        routes, options = (Route(4),), {"vtysh": frr.vtysh}
        proposal = Proposal(POLICY, "Internet", members, routes, carried_here=True, options=options)
        found = executor.check(replace(proposal, **changes))
        return [(problem.text(), problem.blocks) for problem in found]

    def test_what_can_be_carried_has_no_problem(self, frr: Frr, executor: FrrExecutor) -> None:
        assert self.problems(frr, executor) == []

    def test_each_obstacle_is_named(self, frr: Frr, branch: Branch, executor: FrrExecutor) -> None:
        branch.router.ip("route add default via 10.1.0.1 proto dhcp")
        branch.router.ip("link set wan2 down")
        said = " ".join(text for text, blocks in self.problems(frr, executor) if blocks)
        assert "wan2 is down" in said
        assert "prefers a kernel route" in said

    def test_a_source_address_is_a_warning(self, frr: Frr, executor: FrrExecutor) -> None:
        members = (uplink(1, source="10.1.0.2"), uplink(2))
        [(text, blocks)] = self.problems(frr, executor, members=members)
        assert "route-map" in text
        assert not blocks

    def test_options_come_first(self, frr: Frr, executor: FrrExecutor) -> None:
        [(text, blocks)] = self.problems(frr, executor, options={"vtysh": "x"})
        assert text.startswith("executor_options: vtysh is 'x'")
        assert blocks

    @pytest.mark.parametrize("here", [True, False])
    def test_an_frr_out_of_reach_blocks_only_whoever_has_to_reach_it(
        self, frr: Frr, executor: FrrExecutor, here: bool
    ) -> None:
        frr.stop()
        [(text, blocks)] = self.problems(frr, executor, carried_here=here)
        assert "reaches no daemon" in text
        assert blocks is here
