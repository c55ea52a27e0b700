"""The page of the system: what each host, uplink and queue is, and what costs measurements."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from tests.factories import (
    CurrentUplinkFactory,
    MonitorLeaseFactory,
    PathFactory,
    PathTargetFactory,
    UplinkFactory,
    UplinkTrafficFactory,
    VantageFactory,
)

pytestmark = pytest.mark.django_db
POLL = {"HX-Request": "true"}


def page(client: Client) -> str:
    answer = client.get("/system/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def host_with(**figures: object):
    return MonitorLeaseFactory(vantage__name="fra1", figures=figures).vantage


def uplink_cell(html: str, uplink: object, cell: str) -> str:
    row = re.search(rf'<tr id="uplink-{uplink.pk}".*?</tr>', html)  # type: ignore[attr-defined]
    assert row is not None
    found = re.search(rf'<td class="cell-{cell}[^>]*>(.*?)</td>', row[0])
    assert found is not None
    return re.sub(r"<svg.*?</svg>|<[^>]+>", "", found[1]).strip()


def test_without_a_host_the_page_says_how_to_begin(viewer_client: Client) -> None:
    html = page(viewer_client)
    assert "Nothing is measured yet" in html
    assert "Nothing is scheduled" in html


def test_a_host_without_a_monitor_says_how_to_start_one(viewer_client: Client) -> None:
    VantageFactory(name="fra1")
    html = page(viewer_client)
    assert "Never ran" in html
    assert "manage.py cluster --name fra1" in html
    assert "This host has no uplink" in html


def test_a_running_monitor_shows_its_holder_epoch_and_loop(viewer_client: Client) -> None:
    MonitorLeaseFactory(epoch=17, paths=42, probes_per_sec=126.4, overruns_total=1_234)
    html = page(viewer_client)
    assert "Process 1 on test · epoch 17" in html
    assert "<dt>Paths</dt><dd>42</dd>" in html
    assert "<dt>Probes/s</dt><dd>126</dd>" in html
    assert "<dt>Overruns</dt><dd>1,234</dd>" in html


def test_figures_that_a_monitor_does_not_tell_are_dashes_not_zeros(viewer_client: Client) -> None:
    host_with()
    html = page(viewer_client)
    for name in ("Stalls", "Blind", "Waiting samples", "Lost samples", "Last write"):
        assert f"<dt>{name}</dt><dd>–" in html
    assert 'id="alarms" data-v' in html
    assert "tone-bad" not in html


def test_a_silent_monitor_is_said_so_and_its_loop_is_not_known(viewer_client: Client) -> None:
    old = time.time() - 600
    MonitorLeaseFactory(holder="", renewed_at=old, expires_at=old + 3, paths=5)
    html = page(viewer_client)
    assert "<span>Silent</span>" in html
    assert "silent for" in html
    assert "<dt>Paths</dt><dd>–</dd>" in html


def test_lost_samples_raise_a_banner(viewer_client: Client) -> None:
    host_with(ring={"dropped_samples": 1_833, "dropped_changes": 2})
    html = page(viewer_client)
    assert 'class="banner tone-bad" role="alert"' in html
    assert "1,833 samples and 2 changes of fra1 lost." in html


def test_a_ring_that_is_nearly_full_raises_a_banner(viewer_client: Client) -> None:
    host_with(ring={"waiting_samples": 190_000, "max_samples": 200_000})
    html = page(viewer_client)
    assert "190,000 samples of fra1 wait for the database." in html
    assert "At 200,000 the oldest are lost." in html


def test_a_database_that_is_away_is_said_with_the_time(viewer_client: Client) -> None:
    host_with(ring={"database_away_since": time.time() - 60})
    assert "fra1 can&#x27;t reach the database since" in page(viewer_client)


def test_kinds_that_cannot_be_sent_come_with_the_cure_and_strangers_replies(
    viewer_client: Client,
) -> None:
    host_with(
        unavailable={"icmp": "Needs CAP_NET_RAW. Cure, run setcap <b>."},
        modes={"stamp": "bound"},
        rejected={"stamp": {"foreign": 7}},
    )
    html = page(viewer_client)
    assert "Not possible" in html
    assert "Cure, run setcap &lt;b&gt;." in html
    assert "bound sockets" in html
    assert "replies not taken: 7 foreign" in html


def test_faults_of_the_host_are_listed(viewer_client: Client) -> None:
    MonitorLeaseFactory(notes={"wan1": "No buffer space on wan1."})
    assert "No buffer space on wan1." in page(viewer_client)


def test_an_uplink_shows_state_addresses_rates_and_utilisation(viewer_client: Client) -> None:
    uplink = UplinkFactory(bandwidth_down_mbps=10.0)
    CurrentUplinkFactory(uplink=uplink, receive_bps=9_500_000.0, receive_drops=3)
    html = page(viewer_client)
    assert uplink_cell(html, uplink, "state") == "Up"
    assert uplink_cell(html, uplink, "hop") == "192.0.2.7 → 192.0.2.1"
    assert uplink_cell(html, uplink, "route") == "IPv4 verified"
    assert uplink_cell(html, uplink, "down") == "9.5 Mbit/s95 %"
    assert uplink_cell(html, uplink, "up") == "1.0 Mbit/s"
    assert "3 drops" in uplink_cell(html, uplink, "totals")
    assert '<td class="cell-down num over">' in html
    assert '<td class="cell-up num">' in html


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"link": "down", "route": "unusable"}, "Down"),
        ({"route": "unusable"}, "No route"),
        ({"route": "unusable", "route6": "verified"}, "Up"),
        ({"route": "pending"}, "Checking"),
        ({"updated_at": 1.0}, "No data"),
    ],
)
def test_link_and_route_make_one_state(
    viewer_client: Client, changes: dict[str, object], label: str
) -> None:
    uplink = CurrentUplinkFactory(detail="Give it a gateway.", **changes).uplink
    html = page(viewer_client)
    assert uplink_cell(html, uplink, "state") == label
    if "updated_at" in changes:
        assert "The monitor of this host is silent." in html
    else:
        assert "Give it a gateway." in html


def test_an_uplink_without_an_interface_is_neither_up_nor_down(viewer_client: Client) -> None:
    uplink = UplinkFactory(interface="")
    CurrentUplinkFactory(uplink=uplink, link="unknown", counted_at=None, receive_bps=None)
    html = page(viewer_client)
    assert uplink_cell(html, uplink, "state") == "By routing"
    assert uplink_cell(html, uplink, "down") == "–"
    assert uplink_cell(html, uplink, "totals") == "–"


def test_the_last_hour_is_drawn_and_spoken(viewer_client: Client) -> None:
    uplink = CurrentUplinkFactory().uplink
    start = int(time.time()) // 60 * 60 - 600
    UplinkTrafficFactory(uplink=uplink, timestamp=start, receive_bytes=2_500_000)
    html = page(viewer_client)
    assert "Last hour: at most 2.0 Mbit/s down, 200 kbit/s up" in html


def test_probes_that_cost_too_much_on_a_metered_uplink_are_said_so(viewer_client: Client) -> None:
    uplink = UplinkFactory(metered=True)
    CurrentUplinkFactory(uplink=uplink)
    for _ in range(2):
        PathTargetFactory(path=PathFactory(uplink=uplink), address="192.0.2.1")
    assert "about 912 MB a month" in page(viewer_client)
    type(uplink).objects.update(metered=False)
    assert "MB a month" not in page(viewer_client)


def test_a_cluster_that_does_not_work_is_named(viewer_client: Client) -> None:
    now = timezone.now()
    Schedule.objects.create(name="a", func="math.sqrt", cluster="fra1", next_run=now)
    late = now - timedelta(minutes=7)
    Schedule.objects.create(name="b", func="math.sqrt", cluster="waw1", next_run=late)
    OrmQ.objects.create(key="waw1", payload="x", lock=now)
    html = page(viewer_client)
    assert "Nobody works on the tasks of waw1." in html
    assert "Nobody works on the tasks of fra1." not in html
    assert "schedules are 7 min late" in html


def test_the_page_says_what_it_runs_on(viewer_client: Client) -> None:
    html = page(viewer_client)
    assert f"<dt>Database</dt><dd>{connection.display_name}" in html
    assert "<dt>Django</dt>" in html
    assert "free</dd>" in html


def test_a_poll_without_news_is_empty_and_with_news_has_the_host(viewer_client: Client) -> None:
    lease = MonitorLeaseFactory(paths=3)
    first = viewer_client.get("/_/system/", headers=POLL)
    rev = first.headers["X-Rev"]
    assert f'id="host-{lease.pk}"' in first.content.decode()
    assert viewer_client.get(f"/_/system/?rev={rev}", headers=POLL).status_code == 204
    type(lease).objects.update(paths=4)
    changed = viewer_client.get(f"/_/system/?rev={rev}", headers=POLL)
    assert changed.status_code == 200
    assert "<dd>4</dd>" in changed.content.decode()


def test_the_page_costs_the_same_queries_whatever_its_length(viewer_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(viewer_client)
        return len(captured)

    CurrentUplinkFactory()
    MonitorLeaseFactory()
    first = queries()
    CurrentUplinkFactory.create_batch(4)
    MonitorLeaseFactory.create_batch(3)
    assert queries() == first


def test_only_who_may_configure_is_led_to_the_configuration(
    viewer_client: Client, admin_role_client: Client
) -> None:
    assert "/admin/health/uplink/" not in page(viewer_client)
    assert "/admin/health/uplink/" in page(admin_role_client)
