"""What the controller finds out by itself: evidence, doubts, blindness, schedules, roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

import orjson
import pytest

from failover.control import decision_thread
from failover.models import FailoverEvent, FailoverPolicy
from health.models import Uplink
from tests.factories import CurrentUplinkFactory
from tests.integration.failover.sites import Site, reading, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(decision_thread, "POLL_SECS", 0.02)
    made = Site()
    yield made
    made.close()


def strength(site: Site) -> float:
    found = site.controller._evidence.found(site.policy.pk, site.primary.pk)
    return found.evidence.strength


def test_a_brown_out_is_left_on_evidence_which_the_event_keeps(site: Site) -> None:
    site.start()
    site.live(40)
    assert site.events == []
    site.lost[site.primary.pk] = (1,)
    site.live_until(lambda: site.events == ["triggered", "completed"], 40)
    event = FailoverEvent.objects.get(event_type="triggered")
    assert event.evidence["cause"] == "degraded"
    assert "that loss exceeds" in event.reason
    proof = {one["path_id"]: one for one in event.evidence["evidence"]}
    assert proof[site.primary.pk]["proven"] is True
    assert proof[site.primary.pk]["strength"] >= proof[site.primary.pk]["needed"]
    assert proof[site.backup.pk]["proven"] is False
    # Every switch begins anew, in the round that hears of it; by itself it would take minutes.
    site.lost.clear()
    site.live_until(lambda: strength(site) == 0.0, 3)


def test_the_evidence_so_far_is_published_for_pages(site: Site) -> None:
    site.start()
    site.live(40)
    site.lost[site.primary.pk] = (1,)
    site.live(5)
    until(
        lambda: any(
            one["strength"] > 1.0 and "of 12 that loss exceeds" in one["sentence"]
            for one in site.state.judgement.get("evidence", ())
        )
    )


def test_an_edit_of_the_threshold_forgets_what_was_held(site: Site) -> None:
    site.start()
    site.live(40)
    site.lost[site.primary.pk] = (1,)
    site.live(4)
    before = strength(site)
    assert before > 1.0
    site.lost.clear()
    site.policy.failover_threshold = 45.0
    site.policy.save()
    site.live_until(lambda: strength(site) == 0.0, 3)


def test_a_successor_goes_on_with_the_evidence(site: Site) -> None:
    first = site.start()
    site.live(40)
    site.lost[site.primary.pk] = (1,)
    site.live(5)
    left = orjson.loads(orjson.dumps(first.record()))
    before = strength(site)
    first.close()
    site.start(epoch=2, left=left)
    site.live(1)
    assert strength(site) >= before > 1.0


def test_a_candidate_that_only_lacks_a_fresh_answer_is_in_doubt_until_it_has_answered(
    site: Site,
) -> None:
    site.start()
    site.live(5)
    assert site.controller.doubts() == set()
    site.looks[site.backup.pk] = lambda at_ns: reading(
        site.backup.pk, at_ns, answered_ns=at_ns - 4_000_000_000
    )
    site.live(1)
    assert site.controller.doubts() == set()  # nobody asks about it yet
    site.kill(site.primary)
    site.live(1)
    assert site.controller.doubts() == {site.backup.pk}
    site.looks[site.backup.pk] = lambda at_ns: reading(site.backup.pk, at_ns, in_doubt=True)
    site.live(1)
    assert site.controller.doubts() == {site.backup.pk}
    assert site.events == []
    site.heal(site.backup)
    site.live(2)
    until(lambda: site.events == ["triggered", "completed"])
    assert site.controller.doubts() == set()


def test_a_host_that_does_not_answer_itself_is_blind(site: Site) -> None:
    site.reference_answers = True
    site.start()
    site.live(5)
    site.reference_answers = False
    site.kill(site.primary)
    site.live(3)
    until(lambda: site.events == ["monitor_blind"])
    assert "does not even answer itself" in site.state.reason
    assert site.state.generation == 0
    site.reference_answers = True
    site.live(3)
    until(lambda: site.events == ["monitor_blind", "triggered", "completed"])


def test_before_the_clock_was_set_nothing_is_decided(site: Site) -> None:
    site.clock.step_wall(-1_700_000_000)
    site.start()
    site.live(5)
    site.kill(site.primary)
    site.live(3)
    assert site.events == []
    until(lambda: "clock of this host" in site.state.reason)
    site.clock.step_wall(1_700_000_000)
    site.live(5)
    until(lambda: site.events == ["triggered", "completed"])


def test_outside_its_time_window_the_active_path_is_left(site: Site) -> None:
    site.policy.time_zone = "UTC"
    site.policy.save()
    site.policy.members.filter(path=site.primary).update(schedule="Mon-Sun 00:00-07:59")
    site.start()
    site.live(2)  # Friday, 15 January 2027, 08:00 UTC
    until(lambda: site.events == ["triggered", "completed"])
    assert FailoverEvent.objects.get(event_type="triggered").evidence["cause"] == "schedule"


def test_a_host_that_is_not_master_of_its_pair_says_what_it_would_do(
    site: Site, tmp_path: FilePath
) -> None:
    role = tmp_path / "role"
    role.write_text("BACKUP\n")
    FailoverPolicy.objects.update(role_source=str(role))
    site.start()
    site.live_until(lambda: site.controller._present.standby == {site.policy.pk}, 10)
    site.kill(site.primary)
    site.live(5)
    assert site.events == []
    until(lambda: "on standby" in site.state.reason)
    role.write_text("MASTER\n")
    site.live_until(lambda: site.events == ["triggered", "completed"], 20)


def test_strategies_see_cost_and_load_of_the_uplinks(site: Site) -> None:
    FailoverPolicy.objects.update(strategy="least_loaded")
    Uplink.objects.filter(pk=site.primary.uplink_id).update(
        bandwidth_down_mbps=100, bandwidth_up_mbps=10, cost=5
    )
    CurrentUplinkFactory(
        uplink=site.primary.uplink,
        updated_at=site.clock.wall(),
        receive_bps=20e6,
        transmit_bps=5e6,
    )
    site.start()
    site.live_until(lambda: site.controller._present.utilisation_pct, 10)
    watched = site.controller._policies[site.policy.pk]
    site.live(1)
    views = watched.decision.situation.views
    assert views[site.primary.pk].utilisation_pct == pytest.approx(50.0)  # the fuller direction
    assert views[site.primary.pk].cost == 5.0
    assert views[site.backup.pk].utilisation_pct is None
