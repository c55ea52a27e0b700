"""Rounds become decisions, decisions become durable, and nothing moves without the lease."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError

from failover import services
from failover.control import decision_thread
from failover.models import FailoverEvent, FailoverState, OutboxMessage
from tests.factories import (
    FailoverPolicyFactory,
)
from tests.integration.failover.sites import SECOND, Site, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(decision_thread, "POLL_SECS", 0.02)
    made = Site()
    yield made
    made.close()


def test_a_dead_primary_leads_to_one_switch_and_its_completion(site: Site) -> None:
    site.start()
    site.live(5)
    assert site.state.active_path_id == site.primary.pk
    assert site.events == []
    site.kill(site.primary)
    site.live(1)
    until(lambda: site.events == ["triggered", "completed"])
    site.live(10)
    assert site.events == ["triggered", "completed"]
    state = site.state
    assert (state.active_path_id, state.generation, state.failover_count) == (site.backup.pk, 1, 1)
    event = FailoverEvent.objects.get(event_type="triggered")
    assert (event.from_path_name, event.to_path_name) == ("fibre", "lte")
    assert (event.primary_health_score, event.backup_health_score) == (0.0, 98.0)
    assert event.evidence["cause"] == "dead"
    assert [member["name"] for member in event.evidence["members"]] == ["fibre", "lte"]
    assert FailoverEvent.objects.get(event_type="completed").duration_ms is not None
    assert OutboxMessage.objects.get().done_at is not None


def test_the_primary_is_returned_to_after_its_delay_and_not_before(site: Site) -> None:
    site.start()
    site.live(3)
    site.kill(site.primary)
    site.live(3)
    site.heal(site.primary)
    site.live(14)
    assert site.state.active_path_id == site.backup.pk
    until(lambda: site.state.phase == "failback_wait")
    site.live(3)
    until(lambda: site.events == ["triggered", "completed"] * 2)
    assert (site.state.active_path_id, site.state.failover_count) == (site.primary.pk, 1)
    assert site.state.generation == 2


def test_without_the_lease_nothing_is_committed_and_nothing_carried_out(site: Site) -> None:
    site.start()
    site.live(3)
    site.leased = False
    site.kill(site.primary)
    site.live(10)
    assert site.events == []
    assert (site.state.generation, site.state.active_path_id) == (0, site.primary.pk)
    site.leased = True
    site.live(2)
    until(lambda: site.events == ["triggered", "completed"])


def test_a_decision_that_the_database_refused_is_taken_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, refused = services.begin_switch, []

    def away(*args: Any, **options: Any) -> None:
        refused.append(1)
        raise DatabaseError("the table is locked")

    site.start()
    site.live(3)
    monkeypatch.setattr(services, "begin_switch", away)
    site.kill(site.primary)
    site.live(3)
    assert len(refused) >= 2  # each round asks again
    assert site.events == []
    monkeypatch.setattr(services, "begin_switch", begin)
    site.live(2)
    until(lambda: site.events == ["triggered", "completed"])
    assert site.state.generation == 1


def test_an_order_that_died_with_its_process_is_finished_by_the_next_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    actuate = decision_thread.Actuator.carry_out_due
    monkeypatch.setattr(decision_thread.Actuator, "carry_out_due", lambda self, now: None)
    site.start()
    site.live(3)
    site.kill(site.primary)
    site.live(2)
    assert site.events == ["triggered"]
    site.controller.close()
    monkeypatch.setattr(decision_thread.Actuator, "carry_out_due", actuate)
    site.start(epoch=2)
    until(lambda: site.events == ["triggered", "completed"])
    assert site.state.generation == 1


def test_a_restart_goes_on_with_the_holds_of_the_record(site: Site) -> None:
    site.start()
    site.live(3)
    site.kill(site.primary)
    site.live(2)
    site.heal(site.primary)
    site.live(10)
    site.controller.close()
    site.clock.advance(2)
    site.start(epoch=2)
    site.live(3)
    assert site.state.active_path_id == site.backup.pk  # ten seconds are not fifteen
    site.live(6)
    until(lambda: site.events == ["triggered", "completed"] * 2)
    assert site.state.active_path_id == site.primary.pk


def test_closing_stores_where_everything_stands(site: Site) -> None:
    site.start()
    site.live(2)
    until(lambda: site.state.record)
    before = site.state.record
    site.clock.advance(0.5)
    site.controller.close()
    assert site.state.record["as_of"] > before["as_of"]
    assert site.state.phase == "settled"


def test_a_gap_in_the_rounds_is_blindness_and_moves_nothing(site: Site) -> None:
    site.start()
    site.live(5)
    site.kill(site.primary)
    site.clock.advance(9)
    site.live(1)
    until(lambda: site.events == ["monitor_blind"])
    assert site.state.active_path_id == site.primary.pk
    assert site.state.phase == "blind"
    site.live(3)
    until(lambda: site.events == ["monitor_blind", "triggered", "completed"])


def test_a_late_loop_is_blind_too_and_says_so_once(site: Site) -> None:
    site.start()
    site.live(5)
    site.kill(site.primary)
    site.live(5, lag_ns=3 * SECOND)
    assert site.events == ["monitor_blind"]
    assert site.state.generation == 0


def test_unknown_paths_move_nothing(site: Site) -> None:
    site.start()
    site.live(5)
    site.looks.clear()
    site.live(10)
    assert site.events == []
    assert site.state.active_path_id == site.primary.pk


def test_the_judgement_is_published_for_pages_at_least_every_two_seconds(site: Site) -> None:
    site.start()
    site.live(6)
    until(lambda: site.state.evaluated_at is not None)
    state = site.state
    assert state.phase == "settled"
    assert "Stays on fibre" in state.reason
    assert [candidate["name"] for candidate in state.judgement["candidates"]] == ["lte"]
    assert state.primary_healthy_since is not None
    before = state.evaluated_at
    site.live(3)
    until(lambda: site.state.evaluated_at > before)


@pytest.mark.parametrize("record", [{"version": 99}, {"version": 1}, {"broken": True}])
def test_a_record_that_can_not_be_read_stops_neither_its_policy_nor_others(
    site: Site, record: dict[str, object]
) -> None:
    services.ensure_states([site.policy], now=datetime(2026, 1, 1, tzinfo=UTC))
    FailoverState.objects.update(record=record, generation=7, active_path=site.backup)
    other = FailoverPolicyFactory(name="A first", members=[site.backup, site.primary])
    site.start()
    site.live(3)
    assert set(site.controller._policies) == {site.policy.pk, other.pk}
    site.kill(site.backup)
    site.live(2)
    until(lambda: site.events.count("completed") == 2)
    state = site.state
    assert (state.generation, state.active_path_id) == (8, site.primary.pk)


def test_a_zombie_whose_lease_went_away_writes_nothing(site: Site) -> None:
    zombie = site.start(epoch=1)
    site.live(3)
    successor = site.start(epoch=2)
    site.live(2)
    until(lambda: site.state.lease_epoch == 2)
    site.kill(site.primary)
    site.controllers.append(zombie)  # it still believes that it may act
    site.live(2)
    assert site.events == []
    assert site.state.generation == 0
    site.controllers.append(successor)
    site.live(2)
    until(lambda: site.events == ["triggered", "completed"])
    assert FailoverEvent.objects.first().lease_epoch == 2
