"""A switch that can't be carried out leaves a state that says what is in force."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from failover import services
from failover.domain.record import from_record, to_record
from failover.domain.situation import Direction, Switch
from failover.domain.state import Cause, MemberClock, PolicyState
from failover.executors.base import Applied
from failover.models import (
    FailoverEvent,
    FailoverPolicy,
    FailoverState,
    OutboxMessage,
    RouteInForce,
)
from failover.selectors import policies_now
from failover.services import PublishedState, Scores
from tests.factories import FailoverPolicyFactory, PathFactory

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WALL = NOW.timestamp()


@pytest.fixture
def policy(db: None) -> FailoverPolicy:
    policy: FailoverPolicy = FailoverPolicyFactory(
        name="Internet", members=[PathFactory(name="fibre"), PathFactory(name="lte")]
    )
    services.ensure_states([policy], now=NOW)
    return policy


def paths_of(policy: FailoverPolicy) -> list[int]:
    return [member.path_id for member in policy.members.all()]


def begin(policy: FailoverPolicy, generation: int = 1) -> OutboxMessage:
    fibre, lte = paths_of(policy)
    state = PolicyState(
        active=lte,
        generation=generation,
        active_since=100.0,
        last_switch_at=100.0,
        last_cause=Cause.DEAD,
        clocks={
            fibre: MemberClock(left_at=100.0, left_because=Cause.DEAD, penalty=1.0),
            lte: MemberClock(healthy_since=10.0),
        },
    )
    record = to_record(state, now=100.0, wall_offset=WALL - 100.0)
    published = PublishedState(policy.pk, generation, "switching", "dead", record, {}, None)
    switch = Switch(fibre, lte, Direction.FAILOVER, Cause.DEAD, generation, "it is dead")
    event = services.begin_switch(
        policy, switch, (), published, scores=Scores(0, 99), evidence={}, lease_epoch=1, now=NOW
    )
    return OutboxMessage.objects.select_related("event__policy").get(event=event)


def give_up(message: OutboxMessage, **changes: Any) -> None:
    values: dict[str, Any] = {"in_force": None, "lease_epoch": 1, "now": NOW} | changes
    services.give_up(message, "no such device", **values)


def kinds() -> list[str]:
    return list(FailoverEvent.objects.order_by("id").values_list("event_type", flat=True))


def test_the_state_says_again_what_is_in_force(policy: FailoverPolicy) -> None:
    fibre, lte = paths_of(policy)
    give_up(begin(policy))
    state = FailoverState.objects.get()
    assert (state.active_path_id, state.generation) == (fibre, 2)
    assert "no such device" in state.reason
    assert kinds() == ["triggered", "failed"]
    restored = from_record(state.record, now=200.0, wall_offset=WALL - 100.0)
    assert (restored.active, restored.generation, restored.last_switch_at) == (fibre, 2, None)
    assert restored.clock(fibre).left_because is None
    assert restored.clock(fibre).penalty == 1.0
    assert restored.clock(lte).left_because is Cause.DEAD
    assert restored.clock(lte).healthy_since is None


def test_a_switch_given_up_after_retries_is_closed_without_a_second_failure(
    policy: FailoverPolicy,
) -> None:
    message = begin(policy)
    services.fail_switch(message, "busy", retry=True, now=NOW)
    message.refresh_from_db()
    give_up(message)
    assert kinds() == ["triggered", "failed", "superseded"]
    end = FailoverEvent.objects.get(event_type="superseded")
    assert end.reason == "Given up after 2 attempts: no such device"
    give_up(message)
    assert len(kinds()) == 3


def test_what_the_executor_finds_counts_more_than_what_was_left(policy: FailoverPolicy) -> None:
    lte = paths_of(policy)[1]
    give_up(begin(policy), in_force=lte)
    assert FailoverState.objects.get().active_path_id == lte


def test_a_later_decision_is_not_reverted(policy: FailoverPolicy) -> None:
    message = begin(policy)
    begin(policy, 2)
    give_up(message)
    state = FailoverState.objects.get()
    assert (state.generation, state.active_path_id) == (2, paths_of(policy)[1])


def test_an_older_lease_reverts_nothing(policy: FailoverPolicy) -> None:
    message = begin(policy)
    FailoverState.objects.update(lease_epoch=5)
    give_up(message)
    assert FailoverState.objects.get().generation == 1


def test_a_policy_without_a_record_is_reverted_as_well(policy: FailoverPolicy) -> None:
    message = begin(policy)
    FailoverState.objects.update(record={})
    give_up(message)
    assert FailoverState.objects.get().record == {}
    assert FailoverState.objects.get().generation == 2


def test_the_fact_is_kept_beside_the_wish(policy: FailoverPolicy) -> None:
    fibre, lte = paths_of(policy)
    services.finish_switch(begin(policy), Applied(True, 1.0, "done"), now=NOW)
    row = RouteInForce.objects.get()
    assert (row.path_id, row.generation, row.executor, row.trouble) == (lte, 1, "dry_run", "")
    give_up(begin(policy, 2), in_force=fibre)
    row.refresh_from_db()
    assert (row.path_id, row.trouble) == (fibre, "no such device")


def test_the_end_of_a_deleted_policys_switch_is_recorded_all_the_same(
    policy: FailoverPolicy,
) -> None:
    first, second = begin(policy), begin(policy, 2)
    policy.delete()
    for message in (first, second):
        message.refresh_from_db()
        message.event.refresh_from_db()
    services.finish_switch(first, Applied(True, 1.0, "done"), now=NOW)
    give_up(second)
    assert kinds() == ["triggered", "triggered", "completed", "failed"]
    assert not RouteInForce.objects.exists()


def test_pages_show_what_is_in_force_while_the_network_is_not_as_decided(
    policy: FailoverPolicy,
) -> None:
    fibre, lte = paths_of(policy)
    message = begin(policy)
    services.finish_switch(message, Applied(True, 1.0, "done"), now=NOW)
    (shown,) = policies_now()
    assert (shown.active_path_id, shown.trouble) == (lte, "")
    services.keep_trouble(policy.pk, "somebody deleted the route", path_id=fibre)
    (shown,) = policies_now()
    assert (shown.active_path_id, shown.trouble) == (fibre, "somebody deleted the route")
