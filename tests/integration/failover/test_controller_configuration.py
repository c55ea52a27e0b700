"""Edits, new and deleted policies, maintenance: what a running controller takes over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from failover.control import decision_thread
from failover.models import FailoverEvent, FailoverState
from tests.factories import (
    FailoverPolicyFactory,
    MaintenanceWindowFactory,
    PathFactory,
)
from tests.integration.failover.sites import Site, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(decision_thread, "POLL_SECS", 0.02)
    made = Site()
    yield made
    made.close()


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
