"""The dry run keeps the executors' contract, and records without limitless memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from failover.executors import EXECUTORS
from failover.executors.base import RouteExecutor
from failover.executors.dry_run import REMEMBERED_PLANS, DryRunExecutor
from tests.unit.failover.executors.contract import TO_CABLE, ExecutorContract


class TestDryRun(ExecutorContract):
    """The common contract."""

    def make(self) -> RouteExecutor:
        return DryRunExecutor()


def test_the_detail_shows_the_plan_and_says_that_nothing_was_changed() -> None:
    executor = DryRunExecutor()
    applied = executor.apply(executor.plan(TO_CABLE))
    assert applied.detail.startswith("Dry run, nothing was changed.\nip -4 route replace default")


def test_the_duration_is_taken_from_the_given_clock_in_milliseconds() -> None:
    moments = iter([10.0, 10.25])
    executor = DryRunExecutor(clock=lambda: next(moments))
    assert executor.apply(executor.plan(TO_CABLE)).duration_ms == 250.0


def test_only_the_latest_plans_are_remembered() -> None:
    executor = DryRunExecutor()
    for generation in range(REMEMBERED_PLANS + 5):
        executor.apply(executor.plan(replace(TO_CABLE, lease_epoch=3, generation=generation)))
    assert len(executor.plans) == REMEMBERED_PLANS
    assert executor.plans[-1].intent.generation == REMEMBERED_PLANS + 4


def test_the_registry_makes_each_kind_and_describes_it(tmp_path: Path) -> None:
    assert next(iter(EXECUTORS)) == "dry_run"
    for row in EXECUTORS.values():
        assert row.label
        assert row.help_text
        assert row.make(tmp_path).observe("a policy of nobody") is None
