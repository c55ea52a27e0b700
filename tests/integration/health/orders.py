"""A network whose probes are scripted, for tests of orders to probe; nothing asserts here."""

from __future__ import annotations

from typing import Any

import pytest

from health.engine.clock import SystemClock
from health.engine.fakes import Behaviour, ScriptedProber
from health.models import Path
from health.on_demand import orders
from health.probers import PROBERS
from health.tasks import carry_out_probe_order
from tests.factories import MonitorLeaseFactory, PathFactory, PathTargetFactory

GATEWAY, RESOLVER = "192.0.2.1", "192.0.2.53"


class ScriptedNetwork:
    """A path with two targets, a living monitor, and a prober that answers after 1 ms."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.behaviours = {address: Behaviour(after_ms=1.0) for address in (GATEWAY, RESOLVER)}
        self.path: Path = PathFactory(name="fibre")
        for address in self.behaviours:
            PathTargetFactory(path=self.path, address=address)
        self.lease = MonitorLeaseFactory(vantage=self.path.uplink.vantage)
        self.probers: list[ScriptedProber] = []
        self.queued: list[tuple[Any, ...]] = []
        self.made: Any = self.make
        row = PROBERS["icmp"]._replace(make=lambda: self.made())
        monkeypatch.setitem(PROBERS, "icmp", row)
        self.serve_at_once = True
        monkeypatch.setattr(orders, "async_task", self.take)

    def make(self) -> ScriptedProber:
        prober = ScriptedProber(SystemClock())
        for address, behaviour in self.behaviours.items():
            prober.script(address, behaviour)
        self.probers.append(prober)
        return prober

    def take(self, task: str, *args: Any, q_options: dict[str, Any]) -> None:
        """What a worker of the vantage's cluster does, in this thread."""
        self.queued.append((task, *args, q_options["cluster"]))
        if self.serve_at_once:
            carry_out_probe_order(*args)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch, db: None) -> ScriptedNetwork:
    """The network of a test."""
    return ScriptedNetwork(monkeypatch)
