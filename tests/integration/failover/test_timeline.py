"""The list of events shows a switch by its end, whatever else its event still has to cause."""

from __future__ import annotations

import pytest
from django.utils import timezone

from failover.console.timeline import timeline
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_message_under_way_does_not_bring_back_a_switch_that_has_ended() -> None:
    begun = factories.FailoverEventFactory(event_type="triggered")
    factories.OutboxMessageFactory(event=begun, topic="actuate", done_at=timezone.now())
    factories.OutboxMessageFactory(event=begun, topic="notify")

    assert timeline() == []


def test_a_switch_under_way_is_shown_by_its_beginning() -> None:
    begun = factories.FailoverEventFactory(event_type="triggered")
    factories.OutboxMessageFactory(event=begun, topic="actuate")

    assert len(timeline()) == 1
