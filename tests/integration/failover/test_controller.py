"""Rounds become decisions, decisions become durable, and nothing moves without the lease."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from failover import decision_thread, services
from failover.controller import FailoverController
from failover.models import FailoverEvent, FailoverPolicy, FailoverState, OutboxMessage
from health.domain.reading import PathReading
from health.domain.status import PathStatus, Reason
from health.engine.clock import FakeClock
from health.engine.observers import Round
from health.lease import Lease
from health.models import Path, Vantage
from health.monitor import LoopContext
from tests.factories import (
    FailoverPolicyFactory,
    MaintenanceWindowFactory,
    PathFactory,
    UplinkFactory,
    VantageFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)
SECOND = 1_000_000_000


def until(condition: Callable[[], object], patience_secs: float = 8.0) -> None:
    deadline = time.monotonic() + patience_secs
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


class Site:
    """Two paths, a policy over them, and controllers that watch rounds made by hand."""

    def __init__(self) -> None:
        self.vantage: Vantage = VantageFactory()
        self.primary: Path = self.path("fibre")
        self.backup: Path = self.path("lte")
        self.policy: FailoverPolicy = FailoverPolicyFactory(
            name="Internet",
            members=[self.primary, self.backup],
            failback_delay_secs=15,
            damping=False,
        )
        self.clock = FakeClock()
        self.looks: dict[int, Callable[[int], PathReading]] = {}
        for path in (self.primary, self.backup):
            self.heal(path)
        self.leased = True
        self.controllers: list[FailoverController] = []

    def path(self, name: str) -> Path:
        path: Path = PathFactory(name=name, uplink=UplinkFactory(vantage=self.vantage))
        return path

    def start(self, *, epoch: int = 1) -> FailoverController:
        context = LoopContext(
            vantage_id=self.vantage.pk,
            vantage_name=self.vantage.name,
            lease=Lease(self.vantage.pk, "me", epoch, predecessor_gone=True),
            may_act=lambda: self.leased,
            clock=self.clock,
        )
        controller = FailoverController(context)
        self.controllers.append(controller)
        until(lambda: not controller._inbox.empty())
        return controller

    @property
    def controller(self) -> FailoverController:
        return self.controllers[-1]

    def heal(self, path: Path) -> None:
        self.looks[path.pk] = lambda at_ns: reading(path.pk, at_ns)

    def kill(self, path: Path) -> None:
        self.looks[path.pk] = lambda at_ns: reading(
            path.pk, at_ns, status=PathStatus.DOWN, reason=Reason.NO_ANSWER, reachable=False,
            score=0.0, latency_ms=None, answers_in_a_row=0, loss_run=6, answered_ns=None,
        )  # fmt: skip

    def live(self, secs: int, *, lag_ns: int = 0) -> Site:
        for _ in range(secs):
            self.clock.advance(1)
            self.round(lag_ns=lag_ns)
        return self

    def live_until(self, condition: Callable[[], object], at_most_secs: int) -> Site:
        """Live on, with time for the thread to read and write, until it is so."""
        for _ in range(at_most_secs):
            self.live(1)
            time.sleep(0.03)
            if condition():
                return self
        raise AssertionError("it never happened")

    def round(self, *, lag_ns: int = 0) -> None:
        at_ns = self.clock.monotonic_ns()
        readings = {key: look(at_ns) for key, look in self.looks.items()}
        self.controller.on_round(Round(at_ns, self.clock.wall(), readings, frozenset(), 0, lag_ns))
        until(self._is_answered)

    def _is_answered(self) -> bool:
        waiting = any(one.waiting is not None for one in self.controller._policies.values())
        return not waiting or not self.controller._inbox.empty()

    @property
    def state(self) -> FailoverState:
        return FailoverState.objects.get(policy=self.policy)

    @property
    def events(self) -> list[str]:
        return list(FailoverEvent.objects.order_by("id").values_list("event_type", flat=True))


def reading(key: int, at_ns: int, **changes: Any) -> PathReading:
    healthy = PathReading(
        key, at_ns, PathStatus.UP, Reason.NONE, "", True, 98.0, 20.0, 18.0, 25.0, 0.0, 1.0, 4.4,
        120, 120, 120, 120, 0, 500_000_000, at_ns, at_ns, 0,
    )  # fmt: skip
    return healthy._replace(**changes)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(decision_thread, "POLL_SECS", 0.02)
    made = Site()
    yield made
    for controller in made.controllers:
        controller.close()


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
        raise OperationalError("the database is away")

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


def test_an_edit_is_followed_without_losing_the_state(site: Site) -> None:
    site.start()
    site.live(3)
    site.kill(site.primary)
    site.live(2)
    site.policy.failback_delay_secs = 3
    site.policy.save()
    site.heal(site.primary)
    switched = ["triggered", "completed"] * 2
    site.live_until(lambda: site.events == switched, 14)  # 15 s would take longer


def test_a_policy_made_while_the_loop_runs_is_decided_from_its_primary(site: Site) -> None:
    site.start()
    site.live(3)
    other = FailoverPolicyFactory(name="Voice", members=[site.backup, site.primary])
    site.live_until(lambda: other.pk in site.controller._policies, 30)
    site.kill(site.backup)
    site.live(3)
    until(lambda: site.events == ["triggered", "completed"])
    assert FailoverEvent.objects.first().policy_id == other.pk


def test_a_deleted_policy_is_decided_no_more(site: Site) -> None:
    site.start()
    site.live(3)
    site.policy.delete()
    site.live_until(lambda: site.controller._policies == {}, 30)
    site.kill(site.primary)
    site.live(3)
    assert site.events == []


def test_an_unsound_policy_is_logged_and_left_alone(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.policy.members.filter(position=1).delete()
    site.start()
    site.kill(site.primary)
    site.live(5)
    assert site.events == []
    assert "policy Internet is not decided: backups" in caplog.text


def test_maintenance_of_the_active_path_moves_traffic_away(site: Site) -> None:
    site.start()
    site.live(3)
    now = datetime.fromtimestamp(site.clock.wall(), UTC)
    MaintenanceWindowFactory(
        path=site.primary,
        starts_at=now - timedelta(minutes=1),
        ends_at=now + timedelta(hours=1),
    )
    site.live_until(lambda: site.events == ["triggered", "completed"], 30)
    assert FailoverEvent.objects.get(event_type="triggered").evidence["cause"] == "maintenance"


def test_a_policy_of_another_vantage_is_not_ours(site: Site) -> None:
    FailoverPolicyFactory(members=[PathFactory(), PathFactory()])
    site.start()
    site.live(2)
    assert site.controller._policies.keys() == {site.policy.pk}
    assert FailoverState.objects.count() == 1


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


def test_a_state_that_somebody_else_moved_on_is_taken_over(site: Site) -> None:
    site.start()
    site.live(3)
    until(lambda: site.state.record)
    record = site.state.record | {"active": site.backup.pk, "generation": 4}
    FailoverState.objects.update(generation=4, active_path=site.backup, record=record)
    adopted = site.policy.pk
    site.live_until(lambda: site.controller._policies[adopted].state.generation == 4, 30)
    assert site.controller._policies[adopted].state.active == site.backup.pk
    site.kill(site.backup)
    site.live_until(lambda: site.events[-2:] == ["triggered", "completed"], 30)
    assert site.state.generation >= 5
