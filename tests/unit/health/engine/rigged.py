"""A scripted prober whose lanes are objects of their own, and that can be defective.

Shared by the tests of this folder; nothing that asserts may enter.
"""

from __future__ import annotations

from health.domain.measurement import Outcome
from health.engine.clock import Clock
from health.engine.fakes import ScriptedProber
from health.probers.base import Reply, SendError, WireTarget


class MadeLane:
    """What ``prepare`` made of a target; no two are the same object."""

    def __init__(self, target: WireTarget) -> None:
        self.target = target


class RiggedProber(ScriptedProber):
    """Notes every lane; fails as ``defects`` (by the name of the call) and ``no_route`` say."""

    def __init__(self, clock: Clock, kind: str = "scripted") -> None:
        super().__init__(clock, kind)
        self.prepared: list[MadeLane] = []
        self.released: list[MadeLane] = []
        self.defects: dict[str, Exception] = {}
        self.no_route: set[str] = set()
        self.replies: list[Reply] = []

    def live_lanes(self) -> list[MadeLane]:
        """Those that were made and not released."""
        return [lane for lane in self.prepared if lane not in self.released]

    def prepare(self, target: WireTarget) -> MadeLane:
        """A lane of its own for every call."""
        self._fail("prepare")
        self.prepared.append(MadeLane(target))
        return self.prepared[-1]

    def release(self, lane: MadeLane) -> None:
        """Note it."""
        self._fail("release")
        self.released.append(lane)

    def send(self, lane: MadeLane, timeout_ns: int) -> int:  # type: ignore[override] # other lanes
        """As scripted, but for addresses without a route."""
        self._fail("send")
        if lane.target.address in self.no_route:
            raise SendError(Outcome.MISCONFIGURED, "no route to host", no_route=True)
        return super().send(lane.target, timeout_ns)

    def receive(self) -> list[Reply]:
        """What arrived, and before it what the test has put into ``replies``."""
        self._fail("receive")
        extra, self.replies = self.replies, []
        return extra + super().receive()

    def forget(self, probe_id: int) -> None:
        """As a scripted one."""
        self._fail("forget")
        super().forget(probe_id)

    def _fail(self, call: str) -> None:
        if call in self.defects:
            raise self.defects[call]
