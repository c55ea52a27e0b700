"""The pages of paths: what is shown, filtered, polled, and never made up."""

from __future__ import annotations

import gzip
import re
import time
import xml.etree.ElementTree as ET

import pytest
from django.test import Client

from health.models import CurrentHealth
from tests.factories import (
    FailoverPolicyFactory,
    HealthSampleFactory,
    MaintenanceWindowFactory,
    PathFactory,
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


def poll(client: Client, url: str, rev: str = "") -> tuple[int, str, str]:
    """Status, text and revision of a fragment as the page itself asks for it."""
    joint = "&" if "?" in url else "?"
    answer = client.get(f"{url}{joint}rev={rev}" if rev else url, headers=POLL)
    return answer.status_code, answer.content.decode(), answer.headers.get("X-Rev", "")


def test_paths_are_listed_worst_first_with_the_reason_in_words(viewer_client: Client) -> None:
    measured_path("Good")
    measured_path("Slow", status="degraded", health_score=63.0, packet_loss_pct=7.2)
    measured_path(
        "Dead", status="down", reachable=False, health_score=0.0, reason="no_answer",
        latency_ms=None, jitter_ms=None, packet_loss_pct=100.0,
    )  # fmt: skip
    html = page(viewer_client, "/paths/")
    assert html.index(">Dead</a>") < html.index(">Slow</a>") < html.index(">Good</a>")
    assert "No answer to the latest probes." in html
    assert "loss 7.2 % &gt; 2 %" in html


def test_a_dead_path_shows_a_dash_and_no_latency(viewer_client: Client) -> None:
    path = measured_path(
        "Dead", status="down", reachable=False, health_score=0.0, latency_ms=None,
        jitter_ms=None, packet_loss_pct=100.0,
    )  # fmt: skip
    html = page(viewer_client, "/paths/")
    row = re.search(rf'<tr id="path-{path.pk}".*?</tr>', html, re.DOTALL)
    assert row is not None
    assert '<td class="cell-latency num">–<' in row[0]
    assert "<b>0</b>" in row[0]


def test_a_path_that_answers_badly_is_failing_not_down(viewer_client: Client) -> None:
    measured_path("Lossy", status="down", reachable=True, health_score=20.0, packet_loss_pct=10.0)
    html = page(viewer_client, "/paths/")
    assert "<span>Failing</span>" in html
    assert "<span>Down</span>" not in html


def test_a_row_that_no_monitor_renews_is_no_data_whatever_it_said(viewer_client: Client) -> None:
    measured_path("Silent", updated_at=time.time() - 60)
    html = page(viewer_client, "/paths/")
    assert "<span>No data</span>" in html
    assert "the probe engine of this host is silent" in html


def test_a_missing_permission_is_shown_with_its_cure(viewer_client: Client) -> None:
    measured_path(
        "Ping", status="unknown", reachable=None, health_score=None, reason="permission",
        detail="Echo requests need CAP_NET_RAW.",
    )  # fmt: skip
    html = page(viewer_client, "/paths/")
    assert "Echo requests need CAP_NET_RAW. Run `manage.py doctor`" in html


def test_maintenance_makes_a_path_paused(viewer_client: Client) -> None:
    MaintenanceWindowFactory(path=measured_path("Worked on"))
    html = page(viewer_client, "/paths/")
    assert "<span>Paused</span>" in html
    assert "In maintenance" in html


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?q=warsaw", {"Warsaw fibre", "Warsaw LTE"}),
        ("?q=warsaw+lte", {"Warsaw LTE"}),
        ("?state=degraded", {"Warsaw LTE"}),
        ("?state=degraded&q=internet", set()),
        ("?state=nonsense", {"Warsaw fibre", "Warsaw LTE", "Internet"}),
        ("?page=nonsense", {"Warsaw fibre", "Warsaw LTE", "Internet"}),
    ],
)
def test_filters_are_in_the_address(viewer_client: Client, query: str, shown: set[str]) -> None:
    measured_path("Warsaw fibre")
    measured_path("Warsaw LTE", status="degraded", health_score=60.0)
    measured_path("Internet")
    html = page(viewer_client, f"/paths/{query}")
    assert set(re.findall(r'<td class="cell-name"><a href="[^"]+">([^<]+)', html)) == shown


def test_a_filter_without_a_match_says_which_and_how_to_leave_it(viewer_client: Client) -> None:
    measured_path("Internet")
    html = page(viewer_client, "/paths/?q=%3Cb%3E")
    assert "No path matches “&lt;b&gt;”" in html
    assert "Show all paths" in html


def test_an_unchanged_page_costs_an_empty_answer(viewer_client: Client) -> None:
    measured_path("Steady")
    status, _, rev = poll(viewer_client, "/_/paths/")
    assert status == 200
    assert poll(viewer_client, "/_/paths/", rev) == (204, "", rev)


def test_a_poll_brings_only_the_rows_that_changed(viewer_client: Client) -> None:
    steady, moved = measured_path("Steady"), measured_path("Moved")
    _, _, rev = poll(viewer_client, "/_/paths/")
    CurrentHealth.objects.filter(path=moved).update(latency_ms=77.7)
    status, html, new_rev = poll(viewer_client, "/_/paths/", rev)
    assert status == 200
    assert new_rev != rev
    assert f'<tr id="path-{moved.pk}"' in html
    assert "77.7" in html
    assert f'<tr id="path-{steady.pk}"' not in html
    assert f"path-{steady.pk}" in html.split('data-order="')[1].split('"')[0]


def test_a_revision_that_nobody_remembers_gets_everything(viewer_client: Client) -> None:
    path = measured_path("Steady")
    status, html, _ = poll(viewer_client, "/_/paths/", "0badcafe")
    assert status == 200
    assert f'<tr id="path-{path.pk}"' in html


@pytest.mark.parametrize("fragment", ["/_/paths/", "/_/paths/{}/summary/", "/_/paths/{}/chart/"])
def test_a_fragment_opened_by_hand_leads_to_its_page(viewer_client: Client, fragment: str) -> None:
    path = measured_path("Steady")
    answer = viewer_client.get(fragment.format(path.pk) + "?q=a&rev=1")
    assert answer.status_code == 302
    target = "/paths/" if fragment == "/_/paths/" else f"/paths/{path.pk}/"
    assert answer.headers["Location"] == f"{target}?q=a"


def test_an_installation_without_paths_says_what_to_do(
    viewer_client: Client, superuser_client: Client
) -> None:
    assert "Nothing is measured yet" in page(viewer_client, "/paths/")
    assert "/admin/health/path/add/" not in page(viewer_client, "/")
    assert "/admin/health/path/add/" in page(superuser_client, "/")


def svg_of(html: str) -> ET.Element:
    """The large chart of a page, parsed as XML."""
    found = re.search(r'<svg class="chart wide".*?</svg>', html, re.DOTALL)
    assert found is not None
    return ET.fromstring(found[0])


def drawn(svg: ET.Element, css_class: str) -> list[str]:
    """Path data of the shapes with that class."""
    return [one.get("d", "") for one in svg.iter() if one.get("class", "").startswith(css_class)]


def test_the_chart_leaves_gaps_where_nothing_was_measured(viewer_client: Client) -> None:
    path = measured_path("Gappy")
    now = int(time.time()) // 10 * 10
    for ago in (600, 590, 580, 300, 290, 280):
        HealthSampleFactory(path=path, timestamp=now - ago)
    svg = svg_of(page(viewer_client, f"/paths/{path.pk}/"))
    blocks = [one for one in svg.iter() if one.get("class") == "block-none"]
    assert len(blocks) == 3
    (line,) = drawn(svg, "mean loss-0")
    assert line.count("h.5") == 2, "each of the two stretches begins with a stroke of its own"


@pytest.mark.parametrize(
    ("age_secs", "chosen"),
    [(60, "15m"), (14 * 60, "15m"), (20 * 60, "1h"), (2 * 3600, "6h"), (7 * 3600, "24h")],
)
def test_the_first_view_is_the_shortest_range_that_holds_the_history(
    viewer_client: Client, age_secs: int, chosen: str
) -> None:
    path = measured_path("Any age")
    policy = FailoverPolicyFactory(members=[path, PathFactory()])
    now = int(time.time()) // 10 * 10
    HealthSampleFactory(path=path, timestamp=now - age_secs)
    HealthSampleFactory(path=path, timestamp=now - 30)
    for url in (f"/paths/{path.pk}/", f"/policies/{policy.pk}/"):
        current = re.search(r'<a href="\?range=(\w+)" aria-current', page(viewer_client, url))
        assert current is not None
        assert current[1] == chosen


def test_a_chart_is_drawn_for_phones_too_and_the_page_stays_light(viewer_client: Client) -> None:
    path = measured_path("Busy")
    now = int(time.time()) // 10 * 10
    for n in range(360):
        HealthSampleFactory(
            path=path, timestamp=now - 10 * n, latency_ms=20 + n * 7 % 31 / 3,
            max_latency_ms=40 + n * 11 % 17 / 3, jitter_ms=n * 13 % 19 / 3,
            health_score=60 + n % 37,
        )  # fmt: skip
    html = page(viewer_client, f"/paths/{path.pk}/?range=1h")
    widths = re.findall(r'<svg class="chart (\w+)" viewBox="0 0 (\d+) ', html)
    assert widths == [("wide", "860"), ("narrow", "440")]
    assert len(gzip.compress(html.encode())) < 25_000


def test_total_loss_is_a_block_and_not_a_line_at_zero(viewer_client: Client) -> None:
    path = measured_path("Out")
    now = int(time.time()) // 10 * 10
    HealthSampleFactory(
        path=path, timestamp=now - 60, received=0, latency_ms=None, min_latency_ms=None,
        max_latency_ms=None, jitter_ms=None, packet_loss_pct=100.0, health_score=0.0,
        reachable_secs=0,
    )  # fmt: skip
    svg = svg_of(page(viewer_client, f"/paths/{path.pk}/"))
    assert drawn(svg, "mean") == []
    assert [one for one in svg.iter() if one.get("class") == "block-outage"]
    assert drawn(svg, "bar-loss loss-6")


@pytest.mark.parametrize(
    ("span", "points"), [("15m", 90), ("1h", 360), ("6h", 360), ("24h", 360), ("x", 90)]
)
def test_every_range_has_at_most_360_points(viewer_client: Client, span: str, points: int) -> None:
    path = measured_path("Long")
    html = page(viewer_client, f"/paths/{path.pk}/?range={span}")
    rows = re.search(r'"rows": (\[.*?\])\}', html)
    assert rows is not None
    assert rows[1].count("null") == points
    assert "No samples in the last" in html


def test_the_page_of_a_path_explains_its_score(viewer_client: Client) -> None:
    path = measured_path(
        "Slow", status="degraded", health_score=67.0, latency_ms=200.0, jitter_ms=1.0
    )
    html = page(viewer_client, f"/paths/{path.pk}/")
    assert "−33.0" in html
    assert "latency 200 ms &gt; 100 ms" in html


def test_the_page_of_a_path_names_its_policies_targets_and_changes(viewer_client: Client) -> None:
    path = measured_path("Primary")
    FailoverPolicyFactory(name="Voice", members=[path, PathFactory()])
    StatusChangeFactory(path=path, old_status="up", new_status="down", reachable=False)
    html = page(viewer_client, f"/paths/{path.pk}/")
    assert ">Voice</a>" in html
    assert path.targets.get().address in html
    assert 'id="change-' in html


def test_a_new_path_waits_for_its_first_probes(viewer_client: Client) -> None:
    path = PathFactory(name="New")
    html = page(viewer_client, f"/paths/{path.pk}/")
    assert "Waiting for the first probes." in html
    assert "The path has no target" in html


def test_times_are_in_the_readers_zone_and_the_zone_is_named(
    viewer_client: Client, viewer: object
) -> None:
    path = measured_path("Anywhere")
    viewer.time_zone = "Asia/Tokyo"  # type: ignore[attr-defined]  # a User
    viewer.save()  # type: ignore[attr-defined]  # a User
    html = page(viewer_client, f"/paths/{path.pk}/")
    assert "times in Asia/Tokyo" in html
    assert "+09:00" in html


def test_names_cannot_carry_markup(viewer_client: Client) -> None:
    path = measured_path("<script>alert(1)</script>")
    for url in ("/", "/paths/", f"/paths/{path.pk}/"):
        assert "<script>alert" not in page(viewer_client, url)


def test_the_budget_of_a_path_stands_in_its_configuration(viewer_client: Client) -> None:
    path = measured_path("Fibre")
    html = page(viewer_client, f"/paths/{path.pk}/")
    assert "<dt>Probe budget</dt><dd>2 probes/s · 456 MB a month</dd>" in html
    assert "paid by the byte" not in html


def test_a_metered_uplink_makes_a_costly_path_a_warning(viewer_client: Client) -> None:
    path = measured_path("LTE")
    type(path.uplink).objects.filter(pk=path.uplink_id).update(metered=True)
    html = page(viewer_client, f"/paths/{path.pk}/")
    assert "The probes cost about 456 MB a month on an uplink that is paid by the byte" in html


def test_a_stretched_interval_is_said_and_counted_in_the_budget(viewer_client: Client) -> None:
    path = measured_path("Shared")
    target = {
        "key": path.targets.get().pk, "address": "192.0.2.1", "alive": True, "score": 90.0,
        "latency_ms": 20.0, "packet_loss_pct": 0.0, "jitter_ms": 1.0, "sent": 60, "received": 60,
        "detail": "", "interval_ms": 1_000, "hold_ms": 1_000, "blamed": True,
    }  # fmt: skip
    CurrentHealth.objects.filter(path=path).update(targets=[target])
    html = page(viewer_client, f"/paths/{path.pk}/")
    assert "probed every 1 s instead of 0.5 s: 10 probes/s is the most one destination" in html
    assert "dead only after 1 s without an answer instead of 0.5 s" in html
    assert "blamed: bad on every path that uses it" in html
    assert "1 probes/s · 228 MB a month" in html
