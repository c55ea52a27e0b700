"""When a switch that did not work is tried again, and how long a successor waits."""

from __future__ import annotations

import pytest

from failover.control.authority import Authority
from failover.control.setbacks import Setbacks
from failover.executors import EXECUTORS
from health.engine.clock import FakeClock
from health.monitoring.lease import Lease
from health.monitoring.monitor import LoopContext

SECOND = 1_000_000_000


def test_a_path_that_failed_is_tried_again_after_growing_pauses() -> None:
    setbacks, pauses = Setbacks(), []
    for _ in range(10):
        setbacks.note(1, 7, now_ns=0)
        pauses.append(setbacks.left_secs(1, 7, now_ns=0))
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_a_pause_ends_and_concerns_one_path_of_one_policy() -> None:
    setbacks = Setbacks()
    setbacks.note(1, 7, now_ns=0)
    assert setbacks.left_secs(1, 7, now_ns=3 * SECOND) == 2
    assert setbacks.left_secs(1, 7, now_ns=5 * SECOND) == 0
    assert setbacks.left_secs(1, 8, now_ns=0) == setbacks.left_secs(2, 7, now_ns=0) == 0


def test_what_worked_since_makes_a_policy_s_pauses_begin_anew() -> None:
    setbacks = Setbacks()
    for policy in (1, 1, 2):
        setbacks.note(policy, 7, now_ns=0)
    setbacks.forget(1)
    assert setbacks.left_secs(1, 7, now_ns=0) == 0
    assert setbacks.left_secs(2, 7, now_ns=0) == 5
    setbacks.note(1, 7, now_ns=0)
    assert setbacks.left_secs(1, 7, now_ns=0) == 5


def authority(clock: FakeClock, *, predecessor_gone: bool, leased: bool = True) -> Authority:
    lease = Lease(1, "me", 2, predecessor_gone=predecessor_gone)
    return Authority(LoopContext(1, "here", lease, lambda: leased, clock))


@pytest.mark.parametrize("kind", EXECUTORS)
def test_a_successor_waits_as_long_as_an_order_may_still_be_under_way(kind: str) -> None:
    clock = FakeClock()
    may = authority(clock, predecessor_gone=False)
    timeout = EXECUTORS[kind].timeout_secs
    assert not may.may_use(kind)
    clock.advance(timeout - 0.001)
    assert not may.may_use(kind)
    clock.advance(0.002)
    assert may.may_use(kind)


def test_after_a_predecessor_that_provably_ended_nobody_waits() -> None:
    assert authority(FakeClock(), predecessor_gone=True).may_use("dry_run")


def test_without_the_lease_nothing_may_be_used() -> None:
    assert not authority(FakeClock(), predecessor_gone=True, leased=False).may_use("dry_run")
