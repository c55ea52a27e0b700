"""A running decision thread over one policy, and what it has replied.

Shared by the tests of the thread; nothing that asserts a result may enter.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError

from failover.control import decision_thread as module
from failover.control import presence
from failover.control.decision_thread import DecisionThread, Loaded, Order, Outcome, Reply
from failover.domain.situation import Direction, Notice, Switch
from failover.domain.state import Cause, NoticeKind
from failover.models import FailoverEvent, FailoverPolicy
from failover.services import PublishedState, Scores
from health.engine.clock import FakeClock
from health.models import Path
from health.monitoring.lease import Lease
from health.monitoring.monitor import LoopContext
from tests.factories import (
    FailoverPolicyFactory,
    MonitorLeaseFactory,
    PathFactory,
    UplinkFactory,
    VantageFactory,
)


class Desk:
    """A running thread over one policy, and what it has replied."""

    def __init__(self, *, predecessor_gone: bool = True) -> None:
        vantage = VantageFactory()
        self.lease = MonitorLeaseFactory(vantage=vantage, epoch=3)
        uplinks = UplinkFactory.create_batch(2, vantage=vantage)
        self.paths: list[Path] = [PathFactory(uplink=uplink) for uplink in uplinks]
        self.policy: FailoverPolicy = FailoverPolicyFactory(members=self.paths)
        self.replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self.leased = True
        self.away = False
        """What a test may make of the database; see ``lose_database``."""
        self.clock = FakeClock()
        context = LoopContext(
            vantage.pk,
            vantage.name,
            Lease(vantage.pk, "me", 3, predecessor_gone=predecessor_gone),
            lambda: self.leased,
            self.clock,
        )
        self.journal = module.journal_of(vantage.name)
        self.thread = DecisionThread(context, self.replies.put)

    def lose_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on, while ``away`` is set, nothing reaches the database."""
        for owner, name in (
            (presence.DatabasePresence, "be_brief"),
            (module.services, "begin_switch"),
            (module.services, "announce"),
        ):
            monkeypatch.setattr(owner, name, self._unless_away(getattr(owner, name)))
        self.away = True

    def _unless_away(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if self.away:
                raise OperationalError("connection refused")
            return real(*args, **options)

        return call

    def loaded(self) -> Loaded:
        reply = self.replies.get(timeout=30)
        while not isinstance(reply, Loaded):
            reply = self.replies.get(timeout=30)
        return reply

    def settle(self) -> None:
        """Read what there is until nothing more comes (a new state is a change by itself)."""
        self.loaded()
        with contextlib.suppress(queue.Empty):
            while True:
                self.replies.get(timeout=0.3)

    def outcome(self) -> Outcome:
        reply = self.replies.get(timeout=30)
        while not isinstance(reply, Outcome):
            reply = self.replies.get(timeout=30)
        return reply

    def published(self, generation: int) -> PublishedState:
        return PublishedState(
            self.policy.pk, generation, "switching", "a reason", {"n": generation}, {}, None
        )

    def switch(self, generation: int = 1, *, cause: Cause = Cause.DEAD) -> Order:
        old, new = self.paths if generation % 2 else reversed(self.paths)
        switch = Switch(old.pk, new.pk, Direction.FAILOVER, cause, generation, cause.value)
        return Order(
            self.policy.pk, self.published(generation), switch, (), Scores(0.0, 99.0), {"n": 1}
        )

    def notice(self) -> Order:
        notice = Notice(NoticeKind.NO_VIABLE_PATH, "nothing answers")
        return replace(self.switch(0), switch=None, notices=(notice,))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(module, "POLL_SECS", 0.02)
    made = Desk()
    made.thread.start()
    yield made
    made.thread.stop(8)


def kinds() -> list[str]:
    return list(FailoverEvent.objects.order_by("id").values_list("event_type", flat=True))
