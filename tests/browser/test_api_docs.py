"""The page of the API's description in a real browser, under the real content policy."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from playwright.sync_api import BrowserContext, expect

from sdwan_site.models import User
from tests.conftest import client_of

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
pytestmark = [pytest.mark.chromium, pytest.mark.xdist_group("chromium")]


def test_swagger_ui_shows_every_route_without_breaking_the_content_policy(
    context: BrowserContext, live_server: object, superuser: User
) -> None:
    session = client_of(superuser).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": str(live_server)}])
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.goto("/api/v1/docs/")
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    operations = sum(len(methods) for methods in document["paths"].values())
    assert operations > 10
    expect(page.locator(".opblock")).to_have_count(operations, timeout=20_000)
    assert [text for text in complaints if not text.startswith(("debug", "log", "info"))] == []
