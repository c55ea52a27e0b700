"""The page of the API's description in a real browser, under the real content policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.conftest import CHROMIUM, client_of

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


@pytest.fixture
def database_beside_the_browser(monkeypatch):
    """Playwright runs an event loop in this thread; Django would refuse the database in it."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.mark.usefixtures("database_beside_the_browser")
def test_swagger_ui_shows_every_route_without_breaking_the_content_policy(live_server, superuser):
    session = client_of(superuser).cookies["sessionid"].value
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.goto(f"{live_server.url}/api/v1/docs/")
        expect(page.locator(".opblock")).to_have_count(16, timeout=20_000)
        browser.close()
    assert [text for text in complaints if not text.startswith(("debug", "log", "info"))] == []
