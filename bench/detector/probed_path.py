"""The product's own path monitor, probed in virtual time.

Judging is that of ``health.engine`` (``PathMonitor``, ``TargetMonitor`` and below them
``health.domain``); only sending, arriving and waiting are done here, event by event, because
turning the whole loop for twenty days would take days. A test shows that the loop itself
comes to the same judgements.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Final

from bench.detector.network import Network
from health.domain.liveness import LivenessChange
from health.domain.measurement import Outcome
from health.domain.path_spec import PathSpec
from health.domain.sample import TargetSlot
from health.engine.pacer import JITTER_FRACTION
from health.engine.path_monitor import PathMonitor
from health.engine.target_monitor import MAX_BURST_PROBES, NO_NUMBER, Probe, TargetMonitor
from health.engine.timer_wheel import TICK_NS

_BASE: Final = 0
_BURST: Final = 1
_CHECK: Final = 2
_ANSWER: Final = 3

Event = tuple[int, int, int, Any, int]
"""When (ns), serial number, what, the target or probe, and the round-trip time of an answer."""


class ProbedPath:
    """One path over one made-up line. ``random_fraction`` places its probes, as in the engine."""

    def __init__(
        self,
        spec: PathSpec,
        network: Network,
        random_fraction: Callable[[], float],
        now_ns: int = 0,
    ) -> None:
        self.monitor = PathMonitor(spec, now_ns)
        self.monitor.attend(attended=True)
        self.network = network
        self.deaths = 0
        self._random = random_fraction
        self._events: list[Event] = []
        self._serial = 0
        for target in self.monitor.targets:
            target.grid_ns = now_ns + int(self._random() * target.interval_ns)
            self._plan_base(target)

    def go_on_until(self, until_ns: int) -> int | None:
        """Let time pass; stops early, and says when, as soon as a target died or came back."""
        events = self._events
        while events and events[0][0] <= until_ns:
            at_ns, _, what, subject, rtt_ns = heapq.heappop(events)
            if what == _BASE:
                subject.grid_ns += subject.interval_ns
                self._plan_base(subject)
                change = self._send_base(subject, at_ns, until_ns)
                if change is not None:
                    return change
                continue
            if what == _ANSWER:
                change_kind = self._answer(subject, rtt_ns, at_ns)
            elif what == _CHECK:
                change_kind = self._check(subject, at_ns)
            else:
                self._burst(subject, at_ns)
                continue
            if change_kind is not None:
                return at_ns
        return None

    def close_slots(self) -> None:
        """Forget what only samples need."""
        for target in self.monitor.targets:
            target.slot = TargetSlot()

    # --- events -------------------------------------------------------------------------
    def _plan(self, at_ns: int, what: int, subject: object, rtt_ns: int = 0) -> None:
        self._serial += 1
        heapq.heappush(self._events, (at_ns, self._serial, what, subject, rtt_ns))

    def _plan_base(self, target: TargetMonitor) -> None:
        late_ns = int(self._random() * JITTER_FRACTION * target.interval_ns)
        self._plan(_tick(target.grid_ns + late_ns), _BASE, target)

    def _send_base(self, target: TargetMonitor, at_ns: int, until_ns: int) -> int | None:
        probe = Probe(target, target.window.open(at_ns), at_ns, 0)
        rtt_ns = self.network.rtt_ns(at_ns)
        if rtt_ns is not None and rtt_ns <= target.rtt.tau_ns:
            arrives_ns = at_ns + rtt_ns
            if arrives_ns < self._events[0][0] and arrives_ns <= until_ns:
                # Nothing can happen before: the way over the queue would change nothing.
                return None if self._answer(probe, rtt_ns, arrives_ns) is None else arrives_ns
        self._plan_ends(probe, rtt_ns)
        return None

    def _plan_ends(self, probe: Probe, rtt_ns: int | None) -> None:
        target, at_ns = probe.target, probe.sent_ns
        if rtt_ns is not None and rtt_ns <= target.timeout_ns:
            self._plan(at_ns + rtt_ns, _ANSWER, probe, rtt_ns)
        if rtt_ns is None or rtt_ns > target.rtt.tau_ns:
            self._plan(_tick(at_ns + target.rtt.tau_ns), _CHECK, probe)

    def _answer(self, probe: Probe, rtt_ns: int, at_ns: int) -> LivenessChange | None:
        if not probe.open:
            return None
        probe.open = False
        return self._after(probe.target, probe.target.answered(probe, rtt_ns, at_ns), at_ns)

    def _check(self, probe: Probe, at_ns: int) -> LivenessChange | None:
        """As the loop's: suspect at τ, lost at the timeout."""
        if not probe.open:
            return None
        target = probe.target
        timeout_ns = probe.sent_ns + target.timeout_ns
        if at_ns < timeout_ns:
            self._plan(_tick(timeout_ns), _CHECK, probe)
            if probe.suspect:
                return None
            return self._after(target, target.suspected(probe, at_ns), at_ns)
        probe.open = False
        change = target.lost(probe, Outcome.LOST, "", at_ns)
        return None if probe.suspect else self._after(target, change, at_ns)

    def _burst(self, target: TargetMonitor, at_ns: int) -> None:
        """As the loop's: confirmation probes until an answer, a death, or there are enough."""
        life = target.liveness
        if not life.run or life.alive is False or not target.burst_left:
            target.bursting = False
            return
        target.burst_left -= 1
        self._plan_ends(Probe(target, NO_NUMBER, at_ns, 0), self.network.rtt_ns(at_ns))
        burst_ns = target.path.spec.timing.burst_ms * 1_000_000
        self._plan(_tick(at_ns + max(burst_ns, life.hold_now_ns(at_ns) // 10)), _BURST, target)

    def _after(
        self, target: TargetMonitor, change: LivenessChange | None, at_ns: int
    ) -> LivenessChange | None:
        self.deaths += change is LivenessChange.DIED
        if target.liveness.run == 1 and target.liveness.alive is not False:
            target.burst_left = MAX_BURST_PROBES
            if not target.bursting:
                target.bursting = True
                self._plan(_tick(at_ns), _BURST, target)
        return change


def _tick(at_ns: int) -> int:
    """Timers of the loop fire at whole ticks, never early."""
    return -(-at_ns // TICK_NS) * TICK_NS
