"""The fence outlives the process, and no instant of death leaves more than can be repeated."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from failover.executors.base import Connections, ExecutorError
from failover.executors.linux import LinuxExecutor
from failover.executors.linux_kernel import LinuxRouting
from tests.functional.failover.executors.branch import POLICY, Branch, apply, order
from tests.functional.failover.executors.mortal import prefixes

pytestmark = pytest.mark.root

ON_ONE = ["default via 10.1.0.1 dev wan1 proto 173 metric 50"]
ON_TWO = ["default via 10.2.0.1 dev wan2 proto 173 metric 50"]


def mortal(point: str, folder: Path, prefixes: int = 0) -> subprocess.Popen[str]:
    """A process that is killed at ``point``, or holds the policy's turn."""
    words = [sys.executable, "-m", "tests.functional.failover.executors.mortal"]
    return subprocess.Popen(
        [*words, point, str(folder), str(prefixes)], stdout=subprocess.PIPE, text=True
    )


def killed(point: str, folder: Path, prefixes: int = 0) -> None:
    """The process has begun to move the policy to line 2, and has been killed at ``point``."""
    with mortal(point, folder, prefixes) as process:
        assert process.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize(
    "where",
    [
        "before the fence is written",
        "while the fence is written",
        "after the fence, before the route",
    ],
)
def test_a_kill_before_the_route_leaves_the_old_one_and_the_successor_finishes(
    branch: Branch, tmp_path: Path, where: str
) -> None:
    apply(tmp_path, order(1, 1))
    killed(where, tmp_path)
    assert branch.routes() == ON_ONE
    observed = LinuxExecutor(tmp_path).observe(POLICY)
    assert observed is not None
    assert observed.path_key == 1
    apply(tmp_path, order(2, 2, epoch=2))
    assert branch.routes() == ON_TWO


def test_a_kill_between_fence_and_route_fences_out_whoever_is_older(
    branch: Branch, tmp_path: Path
) -> None:
    apply(tmp_path, order(1, 1))
    killed("after the fence, before the route", tmp_path)
    with pytest.raises(ExecutorError, match="older than epoch 1 generation 2"):
        apply(tmp_path, order(1, 1))


def test_a_kill_amid_many_routes_is_drift_that_the_successor_repairs(
    branch: Branch, tmp_path: Path
) -> None:
    routes = prefixes(10)
    apply(tmp_path, order(1, 1, *routes))
    killed("amid the routes", tmp_path, 10)
    assert [row.split()[4] for row in branch.routes()] == ["wan2"] * 4 + ["wan1"] * 6
    observed = LinuxExecutor(tmp_path).observe(POLICY)
    assert observed is not None
    assert observed.path_key is None
    apply(tmp_path, order(2, 2, *routes, epoch=2))
    assert [row.split()[4] for row in branch.routes()] == ["wan2"] * 10


def test_an_order_older_than_the_last_is_refused_after_a_restart(
    branch: Branch, tmp_path: Path
) -> None:
    apply(tmp_path, order(2, 7, epoch=3))
    for epoch, generation in ((3, 6), (2, 9)):
        with pytest.raises(ExecutorError, match="reconcile --adopt"):
            apply(tmp_path, order(1, generation, epoch=epoch))
    with pytest.raises(ExecutorError, match="already carried out for path 2, not for path 1"):
        apply(tmp_path, order(1, 7, epoch=3))
    assert branch.routes() == ON_TWO


def test_an_operator_may_adopt_the_generations_of_a_restored_database(
    branch: Branch, tmp_path: Path
) -> None:
    apply(tmp_path, order(2, 7, epoch=3))
    executor = LinuxExecutor(tmp_path)
    executor.adopt(POLICY, lease_epoch=1, generation=2)
    apply(tmp_path, order(1, 3))
    assert branch.routes() == ON_ONE


def test_the_fence_is_on_disk_before_the_kernel_is_touched(
    branch: Branch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    add = LinuxRouting.add_route

    def add_route(self: LinuxRouting, route: object) -> None:
        [file] = tmp_path.glob("*.json")
        seen.append(json.loads(file.read_text())["generation"])
        add(self, route)  # type: ignore[arg-type]

    monkeypatch.setattr(LinuxRouting, "add_route", add_route)
    apply(tmp_path, order(2, 5))
    assert seen == [5]


def test_a_fence_file_that_cannot_be_read_stops_the_switch_and_says_what_to_do(
    branch: Branch, tmp_path: Path
) -> None:
    apply(tmp_path, order(1, 1))
    [file] = tmp_path.glob("*.json")
    file.write_text('{"version": 1, "lease')
    with pytest.raises(ExecutorError, match=r"can't be read .* Delete it when no other monitor"):
        apply(tmp_path, order(2, 2))
    assert branch.routes() == ON_ONE


def test_two_processes_take_turns_with_one_policy(branch: Branch, tmp_path: Path) -> None:
    """Twenty orders from two sides, in any order: what stands is the newest that passed."""
    refused: list[str] = []

    def carry_out(generations: range) -> None:
        with branch.router.inside():
            for generation in generations:
                try:
                    apply(tmp_path, order(1 + generation % 2, generation))
                except ExecutorError as error:
                    refused.append(str(error))

    threads = [threading.Thread(target=carry_out, args=(range(start, 21, 2),)) for start in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert all("is older than" in text for text in refused), refused
    observed = LinuxExecutor(tmp_path).observe(POLICY)
    assert observed is not None
    assert (observed.generation, observed.path_key) == (20, 1)
    assert branch.routes() == ON_ONE


def test_a_frozen_process_with_its_turn_does_not_stop_the_successor(
    branch: Branch, tmp_path: Path
) -> None:
    with mortal("hold", tmp_path) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "holding\n"
            apply(tmp_path, order(2, 1))
        finally:
            holder.kill()
    assert branch.routes() == ON_TWO


def test_a_kill_after_the_route_still_lets_the_successor_forget_connections(
    branch: Branch, tmp_path: Path
) -> None:
    apply(tmp_path, order(1, 1))
    intent = order(2, 2, came_from=1, connections=Connections.OLD_PATH)
    killed("after the route, before the connections", tmp_path)
    assert branch.routes() == ON_TWO
    branch.router.ip("link del wan1")  # its address is known from its own time
    assert "answered to 10.1.0.2" in apply(tmp_path, intent)
