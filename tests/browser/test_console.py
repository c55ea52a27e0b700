"""The console in a real browser: live rows, keyboard, theme, filter, small screens, policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from health.models import CurrentHealth

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True),
]

PAGES = (
    "/",
    "/paths/",
    "/paths/{path}/",
    "/policies/",
    "/policies/{policy}/",
    "/events/",
    "/account/",
    "/admin/",
    "/admin/health/path/",
    "/admin/health/path/{path}/change/",
    "/admin/failover/failoverpolicy/{policy}/change/",
    "/admin/sdwan_site/user/",
    "/api/v1/docs/",
)


def address(template: str, network: list[int]) -> str:
    """The address of a real row."""
    from failover.models import FailoverPolicy

    return template.format(path=network[0], policy=FailoverPolicy.objects.get().pk)


def poll_now(page: Page) -> None:
    """Ask for news at once instead of waiting for the next turn."""
    with page.expect_response(lambda answer: "/_/" in answer.url):
        page.evaluate("window.htmx.trigger('.live-region', 'poll')")
    page.wait_for_timeout(100)


def test_no_page_breaks_the_content_policy(page: Page, network: list[int]) -> None:
    """The fixture fails on any complaint; every page also has to come up at all."""
    for template in PAGES:
        answer = page.goto(address(template, network), wait_until="networkidle")
        assert answer is not None
        assert answer.status == 200, template


def test_polling_keeps_rows_and_focus_and_replaces_only_what_changed(
    page: Page, network: list[int]
) -> None:
    page.goto("/")
    page.evaluate("document.querySelectorAll('.path-row').forEach((row) => (row.kept = true))")
    link = page.locator(f"#path-{network[2]} a")
    link.focus()
    CurrentHealth.objects.filter(path_id=network[2]).update(latency_ms=77.7)
    poll_now(page)
    expect(page.locator(f"#path-{network[2]} .cell-latency")).to_contain_text("77.7")
    rows = page.evaluate("[...document.querySelectorAll('.path-row')].map((row) => !!row.kept)")
    assert rows.count(True) == 7
    assert rows.count(False) == 1
    assert page.evaluate("document.activeElement.closest('tr')?.id") == f"path-{network[2]}"


def test_rows_never_move_by_themselves(page: Page, network: list[int]) -> None:
    page.goto("/paths/")
    before = page.locator(".cell-name a").all_text_contents()
    CurrentHealth.objects.filter(path_id=network[-1]).update(
        status="down", reachable=False, health_score=0.0
    )
    poll_now(page)
    assert page.locator(".cell-name a").all_text_contents() == before
    expect(page.locator(f"#path-{network[-1]}")).to_contain_text("Down")
    page.get_by_role("button", name="Order changed, re-sort").click()
    assert page.locator(".cell-name a").first.text_content() == before[-1]
    expect(page.get_by_role("button", name="Order changed, re-sort")).to_be_hidden()


def test_a_path_that_is_gone_leaves_the_table_and_a_new_one_joins(
    page: Page, network: list[int]
) -> None:
    from health.models import Path
    from tests.factories import measured_path

    page.goto("/paths/")
    Path.objects.filter(pk=network[5]).delete()
    added = measured_path("Path Z")
    poll_now(page)
    expect(page.locator(f"#path-{network[5]}")).to_have_count(0)
    expect(page.locator(f"#path-{added.pk}")).to_be_visible()


def test_a_silent_engine_is_announced_without_a_reload(page: Page) -> None:
    from health.models import MonitorLease

    page.goto("/")
    expect(page.get_by_role("alert")).to_have_count(0)
    MonitorLease.objects.update(expires_at=1.0)
    poll_now(page)
    expect(page.get_by_role("alert")).to_contain_text("Data is stale since")
    expect(page.locator("#engine-box")).to_contain_text("Probe engine silent")


def test_the_theme_is_switched_and_kept(page: Page) -> None:
    page.goto("/")
    schemes = []
    for _ in range(3):
        page.get_by_role("button", name="Switch theme").click()
        schemes.append(page.locator("html").get_attribute("data-scheme"))
    assert schemes == ["light", "dark", "auto"]
    page.keyboard.press("t")
    page.keyboard.press("t")
    page.goto("/policies/")
    assert page.locator("html").get_attribute("data-scheme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(11, 14, 19)"


def test_the_filter_box_becomes_the_address_and_the_rows(page: Page) -> None:
    page.goto("/paths/")
    page.keyboard.press("/")
    page.keyboard.type("charlie")
    expect(page.locator(".path-row")).to_have_count(1)
    page.wait_for_url("**/paths/?q=charlie")  # the first letters have found the row already
    page.reload()
    expect(page.locator(".path-row")).to_have_count(1)


def test_the_keyboard_walks_rows_and_pages(page: Page, network: list[int]) -> None:
    page.goto("/paths/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/paths/*/")
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url("**/events/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_skip_link_is_the_first_stop_of_the_tab_key(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"


@pytest.mark.parametrize("template", ["/", "/paths/{path}/", "/policies/{policy}/", "/events/"])
def test_a_phone_needs_no_sideways_scrolling(page: Page, network: list[int], template: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address(template, network))
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


def test_on_a_phone_everything_is_reached_and_the_whole_chart_is_seen(
    page: Page, network: list[int]
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/paths/{network[0]}/")
    chart = page.locator("svg.chart:visible")
    expect(chart).to_have_count(1)
    expect(chart).to_have_class("chart narrow")
    box = chart.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    for name in ("Switch theme", "Log out"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport()
    page.get_by_text("Menu", exact=True).click()
    for name in ("Overview", "Paths", "Policies", "Events", "Configuration", "API docs"):
        expect(page.locator(".menu-links").get_by_role("link", name=name)).to_be_in_viewport()


def test_paper_is_light_whatever_the_theme(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("t")
    page.keyboard.press("t")
    page.emulate_media(media="print")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(245, 246, 248)"


def test_the_cursor_of_the_chart_moves_by_arrow_keys(page: Page, network: list[int]) -> None:
    page.goto(f"/paths/{network[0]}/")
    page.locator("[data-chart]").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".tooltip")).to_contain_text("no data")
    page.keyboard.press("Escape")
    expect(page.locator(".tooltip")).to_be_hidden()


def test_a_lost_connection_is_said_and_takes_nothing_away(
    page: Page, complaints: list[str]
) -> None:
    page.goto("/")
    page.route("**/_/**", lambda route: route.abort())
    for _ in range(2):
        page.evaluate("window.htmx.trigger('.live-region', 'poll')")
        page.wait_for_timeout(200)
    expect(page.locator("#toast")).to_contain_text("Connection lost. Showing data from")
    expect(page.locator(".path-row")).to_have_count(8)
    page.unroute("**/_/**")
    poll_now(page)
    expect(page.locator("#toast")).to_be_hidden()
    complaints.clear()  # the browser logs the requests that were cut
