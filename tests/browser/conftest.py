"""A real Chromium against a real server thread and a database file.

What the browser complains about (a breach of the content policy, a script error) fails the
test that caused it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from sdwan_site.models import User
from tests.conftest import CHROMIUM, client_of, missing_layer
from tests.factories import (
    FailoverPolicyFactory,
    FailoverStateFactory,
    MonitorLeaseFactory,
    measured_path,
)

# Playwright's synchronous API keeps an event loop in this thread, which Django
# takes for a sign that blocking queries are a mistake. Here they are not.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel")
COMPLAINTS = ("Content Security Policy", "Content-Security-Policy", "Refused to")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium per module: its event loop must not outlive the tests of this folder."""
    if CHROMIUM is None:
        missing_layer("needs a Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def network(transactional_db: None) -> list[int]:
    """Eight measured paths and a policy; the keys of the paths."""
    paths = [measured_path(name) for name in NAMES]
    policy = FailoverPolicyFactory(name="Voice", members=paths[:2])
    FailoverStateFactory(policy=policy, active_path=paths[0])
    MonitorLeaseFactory(vantage=paths[0].uplink.vantage)
    return [path.pk for path in paths]


@pytest.fixture
def context(browser: Browser, live_server: object) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    made = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=str(live_server))
    yield made
    made.close()


@pytest.fixture
def complaints(context: BrowserContext) -> list[str]:
    """What the browser has said against a page so far."""
    found: list[str] = []
    context.on("weberror", lambda error: found.append(str(error.error)))
    context.on(
        "console",
        lambda message: (
            found.append(message.text)
            if message.type == "error" or any(word in message.text for word in COMPLAINTS)
            else None
        ),
    )
    return found


@pytest.fixture
def page(context: BrowserContext, complaints: list[str], network: list[int]) -> Iterator[Page]:
    """A page of somebody who may do everything; complaints fail the test at its end."""
    person = User.objects.create_superuser("root", password="a long enough password")
    sign_in(context, client_of(person))
    opened = context.new_page()
    yield opened
    assert complaints == []


def sign_in(context: BrowserContext, client: Client) -> None:
    """Give the browser the session of ``client``."""
    session = client.cookies["sessionid"].value
    context.add_cookies(
        [{"name": "sessionid", "value": session, "domain": "localhost", "path": "/"}]
    )
