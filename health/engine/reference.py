"""The local reference: an echo to an own address each second, which needs no network.

While it answers, this host can send, receive and read its clock, so silence elsewhere is
the network's. It belongs to no path of the configuration; nothing here judges others.
"""

from __future__ import annotations

from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.domain.sample import TargetSlot
from health.engine.path_monitor import PathMonitor
from health.engine.target_monitor import TargetMonitor

ADDRESS = "127.0.0.1"
KEY = -1
"""Of its path and target; the keys of the configuration are positive."""
TIMING = ProbeTiming(interval_ms=1_000, timeout_ms=1_000, burst_ms=50, hold_ms=500)


class LocalReference:
    """Measured by the engine like any target, with probes of ``kind``."""

    def __init__(self, kind: str, now_ns: int) -> None:
        target = TargetSpec(KEY, ADDRESS)
        spec = PathSpec(KEY, "", "local reference", kind, (target,), 1, TIMING, SlaLimits())
        self._path = PathMonitor(spec, now_ns)

    @property
    def target(self) -> TargetMonitor:
        """What is to be probed."""
        return self._path.targets[0]

    def answers(self) -> bool | None:
        """Whether it does; None when it never has, so that its silence says nothing.

        A host may be told to ignore echoes (``icmp_echo_ignore_all``), or forbid sending them.
        """
        target = self.target
        target.slot = TargetSlot()  # no sample is made of it
        if target.answered_ns is None:
            return None
        return target.liveness.alive is not False and target.fault is None
