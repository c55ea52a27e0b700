"""Did the kernel have to throw answers away because nobody read them in time?

Then silence says nothing about the network: the probes since are void, not lost.
"""

from __future__ import annotations

from collections.abc import Mapping

from health.engine.target_monitor import Probe
from health.probers.base import Prober


class Deafness:
    """When the receive buffers of each kind last overflowed; times are monotonic nanoseconds."""

    def __init__(self, probers: Mapping[str, Prober]) -> None:
        self._probers = probers
        self._known: dict[str, tuple[int, int]] = {}

    def since(self, probe: Probe, now_ns: int) -> bool:
        """True when packets were dropped since the probe left; asks the kernel."""
        kind = probe.target.kind
        dropped = self._probers[kind].dropped()
        known, noticed_ns = self._known.get(kind, (0, -1))
        if dropped > known:
            noticed_ns = now_ns
        # Fewer: a socket has been closed, and its count with it.
        self._known[kind] = (dropped, noticed_ns)
        return noticed_ns >= probe.sent_ns
