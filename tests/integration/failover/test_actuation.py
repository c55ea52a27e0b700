"""From the outbox to an executor and back: in order, once, and after any crash."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

from failover import services
from failover.control.actuation import Actuator
from failover.control.intents import intent_of, plan_for, uplink_facts
from failover.executors import EXECUTORS
from failover.executors.base import Applied, ExecutorError, Intent, Observed, Plan
from failover.executors.planning import route_changes
from failover.models import FailoverEvent, FailoverPolicy, FailoverState, OutboxMessage
from health.domain.uplink_state import UplinkState
from health.models import Vantage
from tests.factories import (
    CurrentHealthFactory,
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    OutboxMessageFactory,
    PathFactory,
    PolicyMemberFactory,
    PolicyRouteFactory,
    UplinkFactory,
    VantageFactory,
)
from tests.integration.failover.kernels import register

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class ScriptedExecutor:
    """Applies a plan, or fails as often as it was told to."""

    def __init__(self) -> None:
        self.applied: list[Intent] = []
        self.failures: list[Exception] = []

    def plan(self, intent: Intent) -> Plan:
        return route_changes(intent)

    def apply(self, plan: Plan) -> Applied:
        if self.failures:
            raise self.failures.pop(0)
        self.applied.append(plan.intent)
        return Applied(verified=True, duration_ms=250.0, detail="done")

    def observe(self, policy_uid: str) -> Observed | None:
        return None


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedExecutor]:
    scripted = ScriptedExecutor()
    row = EXECUTORS["dry_run"]
    monkeypatch.setitem(EXECUTORS, "dry_run", row._replace(make=lambda state_dir: scripted))
    return scripted


@pytest.fixture
def vantage(db: None) -> Vantage:
    made: Vantage = VantageFactory()
    return made


def ordered_switch(vantage: Vantage, *, generation: int = 1, **changes: object) -> OutboxMessage:
    """A policy of two paths whose switch to the second one is decided but not carried out."""
    paths = [PathFactory(uplink=UplinkFactory(vantage=vantage)) for _ in range(2)]
    policy = FailoverPolicyFactory(members=paths)
    FailoverStateFactory(policy=policy, generation=generation, active_path=paths[1])
    event = FailoverEventFactory(
        policy=policy,
        event_type="triggered",
        from_path=paths[0],
        from_path_name=paths[0].name,
        to_path=paths[1],
        to_path_name=paths[1].name,
        generation=generation,
        timestamp=NOW,
    )
    message: OutboxMessage = OutboxMessageFactory(
        event=event, created_at=NOW, next_attempt_at=NOW, **changes
    )
    return message


def kinds(policy: FailoverPolicy | None) -> list[str]:
    events = FailoverEvent.objects.filter(policy=policy).order_by("id")
    return list(events.values_list("event_type", flat=True))


def test_an_order_left_by_a_crash_is_carried_out_by_whoever_comes_next(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    message = ordered_switch(vantage)  # committed; the process died before the executor
    Actuator(vantage.pk, lease_epoch=9).carry_out_due(now=NOW)
    (intent,) = executor.applied
    assert (intent.lease_epoch, intent.generation) == (9, 1)
    assert intent.to_uplink.path_key == message.event.to_path_id
    assert kinds(message.event.policy) == ["triggered", "completed"]
    completed = FailoverEvent.objects.get(event_type="completed")
    assert completed.timestamp == NOW + timedelta(milliseconds=250)
    Actuator(vantage.pk, lease_epoch=9).carry_out_due(now=NOW)
    assert len(executor.applied) == 1


def test_an_order_that_a_later_switch_replaced_is_not_carried_out(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    message = ordered_switch(vantage)
    message.event.policy.state.generation = 2
    message.event.policy.state.save()
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    message.refresh_from_db()
    assert executor.applied == []
    assert (message.done_at, message.last_error) == (NOW, "superseded")


def test_the_order_of_a_deleted_policy_is_not_carried_out(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    message = ordered_switch(vantage)
    message.event.policy.delete()
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    message.refresh_from_db()
    assert executor.applied == []
    assert message.done_at == NOW


def test_orders_of_another_vantage_are_left_to_it(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    ordered_switch(VantageFactory())
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    assert executor.applied == []


def test_a_failed_order_waits_for_its_pause_and_then_succeeds(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    message = ordered_switch(vantage)
    executor.failures = [ExecutorError("netlink is busy", retryable=True)]
    actuator = Actuator(vantage.pk, 1)
    actuator.carry_out_due(now=NOW)
    actuator.carry_out_due(now=NOW + timedelta(seconds=0.9))
    assert kinds(message.event.policy) == ["triggered", "failed"]
    actuator.carry_out_due(now=NOW + timedelta(seconds=1))
    assert kinds(message.event.policy) == ["triggered", "failed", "completed"]


def test_an_order_that_can_never_work_is_given_up_with_the_reason(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    message = ordered_switch(vantage)
    executor.failures = [ExecutorError("no such interface", retryable=False)]
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    message.refresh_from_db()
    assert (message.done_at, message.last_error) == (NOW, "no such interface")


def test_a_defect_of_one_executor_does_not_hold_up_other_policies(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    first, second = ordered_switch(vantage), ordered_switch(vantage)
    executor.failures = [ZeroDivisionError("a defect")]
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    assert kinds(second.event.policy) == ["triggered", "completed"]
    first.refresh_from_db()
    assert first.done_at is None
    assert first.last_error == "ZeroDivisionError: a defect"
    Actuator(vantage.pk, 1).carry_out_due(now=NOW + timedelta(seconds=1))
    assert kinds(first.event.policy) == ["triggered", "failed", "completed"]


def test_a_database_that_is_away_is_not_a_failure_of_the_executor(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    message = ordered_switch(vantage)
    executor.failures = [OperationalError("away")]
    with pytest.raises(OperationalError):
        Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    assert kinds(message.event.policy) == ["triggered"]


def test_an_unknown_executor_is_refused_by_name(vantage: Vantage) -> None:
    message = ordered_switch(vantage)
    FailoverPolicy.objects.update(executor="carrier_pigeon")
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    message.refresh_from_db()
    assert "'carrier_pigeon'" in message.last_error
    assert message.done_at == NOW


def test_an_intent_has_the_next_hops_of_both_uplinks_and_the_routes(vantage: Vantage) -> None:
    message = ordered_switch(vantage)
    event, policy = message.event, message.event.policy
    PolicyRouteFactory(policy=policy, prefix="10.9.0.0/16", table=100, metric=5)
    event.to_path.uplink.gateway = "2001:db8::1"
    event.to_path.uplink.source = "2001:db8::2"
    event.to_path.uplink.save()
    intent = intent_of(event, policy, lease_epoch=4)
    assert intent.from_uplink is not None
    assert (intent.from_uplink.gateway, intent.from_uplink.source) == ("192.0.2.1", "")
    assert (intent.to_uplink.gateway, intent.to_uplink.gateway6) == ("", "2001:db8::1")
    assert intent.to_uplink.source6 == "2001:db8::2"
    assert [(route.prefix, route.table, route.metric) for route in intent.routes] == [
        ("10.9.0.0/16", 100, 5)
    ]


def test_automatic_addresses_are_left_to_the_kernel(db: None) -> None:
    path = PathFactory(uplink=UplinkFactory(gateway="auto", source="auto", interface="ppp0"))
    facts = uplink_facts(path)
    assert (facts.interface, facts.gateway, facts.gateway6, facts.source) == ("ppp0", "", "", "")


def test_a_deleted_target_path_is_refused_in_words(vantage: Vantage) -> None:
    event = ordered_switch(vantage).event
    event.to_path_id = None  # what deleting the path leaves behind
    with pytest.raises(ExecutorError, match="deleted") as refusal:
        intent_of(event, event.policy, 1)
    assert not refusal.value.retryable


def test_a_plan_can_be_shown_before_anything_is_enabled(vantage: Vantage) -> None:
    event = ordered_switch(vantage).event
    PolicyRouteFactory(policy=event.policy, prefix="10.9.0.0/16")
    plan = plan_for(event.policy, event.to_path, None)
    assert plan.changes[0].text().startswith("ip -4 route replace 10.9.0.0/16")
    assert plan.inverse[0].operation == "delete"
    back = plan_for(event.policy, event.to_path, event.from_path)
    assert back.inverse[0].operation == "replace"


# --- giving up, waiting for a predecessor, withdrawing ---------------------------------------
def third_path(policy: FailoverPolicy, *, reachable: bool) -> None:
    path = PathFactory(uplink=policy.members.all()[0].path.uplink)
    PolicyMemberFactory(policy=policy, path=path, position=2)
    CurrentHealthFactory(path=path, reachable=reachable)


def try_often(vantage: Vantage, times: int) -> None:
    actuator = Actuator(vantage.pk, 1)
    for attempt in range(times):
        actuator.carry_out_due(now=NOW + timedelta(minutes=attempt))


def test_a_switch_is_given_up_after_three_attempts_if_another_path_answers(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    event = ordered_switch(vantage).event
    third_path(event.policy, reachable=True)
    executor.failures = [ExecutorError("netlink is busy", retryable=True) for _ in range(9)]
    try_often(vantage, 5)
    assert kinds(event.policy) == ["triggered", "failed", "superseded"]
    assert len(executor.failures) == 6
    state = FailoverState.objects.get()
    assert (state.generation, state.active_path_id) == (2, event.from_path_id)


def test_without_another_path_a_switch_is_tried_until_it_works(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    event = ordered_switch(vantage).event
    third_path(event.policy, reachable=False)
    executor.failures = [ExecutorError("netlink is busy", retryable=True) for _ in range(4)]
    try_often(vantage, 5)
    assert kinds(event.policy) == ["triggered", "failed", "completed"]


def test_an_order_that_can_never_work_gives_the_policy_back_its_choice(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    event = ordered_switch(vantage).event
    told: list[tuple[FailoverEvent, bool]] = []
    executor.failures = [ExecutorError("no such interface", retryable=False)]
    actuator = Actuator(vantage.pk, 1, on_ended=lambda event, done: told.append((event, done)))
    actuator.carry_out_due(now=NOW)
    state = FailoverState.objects.get()
    assert (state.generation, state.active_path_id) == (2, event.from_path_id)
    assert told == [(event, False)]


def test_what_was_applied_but_not_found_again_counts_as_failed(
    vantage: Vantage, executor: ScriptedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = ordered_switch(vantage).event
    row = EXECUTORS["dry_run"]
    monkeypatch.setitem(EXECUTORS, "dry_run", row._replace(reads_back=True))
    monkeypatch.setattr(executor, "apply", lambda plan: Applied(False, 1.0, "another gateway"))
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    assert kinds(event.policy) == ["triggered", "failed"]
    assert "another gateway" in FailoverEvent.objects.get(event_type="failed").reason


def test_an_executor_that_may_not_be_used_yet_is_waited_for(
    vantage: Vantage, executor: ScriptedExecutor
) -> None:
    message = ordered_switch(vantage)
    assert Actuator(vantage.pk, 1, may_use=lambda kind: False).carry_out_due(now=NOW) == 0
    assert kinds(message.event.policy) == ["triggered"]
    assert Actuator(vantage.pk, 1).carry_out_due(now=NOW) == 1


def test_learned_next_hops_are_used_where_the_uplink_says_auto(db: None) -> None:
    uplink = UplinkFactory(gateway="auto", gateway6="2001:db8::9", source="auto", source6="auto")
    path = PathFactory(uplink=uplink)
    states = {
        uplink.pk: UplinkState(
            uplink.pk,
            gateway="192.0.2.77",
            gateway6="fe80::1",
            source="192.0.2.78",
            onlink=True,
            onlink6=True,
        )
    }
    facts = uplink_facts(path, states)
    assert (facts.gateway, facts.gateway6) == ("192.0.2.77", "2001:db8::9")
    assert (facts.onlink, facts.onlink6) == (True, False)
    assert (facts.source, facts.source6) == ("", ""), "a lease may take it away, and the route"
    assert facts.addresses == ("192.0.2.78",)


def test_the_routes_of_a_deleted_policy_are_withdrawn_by_the_monitor_of_its_vantage(
    vantage: Vantage, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = register(monkeypatch)
    policy = ordered_switch(vantage).event.policy
    uid = str(policy.uid)
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    services.retire_policy(policy, keep_route=False, actor="ann", now=NOW)
    Actuator(VantageFactory().pk, 1).carry_out_due(now=NOW)
    assert uid in kernel.routes
    kernel.failures = [OSError("busy")]
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    assert uid in kernel.routes
    Actuator(vantage.pk, 1).carry_out_due(now=NOW + timedelta(seconds=1))
    assert uid not in kernel.routes
    assert not OutboxMessage.objects.filter(done_at__isnull=True).exists()


def test_a_policy_may_be_deleted_and_leave_its_routes(
    vantage: Vantage, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = register(monkeypatch)
    policy = ordered_switch(vantage).event.policy
    uid = str(policy.uid)
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    services.retire_policy(policy, keep_route=True, actor="ann", now=NOW)
    Actuator(vantage.pk, 1).carry_out_due(now=NOW)
    assert uid in kernel.routes
    event = FailoverEvent.objects.get(event_type="policy_changed")
    assert (event.policy_id, event.actor) == (None, "ann")
    assert event.reason == "The policy was deleted; its routes stay as they are."


# --- an active path that shall go ---------------------------------------------------------------
@pytest.mark.parametrize(("gate", "refused"), [(None, False), ("reachable", True)])
def test_the_active_path_may_go_only_when_another_one_can_take_over(
    vantage: Vantage, gate: str | None, refused: bool
) -> None:
    event = ordered_switch(vantage).event
    other = {"path_id": event.from_path_id, "name": "fibre", "gate": gate, "sentence": "so so"}
    FailoverState.objects.update(judgement={"candidates": [other]})
    why = services.why_path_cannot_leave(event.to_path)
    assert bool(why) is refused
    assert ("fibre: so so" in why) is refused
    assert services.why_path_cannot_leave(event.from_path) == ""
    assert services.best_candidate(event.policy, without=0) == (None if refused else "fibre")
