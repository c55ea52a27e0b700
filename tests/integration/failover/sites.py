"""Two paths, a policy over them, and controllers that watch rounds made by hand.

Shared by the tests of the controller; nothing that asserts a result may enter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from failover.control.controller import FailoverController
from failover.models import FailoverEvent, FailoverPolicy, FailoverState
from health.domain.reading import PathReading, Settled, TargetProbes
from health.domain.status import PathStatus, Reason
from health.engine.clock import FakeClock
from health.engine.observers import Round
from health.models import Path, Vantage
from health.monitoring.lease import Lease
from health.monitoring.monitor import LoopContext
from tests.factories import (
    FailoverPolicyFactory,
    PathFactory,
    UplinkFactory,
    VantageFactory,
)

SECOND = 1_000_000_000
SET_CLOCK = 1_800_000_000.0
"""A wall clock that somebody has set: 2027."""


def until(condition: Callable[[], object], patience_secs: float = 30.0) -> None:
    deadline = time.monotonic() + patience_secs
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.002)


class Site:
    """Two paths, a policy over them, and controllers that watch rounds made by hand."""

    def __init__(self) -> None:
        self.vantage: Vantage = VantageFactory()
        self.primary: Path = self.path("fibre")
        self.backup: Path = self.path("lte")
        self.policy: FailoverPolicy = FailoverPolicyFactory(
            name="Internet",
            members=[self.primary, self.backup],
            failback_delay_secs=15,
            damping=False,
        )
        self.clock = FakeClock(wall=SET_CLOCK)
        self.looks: dict[int, Callable[[int], PathReading]] = {}
        for path in (self.primary, self.backup):
            self.heal(path)
        self.lost: dict[int, tuple[int, ...]] = {}
        """By path, which of the two probes of each second get no answer."""
        self.reference_answers: bool | None = None
        self.leased = True
        self.controllers: list[FailoverController] = []

    def path(self, name: str) -> Path:
        path: Path = PathFactory(name=name, uplink=UplinkFactory(vantage=self.vantage))
        return path

    def start(self, *, epoch: int = 1, left: Any = None) -> FailoverController:
        context = LoopContext(
            vantage_id=self.vantage.pk,
            vantage_name=self.vantage.name,
            lease=Lease(self.vantage.pk, "me", epoch, predecessor_gone=True),
            may_act=lambda: self.leased,
            clock=self.clock,
        )
        controller = FailoverController(context)
        if left is not None:
            controller.restore(left)
        self.controllers.append(controller)
        until(lambda: not controller._inbox.empty())
        return controller

    def close(self) -> None:
        for controller in self.controllers:
            controller.close()

    @property
    def controller(self) -> FailoverController:
        return self.controllers[-1]

    def heal(self, path: Path) -> None:
        self.looks[path.pk] = lambda at_ns: reading(path.pk, at_ns)

    def kill(self, path: Path) -> None:
        self.looks[path.pk] = lambda at_ns: reading(
            path.pk, at_ns, status=PathStatus.DOWN, reason=Reason.NO_ANSWER, reachable=False,
            score=0.0, latency_ms=None, answers_in_a_row=0, loss_run=6, answered_ns=None,
        )  # fmt: skip

    def live(self, secs: int, *, lag_ns: int = 0) -> Site:
        for _ in range(secs):
            self.clock.advance(1)
            self.round(lag_ns=lag_ns)
        return self

    def live_until(self, condition: Callable[[], object], at_most_secs: int) -> Site:
        """Live on, with time for the thread to read and write, until it is so.

        The later half of the seconds lasts longer: a busy machine is slow, not wrong.
        """
        for second in range(at_most_secs):
            self.live(1)
            deadline = time.monotonic() + (0.03 if second < at_most_secs // 2 else 1.0)
            while time.monotonic() < deadline:
                if condition():
                    return self
                time.sleep(0.005)
        raise AssertionError("it never happened")

    def round(self, *, lag_ns: int = 0) -> None:
        at_ns = self.clock.monotonic_ns()
        readings = {key: look(at_ns) for key, look in self.looks.items()}
        self.controller.on_round(
            Round(
                at_ns,
                self.clock.wall(),
                readings,
                tuple(readings),
                frozenset(),
                0,
                lag_ns,
                {key: self.settled(key, at_ns) for key in readings},
                self.reference_answers,
            )
        )
        until(self._is_answered)

    def settled(self, key: int, at_ns: int) -> list[TargetProbes]:
        """The probes of the last second to the one target of a path."""
        lost = self.lost.get(key, ())
        half = SECOND // 2
        return [
            TargetProbes(
                key,
                [
                    Settled(at_ns - half * (2 - n), None if n in lost else 20_000_000)
                    for n in (0, 1)
                ],
            )
        ]

    def _is_answered(self) -> bool:
        waiting = any(one.waiting is not None for one in self.controller._policies.values())
        return not waiting or not self.controller._inbox.empty()

    @property
    def state(self) -> FailoverState:
        return FailoverState.objects.get(policy=self.policy)

    @property
    def events(self) -> list[str]:
        return list(FailoverEvent.objects.order_by("id").values_list("event_type", flat=True))


def reading(key: int, at_ns: int, **changes: Any) -> PathReading:
    healthy = PathReading(
        key, at_ns, PathStatus.UP, Reason.NONE, "", True, 98.0, 20.0, 18.0, 25.0, 0.0, 1.0, 4.4,
        120, 120, 120, 120, 0, 500_000_000, at_ns, at_ns, 0,
    )  # fmt: skip
    return healthy._replace(**changes)
