"""Overview, policies and events: the verdict, the reason, the history."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET

import pytest
from django.test import Client
from django.utils import timezone

from failover.models import FailoverPolicy
from health.models import Path
from tests.factories import (
    FailoverEventFactory,
    FailoverPolicyFactory,
    FailoverStateFactory,
    HealthSampleFactory,
    PolicyRouteFactory,
    StatusChangeFactory,
    measured_path,
)

pytestmark = pytest.mark.django_db

POLL = {"HX-Request": "true"}


def page(client: Client, url: str) -> str:
    """The text of a page."""
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def verdict(client: Client) -> str:
    """The sentence above the overview."""
    found = re.search(r"<strong>(.*?)</strong></p>", page(client, "/"))
    assert found is not None
    return found[1]


def on_backup() -> tuple[FailoverPolicy, Path, Path]:
    """A policy whose traffic is on its backup."""
    primary, backup = measured_path("Fibre line"), measured_path("Cable line")
    policy = FailoverPolicyFactory(name="Voice", members=[primary, backup])
    FailoverStateFactory(
        policy=policy,
        active_path=backup,
        generation=1,
        phase="failback_wait",
        reason="Stays on Cable line: score 100, no cause to leave.",
        judgement={
            "candidates": [
                {
                    "path_id": primary.pk,
                    "name": primary.name,
                    "gate": "damped",
                    "sentence": "left as dead: healthy for 3 s of 60 s",
                }
            ],
            "countdowns": [{"kind": "failback", "secs_left": 57.0, "path_id": primary.pk}],
        },
    )
    return policy, primary, backup


def test_the_verdict_of_a_healthy_network(viewer_client: Client) -> None:
    measured_path("One")
    measured_path("Two")
    assert verdict(viewer_client) == "All 2 paths up"


def test_the_verdict_names_exceptions_first_and_policies_off_their_primary(
    viewer_client: Client,
) -> None:
    on_backup()
    measured_path("A", status="down", reachable=False, health_score=0.0)
    measured_path("B", status="degraded", health_score=60.0)
    measured_path("C", status="degraded", health_score=60.0)
    assert verdict(viewer_client) == "1 path down, 2 degraded; 1 policy on backup"


def test_ignorance_is_in_the_verdict_too(viewer_client: Client) -> None:
    measured_path("One", updated_at=1.0)
    assert verdict(viewer_client) == "1 path without data"


def test_a_policy_without_a_usable_path_comes_first(viewer_client: Client) -> None:
    policy, *_ = on_backup()
    policy.state.phase = "no_path"
    policy.state.save()
    assert "1 policy without a usable path" in verdict(viewer_client)


def test_the_figures_count_what_happened(viewer_client: Client) -> None:
    policy, *_ = on_backup()
    FailoverEventFactory(policy=policy)
    FailoverEventFactory(policy=policy, timestamp=timezone.now() - dt.timedelta(days=2))
    html = page(viewer_client, "/")
    figures = dict(re.findall(r"<dt>([^<]+)</dt>\s*<dd><b>(\d+)</b>", html))
    assert figures["Failovers 24 h"] == "1"
    assert figures["Policies on primary"] == "0"
    assert figures["Paths up"] == "2"


def test_the_overview_polls_itself_and_is_silent_when_nothing_changed(
    viewer_client: Client,
) -> None:
    on_backup()
    first = viewer_client.get("/_/overview/", headers=POLL)
    again = viewer_client.get(f"/_/overview/?rev={first.headers['X-Rev']}", headers=POLL)
    assert (first.status_code, again.status_code) == (200, 204)
    assert float(again.headers["X-Server-Time"]) > 0


def test_the_chain_frames_the_path_that_carries_the_traffic(viewer_client: Client) -> None:
    on_backup()
    html = page(viewer_client, "/policies/")
    (active,) = re.findall(r'<span class="hop active[^>]*title="([^"]+)"', html)
    assert active == "backup 1: Cable line, Up, carries the traffic"


def test_the_page_of_a_policy_says_why_and_what_runs_out(viewer_client: Client) -> None:
    policy, *_ = on_backup()
    html = page(viewer_client, f"/policies/{policy.pk}/")
    assert "Stays on Cable line: score 100, no cause to leave." in html
    assert "left as dead: healthy for 3 s of 60 s" in html
    assert "returns to Fibre line in" in html
    assert "data-until=" in html
    assert "carrying traffic" in html


def test_a_new_policy_is_not_decided_yet(viewer_client: Client) -> None:
    policy = FailoverPolicyFactory(members=[measured_path("A"), measured_path("B")])
    html = page(viewer_client, f"/policies/{policy.pk}/")
    assert "Not decided yet" in html
    assert "The policy has not moved traffic yet." in html


def test_the_chart_shows_scores_and_who_carried_the_traffic(viewer_client: Client) -> None:
    policy, primary, backup = on_backup()
    switched = timezone.now() - dt.timedelta(minutes=20)
    FailoverEventFactory(
        policy=policy, timestamp=switched, from_path=primary, from_path_name=primary.name,
        to_path=backup, to_path_name=backup.name,
    )  # fmt: skip
    slot = int(timezone.now().timestamp()) // 10 * 10
    for ago in range(60, 1800, 10):
        HealthSampleFactory(path=primary, timestamp=slot - ago, health_score=40.0)
        HealthSampleFactory(path=backup, timestamp=slot - ago)
    html = page(viewer_client, f"/policies/{policy.pk}/")
    found = re.search(r'<svg class="chart wide".*?</svg>', html, re.DOTALL)
    assert found is not None
    svg = ET.fromstring(found[0])
    ribbons = [one for one in svg.iter() if one.get("class", "").startswith("ribbon series-")]
    assert [one[0].text for one in ribbons] == ["Fibre line", "Cable line"]
    assert len([one for one in svg.iter() if one.get("class", "").startswith("series ")]) == 2


def test_the_plan_of_a_dry_run_is_told_before_it_happens(viewer_client: Client) -> None:
    policy, *_ = on_backup()
    PolicyRouteFactory(policy=policy, prefix="10.20.0.0/16")
    answer = viewer_client.get(f"/_/policies/{policy.pk}/plan/", headers=POLL)
    html = answer.content.decode()
    assert "Plan: move to Fibre line" in html
    assert "route replace 10.20.0.0/16 via 192.0.2.1" in html


def test_the_plan_says_what_is_missing(viewer_client: Client) -> None:
    policy, primary, _ = on_backup()
    PolicyRouteFactory(policy=policy)
    primary.uplink.interface, primary.uplink.gateway = "", "auto"
    primary.uplink.save()
    answer = viewer_client.get(f"/_/policies/{policy.pk}/plan/", headers=POLL)
    assert "No plan: Fibre line has" in answer.content.decode()


def test_events_are_newest_first_and_keep_the_name_of_a_deleted_policy(
    viewer_client: Client,
) -> None:
    old = FailoverEventFactory(
        policy=None, policy_uid="6f0e7d63-3a3b-4c55-9f0b-0d8b2a9a0b11", policy_name="Gone",
        timestamp=timezone.now() - dt.timedelta(hours=1), from_path_name="A", to_path_name="B",
    )  # fmt: skip
    change = StatusChangeFactory()
    html = page(viewer_client, "/events/")
    assert html.index(f'id="change-{change.pk}"') < html.index(f'id="event-{old.pk}"')
    assert "Gone: A → B" in html


def test_a_switch_is_told_once_by_its_end(viewer_client: Client) -> None:
    policy, *_ = on_backup()
    for kind in ("triggered", "completed"):
        FailoverEventFactory(policy=policy, event_type=kind, generation=1)
    for url in ("/events/", f"/policies/{policy.pk}/"):
        assert page(viewer_client, url).count('class="event-row"') == 1
    assert 'class="event-row"' in page(viewer_client, "/events/?type=triggered")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?type=completed", {"event"}),
        ("?type=path_status", {"change"}),
        ("?policy={policy}", {"event"}),
        ("?path={path}", {"event", "change"}),
        ("?until=2001-01-01T00:00", set()),
        ("?since=2001-01-01T00:00", {"event", "change"}),
    ],
)
def test_events_are_filtered_by_the_address(
    viewer_client: Client, query: str, shown: set[str]
) -> None:
    policy, primary, backup = on_backup()
    FailoverEventFactory(policy=policy, from_path=primary, to_path=backup)
    StatusChangeFactory(path=primary)
    html = page(viewer_client, "/events/" + query.format(policy=policy.pk, path=primary.pk))
    assert set(re.findall(r'<li id="(event|change)-\d+"', html)) == shown


def test_a_reversed_range_is_refused_in_words(viewer_client: Client) -> None:
    html = page(viewer_client, "/events/?since=2026-02-02T00:00&until=2026-02-01T00:00")
    assert "Until lies before since; exchange the two." in html


def test_a_long_history_has_an_older_page(viewer_client: Client) -> None:
    policy, *_ = on_backup()
    now = timezone.now()
    for n in range(61):
        FailoverEventFactory(policy=policy, timestamp=now - dt.timedelta(minutes=n))
    html = page(viewer_client, "/events/")
    older = re.search(r'rel="next"\s+href="([^"]+)"', html)
    assert older is not None
    assert html.count('class="event-row"') == 60
    last = page(viewer_client, "/events/" + older[1].replace("&amp;", "&"))
    assert last.count('class="event-row"') == 1
    assert 'rel="next"' not in last


def test_pages_of_events_neither_skip_nor_repeat_what_shares_a_moment(
    viewer_client: Client,
) -> None:
    policy, primary, _ = on_backup()
    moment = timezone.now() - dt.timedelta(minutes=5)
    for _ in range(70):
        FailoverEventFactory(policy=policy, timestamp=moment)
        StatusChangeFactory(path=primary, timestamp=moment.timestamp())
    StatusChangeFactory(path=primary, timestamp=moment.timestamp() + 4e-7)  # between microseconds
    seen: list[str] = []
    url: str | None = "/events/"
    while url is not None:
        html = page(viewer_client, url)
        seen += re.findall(r'<li id="((?:event|change)-\d+)"', html)
        older = re.search(r'rel="next"\s+href="([^"]+)"', html)
        url = "/events/" + older[1].replace("&amp;", "&") if older else None
    assert len(seen) == 141
    assert len(set(seen)) == 141


def test_a_place_in_the_list_that_no_page_wrote_is_refused_in_words(viewer_client: Client) -> None:
    assert "start with the newest page" in page(viewer_client, "/events/?before=yesterday")


def test_evidence_is_kept_for_people(viewer_client: Client) -> None:
    FailoverEventFactory(evidence={"detail": "Dry run", "verified": True}, duration_ms=4.25)
    html = page(viewer_client, "/events/")
    assert "Dry run" in html
    assert "4.2 ms" in html
