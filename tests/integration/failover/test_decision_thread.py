"""The thread beside the loop: it reads, commits and carries out, and says what became of it."""

from __future__ import annotations

import queue
import time
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError

from failover.control import decision_thread as module
from failover.control.decision_thread import Outcome
from failover.executors.base import ExecutorError
from failover.models import FailoverPolicy, FailoverState
from tests.integration.failover.desk import Desk, desk, kinds
from tests.integration.failover.kernels import register
from tests.integration.failover.sites import until

__all__ = ["desk"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_policies_are_loaded_with_states_of_their_own(desk: Desk) -> None:
    loaded = desk.loaded()
    assert loaded.policies.keys() == loaded.states.keys() == {desk.policy.pk}
    state = loaded.states[desk.policy.pk]
    assert (state.generation, state.active, state.record) == (0, desk.paths[0].pk, {})
    assert loaded.in_maintenance == loaded.disabled_paths == frozenset()


def test_a_disabled_path_is_reported(desk: Desk) -> None:
    desk.loaded()
    desk.paths[1].enabled = False
    desk.paths[1].save()
    reported = desk.loaded()
    while not reported.disabled_paths:
        reported = desk.loaded()
    assert reported.disabled_paths == {desk.paths[1].pk}


def test_what_a_fingerprint_missed_is_read_within_half_a_minute(desk: Desk) -> None:
    desk.settle()
    FailoverPolicy.objects.update(failback_delay_secs=7)  # moves no updated_at
    with pytest.raises(queue.Empty):
        desk.replies.get(timeout=0.2)
    desk.clock.advance(30)
    assert desk.loaded().policies[desk.policy.pk].failback_delay_secs == 7


def test_a_switch_is_committed_carried_out_and_answered(desk: Desk) -> None:
    desk.loaded()
    desk.thread.submit(desk.switch())
    assert desk.outcome() == Outcome(desk.policy.pk, committed=True)
    desk.thread.stop(8)
    assert kinds() == ["triggered", "completed"]
    state = FailoverState.objects.get()
    assert (state.generation, state.lease_epoch, state.record) == (1, 3, {"n": 1})


def test_a_notice_is_written_without_a_switch(desk: Desk) -> None:
    desk.loaded()
    desk.thread.submit(desk.notice())
    assert desk.outcome().committed
    assert kinds() == ["no_viable_path"]


def test_without_the_lease_an_order_never_happened(desk: Desk) -> None:
    desk.loaded()
    desk.leased = False
    desk.thread.submit(desk.switch())
    desk.thread.publish([desk.published(0)])
    assert not desk.outcome().committed
    desk.thread.stop(8)
    assert kinds() == []
    assert FailoverState.objects.get().reason == ""


def test_a_stale_order_never_happened_and_the_state_is_read_again(desk: Desk) -> None:
    desk.settle()
    FailoverState.objects.update(record={"n": "by somebody else"})
    desk.thread.submit(desk.switch(generation=5))
    assert not desk.outcome().committed
    assert desk.loaded().states[desk.policy.pk].record == {"n": "by somebody else"}
    assert kinds() == []


@pytest.mark.parametrize("error", [DatabaseError("refused"), ZeroDivisionError("a defect")])
def test_an_order_that_could_not_be_written_never_happened(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise error

    begin = module.services.begin_switch
    desk.loaded()
    monkeypatch.setattr(module.services, "begin_switch", fail)
    desk.thread.submit(desk.switch())
    assert not desk.outcome().committed
    monkeypatch.setattr(module.services, "begin_switch", begin)
    desk.thread.submit(desk.switch())
    assert desk.outcome().committed


def test_an_order_about_a_policy_that_is_gone_never_happened(desk: Desk) -> None:
    desk.loaded()
    desk.thread.submit(replace(desk.switch(), policy_id=999_999))
    assert desk.outcome() == Outcome(999_999, committed=False)


@pytest.mark.parametrize("error", [OperationalError("away"), ZeroDivisionError("a defect")])
def test_a_database_that_is_away_at_the_start_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "POLL_SECS", 0.02)
    failures = [error, error]
    fingerprint = module.decision_fingerprint

    def sometimes(*, now: Any) -> object:
        if failures:
            raise failures.pop()
        return fingerprint(now=now)

    monkeypatch.setattr(module, "decision_fingerprint", sometimes)
    desk = Desk()
    desk.thread.start()
    assert desk.loaded().policies
    desk.thread.stop(8)
    assert "database is away" in caplog.text or "task failed" in caplog.text


def test_stopping_finishes_what_is_waiting(desk: Desk) -> None:
    desk.loaded()
    desk.thread.submit(desk.switch())
    desk.thread.publish([desk.published(1)])
    desk.thread.stop(8)
    assert desk.outcome().committed
    assert kinds() == ["triggered", "completed"]


def test_a_policy_from_a_vantage_with_higher_epochs_is_adopted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "POLL_SECS", 0.02)
    desk = Desk()
    module.services.ensure_states([desk.policy], now=desk.thread._now())
    FailoverState.objects.update(lease_epoch=50)
    desk.thread.start()
    desk.loaded()
    desk.thread.submit(desk.switch())
    assert desk.outcome().committed
    desk.thread.stop(8)
    assert FailoverState.objects.get().lease_epoch == 3


def test_a_switch_that_was_given_up_is_not_tried_again_at_once_but_by_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "POLL_SECS", 0.02)
    kernel = register(monkeypatch)
    kernel.failures = [ExecutorError("no such device", retryable=False)]
    desk = Desk()
    desk.thread.start()
    desk.loaded()
    desk.thread.submit(replace(desk.switch(), published=replace(desk.published(1), record={})))
    assert desk.outcome().committed
    until(lambda: FailoverState.objects.get().generation == 2)
    again = replace(desk.switch(3), published=replace(desk.published(3), record={}))
    desk.thread.submit(again)
    assert not desk.outcome().committed
    desk.clock.advance(5)
    desk.thread.submit(again)
    assert desk.outcome().committed
    until(lambda: kinds()[-1] == "completed")
    desk.thread.stop(8)


def test_a_successor_of_a_frozen_monitor_waits_before_it_acts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "POLL_SECS", 0.02)
    desk = Desk(predecessor_gone=False)
    desk.thread.start()
    desk.loaded()
    desk.thread.submit(desk.switch())
    assert desk.outcome().committed
    time.sleep(0.2)  # several polls
    assert kinds() == ["triggered"]
    desk.clock.advance(1.01)
    until(lambda: kinds() == ["triggered", "completed"])
    desk.thread.stop(8)
