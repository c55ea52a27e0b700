"""A small world for engine tests: scripted targets, a clock that only the test moves.

Shared by the tests of this folder; nothing that asserts may enter.
"""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from health.domain.measurement import Outcome
from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.domain.reading import PathReading
from health.domain.sample import Sample
from health.domain.uplink_state import UplinkState
from health.engine.clock import FakeClock
from health.engine.fakes import ANSWERS, SILENCE, Behaviour, ScriptedProber
from health.engine.loop import ProbeEngine
from health.engine.observers import RecordingObserver, RoundObserver
from tests.unit.health.engine.rigged import RiggedProber

MS = 1_000_000
SECOND = 1_000_000_000
TICK_SECS = 0.01

__all__ = [
    "ANSWERS",
    "MS",
    "SECOND",
    "SILENCE",
    "Behaviour",
    "Outcome",
    "RiggedWorld",
    "World",
    "path_spec",
]


def path_spec(key: int = 1, **changes: Any) -> PathSpec:
    """A path to one target of its own: 500 ms interval, 1 s timeout, default limits."""
    addresses: tuple[str, ...] = changes.pop("addresses", (f"192.0.2.{key}",))
    targets = tuple(TargetSpec(key * 100 + n, address) for n, address in enumerate(addresses))
    spec = PathSpec(
        key=key,
        uid=f"uid-{key}",
        name=f"path {key}",
        kind="scripted",
        targets=targets,
        quorum=1,
        timing=ProbeTiming(interval_ms=500, timeout_ms=1_000, burst_ms=50, hold_ms=500),
        limits=SlaLimits(),
    )
    return replace(spec, **changes)


class World:
    """An engine with one scripted prober; use it as a context manager."""

    def __init__(
        self, *specs: PathSpec, observers: tuple[RoundObserver, ...] = (), **engine: Any
    ) -> None:
        self.clock = FakeClock(wall=1_700_000_000.0)
        self.prober = self.make_prober()
        self.rounds = RecordingObserver()
        self.samples: list[Sample] = []
        self.engine = ProbeEngine(
            {"scripted": self.prober},
            observers=(*observers, self.rounds),
            on_samples=self.samples.extend,
            clock=self.clock,
            random_fraction=engine.pop("random_fraction", lambda: 0.5),
            **engine,
        )
        self.engine.configure(specs)

    def make_prober(self) -> ScriptedProber:
        """The one prober of this world."""
        return ScriptedProber(self.clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.prober.close()
        self.engine.close()

    def live(self, secs: float) -> Self:
        """Let the loop turn for ``secs``, a hundred times a second."""
        for _ in range(round(secs / TICK_SECS)):
            self.clock.advance(TICK_SECS)
            self.engine.turn()
        return self

    def stall(self, secs: float) -> Self:
        """This process does not run for ``secs``; then it turns once."""
        self.clock.advance(secs)
        self.engine.turn()
        return self

    def script(self, behaviour: Behaviour, address: str = "192.0.2.1") -> Self:
        """Let ``address`` behave like that from now on."""
        self.prober.script(address, behaviour)
        return self

    def reading(self, key: int = 1) -> PathReading:
        """The latest reading of a path."""
        return self.engine.readings[key]


class RiggedWorld(World):
    """A world whose prober tells its lanes and fails on demand."""

    prober: RiggedProber

    def make_prober(self) -> RiggedProber:
        """A rigged one."""
        return RiggedProber(self.clock)

    def uplinks(self, *states: UplinkState) -> Self:
        """Let uplinks be as ``states`` say from the next turn on."""
        self.engine.submit_uplinks({state.key: state for state in states})
        return self

    def lane(self, key: int = 1) -> Any:
        """The lane of a path's first target."""
        return self.engine.paths[key].targets[0].lane
