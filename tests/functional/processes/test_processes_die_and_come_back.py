"""kill -9 of every process below ``up``: each time everything works again without help."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable

import psutil
import pytest

from tests.functional.processes.product import Product, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

# Far above the bounds of 5 s and 30 s: the machine of a test may be shared and slow;
# the bounds themselves are judged by the benchmark.
PROBING_AGAIN_SECS = 45
WORKING_AGAIN_SECS = 90


def vantage_cluster(product: Product) -> psutil.Process:
    return product.child("cluster", "--name")


def housekeeping_cluster(product: Product) -> psutil.Process:
    found = [
        process
        for process in psutil.Process(product.process.pid).children()
        if "cluster" in process.cmdline() and "--name" not in process.cmdline()
    ]
    return found[0]


def sentinel_of(cluster: psutil.Process) -> psutil.Process:
    return cluster.children()[0]


def members_of(cluster: psutil.Process) -> list[psutil.Process]:
    return sentinel_of(cluster).children()


def test_the_monitors_worker_is_killed_and_probing_goes_on(product: Product) -> None:
    pid, epoch = product.lease()
    killed_at = time.time()
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: product.lease()[1] > epoch and product.measured_after(killed_at),
        "a new monitor measures",
        PROBING_AGAIN_SECS,
        log=product.log,
    )


VICTIMS: dict[str, Callable[[Product], psutil.Process]] = {
    "the vantage cluster": vantage_cluster,
    "the vantage cluster's sentinel": lambda product: sentinel_of(vantage_cluster(product)),
    "the housekeeping cluster": housekeeping_cluster,
    "the housekeeping cluster's sentinel": lambda p: sentinel_of(housekeeping_cluster(p)),
    "gunicorn": lambda product: product.child("gunicorn"),
    "gunicorn's worker": lambda product: product.child("gunicorn").children()[0],
    "the demo reflectors": lambda product: product.child("reflector"),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_everything_works_again_after_kill_9(product: Product, victim: str) -> None:
    VICTIMS[victim](product).kill()
    wait_until(product.works, f"recovery from the death of {victim}", WORKING_AGAIN_SECS)


@pytest.mark.parametrize("cluster", [vantage_cluster, housekeeping_cluster])
def test_every_idle_member_of_a_cluster_may_be_killed(
    product: Product, cluster: Callable[[Product], psutil.Process]
) -> None:
    """Idle workers too: one of them takes the lock of the task queue with it."""
    monitor_pid, _ = product.lease()
    for member in members_of(cluster(product)):
        if member.pid != monitor_pid:
            member.kill()
    wait_until(product.works, "recovery from the death of idle members", WORKING_AGAIN_SECS)


LOCKED_SECS = 14.0  # longer than a cluster may be silent, shorter than SQLite's patience


def test_a_database_that_is_locked_for_long_ends_no_cluster(product: Product) -> None:
    wait_until(product.works, "a working product", WORKING_AGAIN_SECS, log=product.log)
    before = {vantage_cluster(product).pid, housekeeping_cluster(product).pid}
    monitor_pid, _ = product.lease()
    holder = sqlite3.connect(
        product.directory / "pathwarden.sqlite3", timeout=20, isolation_level=None
    )
    try:
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(LOCKED_SECS)
        holder.execute("ROLLBACK")
    finally:
        holder.close()
    wait_until(product.works, "work after the lock", WORKING_AGAIN_SECS, log=product.log)
    assert {vantage_cluster(product).pid, housekeeping_cluster(product).pid} == before
    # Whether the same loop goes on is the lease's business, which nobody could renew.
    assert psutil.pid_exists(monitor_pid)
