"""A switch is written wholly, once, by the newest decision, or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection

from failover import services
from failover.domain.situation import Direction, Notice, Switch
from failover.domain.state import Cause, NoticeKind
from failover.executors.base import Applied
from failover.models import FailoverEvent, FailoverPolicy, FailoverState, OutboxMessage
from failover.services import PublishedState, Scores, StaleGeneration
from tests.factories import (
    FailoverPolicyFactory,
    FailoverStateFactory,
    MonitorLeaseFactory,
    PathFactory,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
APPLIED = Applied(verified=True, duration_ms=12.5, detail="done")
SCORES = Scores(0.0, 97.0)


@pytest.fixture
def policy(db: None) -> FailoverPolicy:
    return make_policy()


def make_policy() -> FailoverPolicy:
    policy: FailoverPolicy = FailoverPolicyFactory(
        name="Internet", members=[PathFactory(name="fibre"), PathFactory(name="lte")]
    )
    services.ensure_states([policy], now=NOW)
    return policy


def paths_of(policy: FailoverPolicy) -> list[int]:
    return [member.path_id for member in policy.members.all()]


def published(policy: FailoverPolicy, generation: int, **changes: Any) -> PublishedState:
    values: dict[str, Any] = {
        "policy_id": policy.pk,
        "generation": generation,
        "phase": "switching",
        "reason": "it does not answer",
        "record": {"generation": generation},
        "judgement": {"candidates": []},
        "primary_healthy_since": None,
    }
    return PublishedState(**(values | changes))


def switch(policy: FailoverPolicy, generation: int, **changes: Any) -> Switch:
    primary, backup = paths_of(policy)
    there = Switch(
        primary, backup, Direction.FAILOVER, Cause.DEAD, generation, "it does not answer"
    )
    return there._replace(**changes)


def begin(
    policy: FailoverPolicy,
    generation: int = 1,
    *,
    lease_epoch: int = 1,
    notices: tuple[Notice, ...] = (),
    **changes: Any,
) -> FailoverEvent:
    return services.begin_switch(
        policy,
        switch(policy, generation, **changes),
        notices,
        published(policy, generation),
        scores=SCORES,
        evidence={"cause": "dead"},
        lease_epoch=lease_epoch,
        now=NOW,
    )


def kinds() -> list[str]:
    return list(FailoverEvent.objects.order_by("id").values_list("event_type", flat=True))


def test_a_new_policy_starts_on_its_primary(policy: FailoverPolicy) -> None:
    state = FailoverState.objects.get(policy=policy)
    assert (state.active_path_id, state.generation) == (paths_of(policy)[0], 0)
    services.ensure_states([FailoverPolicy.objects.get(pk=policy.pk)], now=NOW)
    assert FailoverState.objects.count() == 1


def test_a_policy_without_members_gets_no_state(db: None) -> None:
    services.ensure_states([FailoverPolicyFactory()], now=NOW)
    assert FailoverState.objects.count() == 0


def test_a_switch_is_state_event_and_order_at_once(policy: FailoverPolicy) -> None:
    event = begin(policy)
    state = FailoverState.objects.get(policy=policy)
    primary, backup = paths_of(policy)
    assert (state.active_path_id, state.generation, state.active_since) == (backup, 1, NOW)
    assert (state.record, state.lease_epoch) == ({"generation": 1}, 1)
    assert (event.from_path_id, event.to_path_id) == (primary, backup)
    assert (event.from_path_name, event.to_path_name) == ("fibre", "lte")
    assert (event.event_type, event.direction, event.actor) == (
        "triggered",
        "failover",
        "pathwarden",
    )
    assert (event.primary_health_score, event.backup_health_score) == (0.0, 97.0)
    assert event.evidence == {"cause": "dead"}
    order = OutboxMessage.objects.get()
    assert (order.event_id, order.topic, order.done_at) == (event.pk, "actuate", None)


@pytest.mark.parametrize("generation", [1, 3])
def test_a_decision_on_another_generation_is_stale_and_writes_nothing(
    policy: FailoverPolicy, generation: int
) -> None:
    begin(policy)
    before = FailoverState.objects.values().get()
    with pytest.raises(StaleGeneration, match=f"generation {generation - 1}"):
        begin(policy, generation)
    assert FailoverState.objects.values().get() == before
    assert kinds() == ["triggered"]
    assert OutboxMessage.objects.count() == 1


def test_an_older_lease_is_fenced_off(policy: FailoverPolicy) -> None:
    begin(policy, lease_epoch=7)
    with pytest.raises(StaleGeneration):
        begin(policy, 2, lease_epoch=6)
    services.publish([published(policy, 1, reason="zombie")], lease_epoch=6, now=NOW)
    assert FailoverState.objects.get().reason == "it does not answer"
    assert kinds() == ["triggered"]


def test_an_error_in_the_middle_leaves_nothing_behind(
    policy: FailoverPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**fields: object) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(OutboxMessage.objects, "create", fail)
    with pytest.raises(DatabaseError):
        begin(policy)
    assert FailoverState.objects.get().generation == 0
    assert kinds() == []


def test_one_generation_has_one_switch(policy: FailoverPolicy) -> None:
    begin(policy)
    FailoverState.objects.update(generation=0)  # as a restored backup would
    with pytest.raises(IntegrityError):
        begin(policy)
    assert FailoverState.objects.get().generation == 0
    assert kinds() == ["triggered"]


def test_notices_are_written_with_the_state_they_belong_to(policy: FailoverPolicy) -> None:
    primary = paths_of(policy)[0]
    notice = Notice(NoticeKind.NO_VIABLE_PATH, "nothing answers", primary)
    services.announce(policy, [notice], published(policy, 0), scores=SCORES, lease_epoch=1, now=NOW)
    event = FailoverEvent.objects.get()
    assert (event.event_type, event.generation, event.reason) == (
        "no_viable_path",
        0,
        "nothing answers",
    )
    assert (event.from_path_id, event.from_path_name, event.to_path_id) == (primary, "fibre", None)
    assert FailoverState.objects.get().record == {"generation": 0}
    with pytest.raises(StaleGeneration):
        services.announce(
            policy, [notice], published(policy, 5), scores=SCORES, lease_epoch=1, now=NOW
        )
    assert FailoverEvent.objects.count() == 1


def test_notices_of_a_switch_carry_its_generation(policy: FailoverPolicy) -> None:
    begin(policy, notices=(Notice(NoticeKind.UNPINNED, "the pin expired", actor="ann"),))
    assert kinds() == ["unpinned", "triggered"]
    assert set(FailoverEvent.objects.values_list("generation", flat=True)) == {1}
    assert FailoverEvent.objects.get(event_type="unpinned").actor == "ann"


def test_publishing_never_overwrites_a_newer_generation(policy: FailoverPolicy) -> None:
    services.publish([published(policy, 0, reason="all is well")], lease_epoch=1, now=NOW)
    assert FailoverState.objects.get().reason == "all is well"
    begin(policy)
    services.publish([published(policy, 0, reason="all is well")], lease_epoch=1, now=NOW)
    state = FailoverState.objects.get()
    assert (state.generation, state.reason) == (1, "it does not answer")


def test_a_long_reason_is_cut_and_not_refused(policy: FailoverPolicy) -> None:
    services.publish([published(policy, 0, reason="x" * 900)], lease_epoch=1, now=NOW)
    assert FailoverState.objects.get().reason == "x" * 300


def test_the_end_of_a_switch_is_recorded_once(policy: FailoverPolicy) -> None:
    begin(policy)
    message = OutboxMessage.objects.select_related("event").get()
    later = NOW + timedelta(seconds=1)
    services.finish_switch(message, APPLIED, now=later)
    services.finish_switch(message, APPLIED, now=later)
    completed = FailoverEvent.objects.get(event_type="completed")
    assert (completed.generation, completed.duration_ms, completed.timestamp) == (1, 12.5, later)
    assert completed.evidence == {"verified": True, "detail": "done"}
    state = FailoverState.objects.get()
    assert (state.failover_count, state.last_failover) == (1, later)
    assert OutboxMessage.objects.get().done_at == later


def test_a_failback_is_no_failover(policy: FailoverPolicy) -> None:
    begin(policy, direction=Direction.FAILBACK)
    services.finish_switch(OutboxMessage.objects.get(), APPLIED, now=NOW)
    assert FailoverState.objects.get().failover_count == 0


def test_a_failed_switch_is_said_once_and_tried_again_with_growing_pauses(
    policy: FailoverPolicy,
) -> None:
    begin(policy)
    pauses = []
    for _ in range(9):
        services.fail_switch(OutboxMessage.objects.get(), "no route", retry=True, now=NOW)
        pauses.append((OutboxMessage.objects.get().next_attempt_at - NOW).total_seconds())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert kinds() == ["triggered", "failed"]
    assert OutboxMessage.objects.get().last_error == "no route"
    services.finish_switch(OutboxMessage.objects.get(), APPLIED, now=NOW)
    assert kinds() == ["triggered", "failed", "completed"]


def test_a_switch_that_fails_for_days_is_still_tried_each_minute(policy: FailoverPolicy) -> None:
    begin(policy)
    OutboxMessage.objects.update(attempts=5_000)
    services.fail_switch(OutboxMessage.objects.get(), "no route", retry=True, now=NOW)
    message = OutboxMessage.objects.get()
    assert (message.attempts, message.done_at) == (5_001, None)
    assert message.next_attempt_at == NOW + timedelta(seconds=60)


def test_a_switch_that_can_not_succeed_is_given_up(policy: FailoverPolicy) -> None:
    begin(policy)
    services.fail_switch(OutboxMessage.objects.get(), "bad prefix", retry=False, now=NOW)
    assert kinds() == ["triggered", "failed"]
    assert OutboxMessage.objects.get().done_at == NOW


def test_the_same_failure_reported_twice_counts_once(policy: FailoverPolicy) -> None:
    begin(policy)
    message = OutboxMessage.objects.get()
    services.fail_switch(message, "no route", retry=True, now=NOW)
    services.fail_switch(message, "no route", retry=True, now=NOW)
    assert OutboxMessage.objects.get().attempts == 1
    assert kinds() == ["triggered", "failed"]


def test_a_superseded_switch_is_closed_once_and_has_no_other_end(policy: FailoverPolicy) -> None:
    begin(policy)
    begin(policy, 2)
    message = OutboxMessage.objects.order_by("pk")[0]
    services.supersede(message, now=NOW)
    services.supersede(message, now=NOW)
    services.finish_switch(message, APPLIED, now=NOW)
    message.refresh_from_db()
    assert message.last_error == "superseded"
    assert kinds() == ["triggered", "triggered", "superseded"]
    end = FailoverEvent.objects.get(event_type="superseded")
    assert (end.generation, end.to_path_name) == (1, "lte")
    assert end.reason == "Not carried out: generation 2 has replaced it."


def test_an_event_keeps_its_names_when_policy_and_paths_are_deleted(
    policy: FailoverPolicy,
) -> None:
    begin(policy)
    services.finish_switch(OutboxMessage.objects.get(), APPLIED, now=NOW)
    uid = policy.uid
    paths = [member.path for member in policy.members.all()]
    policy.delete()
    for path in paths:
        path.delete()
    for event in FailoverEvent.objects.all():
        assert (event.policy_id, event.policy_uid, event.policy_name) == (None, uid, "Internet")
        assert (event.from_path_id, event.from_path_name) == (None, "fibre")
        assert (event.to_path_id, event.to_path_name) == (None, "lte")


def test_an_event_names_the_left_path_even_if_it_was_taken_out_of_the_policy(
    policy: FailoverPolicy,
) -> None:
    backup = paths_of(policy)[1]
    taken_out = PathFactory(name="old line")
    event = begin(policy, from_key=taken_out.pk, to_key=backup, cause=Cause.REMOVED)
    assert (event.from_path_id, event.from_path_name) == (taken_out.pk, "old line")


def test_a_policy_that_moved_to_a_younger_vantage_obeys_its_epochs(policy: FailoverPolicy) -> None:
    begin(policy, lease_epoch=50)
    lease = MonitorLeaseFactory(epoch=3)
    with pytest.raises(StaleGeneration):
        begin(policy, 2, lease_epoch=3)
    services.adopt_states([policy.pk], vantage_id=lease.vantage_id, lease_epoch=3)
    begin(policy, 2, lease_epoch=3)
    assert FailoverState.objects.get().generation == 2


def test_a_holder_that_lost_its_lease_adopts_nothing(policy: FailoverPolicy) -> None:
    begin(policy, lease_epoch=4)
    lease = MonitorLeaseFactory(epoch=4)
    other = FailoverStateFactory(lease_epoch=9)
    services.adopt_states([policy.pk], vantage_id=lease.vantage_id, lease_epoch=3)
    services.adopt_states([policy.pk], vantage_id=lease.vantage_id, lease_epoch=4)
    assert FailoverState.objects.get(policy=policy).lease_epoch == 4
    other.refresh_from_db()
    assert other.lease_epoch == 9


@pytest.mark.django_db(transaction=True)
def test_of_six_racing_writers_one_wins_each_generation() -> None:
    policy = make_policy()
    writers, generations = 6, 15
    line = threading.Barrier(writers)

    def race() -> list[str]:
        outcomes = []
        try:
            for generation in range(1, generations + 1):
                line.wait(30)
                try:
                    begin(policy, generation)
                    outcomes.append("won")
                except StaleGeneration:
                    outcomes.append("stale")
        finally:
            connection.close()
        return outcomes

    with ThreadPoolExecutor(writers) as pool:
        outcomes = [done.result(60) for done in [pool.submit(race) for _ in range(writers)]]
    assert [list(round_).count("won") for round_ in zip(*outcomes, strict=True)] == [1] * 15
    assert FailoverState.objects.get().generation == generations
    assert kinds() == ["triggered"] * generations
    assert OutboxMessage.objects.count() == generations


@pytest.mark.django_db(transaction=True)
def test_of_racing_finishers_one_writes_the_end() -> None:
    policy = make_policy()
    begin(policy)
    line = threading.Barrier(6)

    def race() -> None:
        try:
            message = OutboxMessage.objects.select_related("event").get()
            line.wait(30)
            services.finish_switch(message, APPLIED, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(race) for _ in range(6)]:
            done.result(60)
    assert kinds() == ["triggered", "completed"]
    assert FailoverState.objects.get().failover_count == 1
