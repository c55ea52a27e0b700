"""While the database is away everything holds, but a dead path is left; later it is all told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import OperationalError

from failover import services
from failover.control import decision_thread as module
from failover.control.journal import Journal
from failover.control.journal_entries import end_entry, journaled_switches, switch_entry
from failover.domain.state import Cause
from failover.executors import EXECUTORS
from failover.executors.base import Applied
from failover.executors.dry_run import DryRunExecutor
from failover.models import FailoverEvent, FailoverPolicy, FailoverState, OutboxMessage
from tests.integration.failover.desk import Desk, desk, kinds
from tests.integration.failover.sites import until

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["desk"]

APPLIED = Applied(verified=True, duration_ms=3.0, detail="done")


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Iterator[DryRunExecutor]:
    made = DryRunExecutor()
    row = EXECUTORS["dry_run"]
    monkeypatch.setitem(EXECUTORS, "dry_run", row._replace(make=lambda folder: made))
    return made


def state() -> FailoverState:
    return FailoverState.objects.get()


def test_a_dead_path_is_left_and_the_switch_is_imported_with_its_time(
    executor: DryRunExecutor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.loaded()
    desk.lose_database(monkeypatch)
    left_at = datetime.fromtimestamp(desk.clock.wall(), UTC)
    desk.thread.submit(desk.switch())
    assert desk.outcome() == module.Outcome(desk.policy.pk, committed=True, journaled=True)
    assert [plan.intent.to_uplink.path_key for plan in executor.plans] == [desk.paths[1].pk]
    assert kinds() == []
    desk.clock.advance(300)
    desk.away = False
    until(lambda: desk.journal.is_empty())
    assert kinds() == ["triggered", "completed"]
    triggered, completed = FailoverEvent.objects.order_by("id")
    assert triggered.timestamp == completed.timestamp == left_at
    assert (state().generation, state().active_path_id) == (1, desk.paths[1].pk)
    assert (state().failover_count, state().last_failover) == (1, left_at)
    assert len(executor.plans) == 1
    desk.thread.submit(desk.switch(2))
    assert desk.outcome() == module.Outcome(desk.policy.pk, committed=True)


def test_two_escapes_in_a_row_are_imported_in_their_order(
    executor: DryRunExecutor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.loaded()
    desk.lose_database(monkeypatch)
    for generation in (1, 2):
        desk.thread.submit(desk.switch(generation))
        assert desk.outcome().journaled
    desk.away = False
    until(lambda: desk.journal.is_empty())
    assert kinds() == ["triggered", "completed"] * 2
    assert (state().generation, state().active_path_id) == (2, desk.paths[0].pk)


@pytest.mark.parametrize("cause", [Cause.DEGRADED, Cause.RETURN, Cause.MAINTENANCE])
def test_everything_but_death_holds(
    executor: DryRunExecutor, desk: Desk, monkeypatch: pytest.MonkeyPatch, cause: Cause
) -> None:
    desk.loaded()
    desk.lose_database(monkeypatch)
    desk.thread.submit(desk.switch(cause=cause))
    assert not desk.outcome().committed
    desk.thread.submit(desk.notice())
    assert not desk.outcome().committed
    assert desk.journal.is_empty()
    assert not executor.plans


def test_an_executor_of_another_host_is_not_used_without_the_database(
    executor: DryRunExecutor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = EXECUTORS["dry_run"]
    monkeypatch.setitem(EXECUTORS, "dry_run", row._replace(is_local=False))
    desk.loaded()
    desk.lose_database(monkeypatch)
    desk.thread.submit(desk.switch())
    assert not desk.outcome().committed
    assert not executor.plans


def test_a_lost_lease_allows_no_escape_while_the_database_answers(
    executor: DryRunExecutor, desk: Desk
) -> None:
    desk.loaded()
    desk.leased = False
    desk.thread.submit(desk.switch())
    assert not desk.outcome().committed
    assert not executor.plans


def test_a_lease_that_cannot_be_renewed_allows_the_escape(
    executor: DryRunExecutor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.loaded()
    desk.lose_database(monkeypatch)
    desk.leased = False
    desk.thread.submit(desk.switch())
    assert desk.outcome().journaled
    desk.away = False
    time.sleep(0.2)  # several polls: nothing is imported without the lease
    assert kinds() == []
    desk.leased = True
    until(lambda: kinds() == ["triggered", "completed"])


def test_nothing_is_decided_between_the_databases_return_and_the_import(
    executor: DryRunExecutor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.loaded()
    desk.lose_database(monkeypatch)
    desk.thread.submit(desk.switch())
    assert desk.outcome().journaled
    desk.leased = desk.away = False
    desk.thread.submit(desk.switch(2, cause=Cause.RETURN))
    assert not desk.outcome().committed


def test_an_executor_that_fails_leaves_everything_and_is_told_once(
    executor: DryRunExecutor, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(plan: object) -> Applied:
        raise OSError(19, "No such device")

    desk.loaded()
    desk.lose_database(monkeypatch)
    monkeypatch.setattr(executor, "apply", fail)
    for _ in range(3):
        desk.thread.submit(desk.switch())
        assert not desk.outcome().committed
    desk.away = False
    until(lambda: desk.journal.is_empty())
    until(lambda: kinds() == ["failed"])
    event = FailoverEvent.objects.get()
    assert (event.generation, event.to_path_id) == (0, desk.paths[1].pk)
    assert "1 attempts failed: [Errno 19] No such device" in event.reason  # a pause followed
    assert state().generation == 0


# --- what a crash leaves in the journal ----------------------------------------------------
def stored(desk: Desk) -> FailoverPolicy:
    services.ensure_states([desk.policy], now=desk.thread._now())
    return desk.policy


def import_all(desk: Desk) -> None:
    for _, journaled in journaled_switches(desk.journal.entries()):
        services.import_switch(desk.policy, journaled, lease_epoch=3)


def test_an_intent_without_an_end_is_carried_out_by_the_successor(
    executor: DryRunExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "POLL_SECS", 0.02)
    desk = Desk()
    policy = stored(desk)
    desk.journal.append(switch_entry(desk.switch(), policy, 2, desk.thread._now()))
    desk.thread.start()  # the successor of a killed process
    assert desk.loaded().states[policy.pk].generation == 1  # imported before anything is told
    until(lambda: kinds() == ["triggered", "completed"])
    desk.thread.stop(8)
    assert [plan.intent.generation for plan in executor.plans] == [1]


def test_importing_twice_changes_nothing(desk: Desk) -> None:
    desk.thread.stop(8)
    policy, now = stored(desk), desk.thread._now()
    desk.journal.append(switch_entry(desk.switch(), policy, 2, now))
    desk.journal.append(end_entry(desk.switch(), policy, now, applied=APPLIED))
    desk.journal.append(switch_entry(desk.switch(2), policy, 2, now))
    desk.journal.append(end_entry(desk.switch(2), policy, now, error="no such device"))
    for _ in range(3):
        import_all(desk)
    assert kinds() == ["triggered", "completed", "failed"]
    assert state().failover_count == 1
    assert OutboxMessage.objects.filter(done_at__isnull=True).count() == 0


def test_a_switch_whose_commit_got_through_is_only_completed(desk: Desk) -> None:
    desk.thread.stop(8)
    policy, now = stored(desk), desk.thread._now()
    order = desk.switch()
    services.begin_switch(
        policy, order.switch, (), order.published, scores=order.scores, evidence={},
        lease_epoch=3, now=now,
    )  # fmt: skip
    desk.journal.append(switch_entry(order, policy, 3, now))
    desk.journal.append(end_entry(order, policy, now, applied=APPLIED))
    import_all(desk)
    assert kinds() == ["triggered", "completed"]


def test_a_decision_stored_meanwhile_holds_and_the_other_one_is_told_once(desk: Desk) -> None:
    desk.thread.stop(8)
    policy, now = stored(desk), desk.thread._now()
    order = desk.switch()
    other = order.switch._replace(to_key=desk.paths[0].pk)
    services.begin_switch(
        policy, other, (), order.published, scores=order.scores, evidence={},
        lease_epoch=3, now=now,
    )  # fmt: skip
    desk.journal.append(switch_entry(order, policy, 2, now))
    desk.journal.append(end_entry(order, policy, now, applied=APPLIED))
    import_all(desk)
    import_all(desk)
    assert kinds() == ["triggered", "failed"]
    assert state().active_path_id == desk.paths[0].pk
    told = FailoverEvent.objects.get(event_type="failed")
    assert "Another decision was stored meanwhile" in told.reason


def test_entries_of_another_release_or_of_a_deleted_policy_hold_nobody_up(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.thread.stop(8)
    policy, now = stored(desk), desk.thread._now()
    odd = switch_entry(desk.switch(), policy, 2, now)
    odd["switch"]["flavour"] = "strange"
    desk.journal.append(odd)
    gone = switch_entry(desk.switch(3), policy, 2, now)
    desk.journal.append({**gone, "policy_uid": "00000000-0000-0000-0000-000000000000"})
    desk.thread._hatch.import_all(lease_epoch=3)
    assert desk.journal.is_empty()
    assert "can't be understood" in caplog.text
    assert "policy of a journaled switch is gone" in caplog.text


def test_a_database_that_goes_again_during_the_import_loses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object, **options: object) -> None:
        raise OperationalError("away again")

    desk.thread.stop(8)
    policy, now = stored(desk), desk.thread._now()
    desk.journal.append(switch_entry(desk.switch(), policy, 2, now))
    begin = services.imports.begin_switch
    monkeypatch.setattr(services.imports, "begin_switch", away)
    with pytest.raises(OperationalError):
        desk.thread._hatch.import_all(lease_epoch=3)
    monkeypatch.setattr(services.imports, "begin_switch", begin)
    assert len(Journal(desk.journal._file).entries()) == 1
    desk.thread._hatch.import_all(lease_epoch=3)
    assert kinds() == ["triggered"]
