"""Ordering a policy about in a real browser: by keyboard, on a phone, without a reload."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from failover.models import (
    FailoverEvent,
    FailoverPolicy,
    FailoverState,
    OperatorOrder,
    OrderStage,
)
from health.models import MonitorLease, Path
from tests.factories import FailoverEventFactory

pytestmark = [pytest.mark.chromium, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def policy(network: list[int]) -> FailoverPolicy:
    """The policy over Alfa and Bravo, judged, on one probe host."""
    Path.objects.filter(pk=network[1]).update(uplink=Path.objects.get(pk=network[0]).uplink)
    candidate = {"path_id": network[1], "name": "Bravo", "gate": None, "sentence": "may take over"}
    FailoverState.objects.update(judgement={"candidates": [candidate], "countdowns": []})
    found: FailoverPolicy = FailoverPolicy.objects.get()
    return found


def carried_out(order: OperatorOrder) -> FailoverEvent:
    """What the monitor would write."""
    event: FailoverEvent = FailoverEventFactory(
        policy=order.policy, direction="operator", from_path_name="Alfa", to_path_name="Bravo",
        to_path=order.path, generation=1, reason="root ordered: carrier ticket 4711",
    )  # fmt: skip
    FailoverState.objects.update(active_path=order.path, generation=1)
    order.stage, order.event, order.ended_at = OrderStage.DONE, event, timezone.now()
    order.save()
    return event


def opened(page: Page, policy: FailoverPolicy, button: str) -> None:
    page.goto(f"/policies/{policy.pk}/")
    page.get_by_role("button", name=button).click()
    expect(page.locator("#order h2")).to_be_visible()


def test_an_order_by_keyboard_shows_its_outcome_and_the_page_follows(
    page: Page, policy: FailoverPolicy
) -> None:
    opened(page, policy, "Fail over…")
    expect(page.locator("#order input:checked")).to_be_focused()
    page.keyboard.press("Tab")  # to the plan
    page.keyboard.press("Tab")
    page.keyboard.type("carrier ticket 4711")
    page.keyboard.press("Enter")
    expect(page.locator("#order")).to_contain_text("The monitor carries it out at its next round")
    carried_out(OperatorOrder.objects.get())
    expect(page.locator("#order")).to_contain_text("The traffic moves from Alfa to Bravo")
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    expect(page.locator(".hop-card.active")).to_contain_text("Bravo")
    expect(page.locator("#history")).to_contain_text("carrier ticket 4711")
    page.keyboard.press("Enter")
    expect(page.locator("#order")).to_be_hidden()
    expect(page.get_by_role("button", name="Fail back…")).to_be_visible()


@pytest.mark.parametrize("way", ["Escape", "Cancel"])
def test_a_dialog_that_is_left_orders_nothing(page: Page, policy: FailoverPolicy, way: str) -> None:
    opened(page, policy, "Pause…")
    page.locator("#order [name=reason]").fill("never mind")
    if way == "Escape":
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#order")).to_be_hidden()
    expect(page.locator("#order form")).to_have_count(0)
    assert not OperatorOrder.objects.exists()
    assert page.url.endswith(f"/policies/{policy.pk}/")


def test_without_a_reason_nothing_is_sent(page: Page, policy: FailoverPolicy) -> None:
    opened(page, policy, "Pause…")
    page.locator("#order .primary").click()
    expect(page.locator("#order [name=reason]")).to_be_focused()
    assert not OperatorOrder.objects.exists()


def test_a_refusal_is_said_in_the_dialog_with_what_was_filled_in(
    page: Page, policy: FailoverPolicy
) -> None:
    MonitorLease.objects.update(expires_at=1.0)
    opened(page, policy, "Pin…")
    page.locator("#order [name=reason]").fill("a call")
    page.locator("#order .primary").click()
    expect(page.locator("#order").get_by_role("alert")).to_contain_text(
        "nothing was done and traffic stays"
    )
    expect(page.locator("#order [name=reason]")).to_have_value("a call")


def test_only_the_plan_of_the_chosen_path_is_offered(page: Page, policy: FailoverPolicy) -> None:
    opened(page, policy, "Pin…")
    expect(page.locator("#order summary:visible")).to_have_count(0)  # it stays where it is
    page.get_by_role("radio", name="Bravo").check()
    expect(page.locator("#order summary:visible")).to_have_count(1)


def test_a_phone_needs_no_sideways_scrolling_for_a_dialog(
    page: Page, policy: FailoverPolicy
) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    opened(page, policy, "Pin…")
    box = page.locator("#order").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    fits = "dialog => dialog.scrollWidth <= dialog.clientWidth"
    assert page.locator("#order").evaluate(fits)
    page.get_by_role("button", name="Cancel").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Cancel")).to_be_in_viewport()


def test_the_dialog_of_a_page_without_scripts_is_made_to_lie_above_it(
    page: Page, policy: FailoverPolicy
) -> None:
    page.goto(f"/_/policies/{policy.pk}/order/pause/")
    expect(page.locator("#order:modal")).to_be_visible()
