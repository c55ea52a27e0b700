"""The button "Probe now" in a real browser: the result comes to the page by itself."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page, expect

from health.domain.measurement import Outcome
from health.models import MonitorLease, ProbeOrder
from health.on_demand.figures import figures, probe_figures
from health.probers.one_off import Attempt

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]


def carried_out(order: ProbeOrder) -> None:
    """What a worker of the probe host would have written."""
    refused = Attempt(2, Outcome.REFUSED, None, "Destination Host Unreachable from 192.0.2.9")
    attempts = [Attempt(1, Outcome.ANSWERED, 12.4), refused, Attempt(3, Outcome.ANSWERED, 14.0)]
    target = order.path.targets.get()
    order.result = {
        "kind": "icmp",
        "reachable": True,
        **figures(attempts),
        "targets": [
            {
                "target_id": target.pk,
                "address": target.address,
                "resolved": target.address,
                "port": None,
                **figures(attempts),
                "probes": [probe_figures(one) for one in attempts],
            }
        ],
    }
    order.state, order.started_at, order.ended_at = "done", time.time(), time.time()
    order.save()


def test_the_result_comes_to_the_page_without_a_reload(page: Page, network: list[int]) -> None:
    page.goto(f"/paths/{network[0]}/")
    page.get_by_role("button", name="Probe now").click()
    result = page.locator("#probe-result")
    expect(result).to_contain_text("Asking the probe host…")
    carried_out(ProbeOrder.objects.get())
    expect(result).to_contain_text("Reachable: 2 of 3 probes were answered.")
    expect(result).to_contain_text("Destination Host Unreachable from 192.0.2.9")
    expect(result).to_contain_text("12.4 – 14.0")


def test_a_refusal_is_said_where_the_result_would_be(page: Page, network: list[int]) -> None:
    MonitorLease.objects.update(expires_at=1.0)
    page.goto(f"/paths/{network[0]}/")
    page.get_by_role("button", name="Probe now").click()
    expect(page.locator("#probe-result")).to_contain_text("start `manage.py cluster --name")


def test_a_phone_needs_no_sideways_scrolling_for_the_result(page: Page, network: list[int]) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/paths/{network[0]}/")
    page.get_by_role("button", name="Probe now").click()
    expect(page.locator("#probe-result")).to_contain_text("Asking the probe host…")
    carried_out(ProbeOrder.objects.get())
    expect(page.locator("#probe-result")).to_contain_text("2 of 3")
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(width) == 0
