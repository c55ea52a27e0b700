"""The window against a naive one that keeps a list and counts everything anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from health.domain.window import EMPTY_METRICS, ProbeWindow, WindowMetrics

MS = 1_000_000
INTERVAL_MS = 100
SPAN_MS = 60 * INTERVAL_MS
TIMEOUT_MS = 10 * INTERVAL_MS


@dataclass
class Probe:
    sent_ms: int
    result: int | str | None = None
    """RTT in ns, "lost", "ignored", or None while under way."""

    @property
    def rtt(self) -> int | None:
        return self.result if isinstance(self.result, int) else None


@dataclass
class NaiveWindow:
    probes: list[Probe] = field(default_factory=list)
    first: int = 0

    def metrics(self) -> WindowMetrics:
        kept = self.probes[self.first :]
        settled = [probe for probe in kept if probe.rtt is not None or probe.result == "lost"]
        rtts = [probe.rtt for probe in kept if probe.rtt is not None]
        if not settled:
            return EMPTY_METRICS
        loss = 100.0 * (len(settled) - len(rtts)) / len(settled)
        if not rtts:
            return EMPTY_METRICS._replace(sent=len(settled), packet_loss_pct=loss)
        pairs = [
            abs(one.rtt - other.rtt)
            for one, other in pairwise(kept)
            if one.rtt is not None and other.rtt is not None
        ]
        return WindowMetrics(
            len(settled),
            len(rtts),
            sum(rtts) / len(rtts) / MS,
            min(rtts) / MS,
            max(rtts) / MS,
            loss,
            sum(pairs) / len(pairs) / MS if pairs else None,
        )


class WindowMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.window = ProbeWindow(SPAN_MS * MS, INTERVAL_MS * MS, TIMEOUT_MS * MS)
        self.naive = NaiveWindow()
        self.now_ms = 0

    @rule(count=st.integers(1, 30))
    def send(self, count: int) -> None:
        for _ in range(count):
            self.let_time_pass(INTERVAL_MS)
            number = self.window.open(self.now_ms * MS)
            assert number == len(self.naive.probes)
            self.naive.probes.append(Probe(self.now_ms))

    @rule(results=st.lists(st.integers(0, 10**10) | st.sampled_from("lliw"), max_size=30))
    def settle_the_latest(self, results: list[int | str]) -> None:
        """In reverse order of sending; "w" leaves a probe under way."""
        latest = range(len(self.naive.probes) - 1, -1, -1)
        for number, result in zip(latest, results, strict=False):
            self._settle(number, result)

    def _settle(self, number: int, result: int | str) -> None:
        if result == "w":
            return
        if isinstance(result, int):
            self.window.answer(number, result)
        elif result == "l":
            self.window.lose(number)
        else:
            self.window.ignore(number)
        probe = self.naive.probes[number]
        if probe.result is None and number >= self.naive.first:
            probe.result = {"l": "lost", "i": "ignored"}.get(str(result), result)

    @rule(later_ms=st.integers(0, 2 * SPAN_MS))
    def let_time_pass(self, later_ms: int) -> None:
        self.now_ms += later_ms
        self.window.expire(self.now_ms * MS)
        probes = self.naive.probes
        while (
            self.naive.first < len(probes)
            and probes[self.naive.first].sent_ms < self.now_ms - SPAN_MS
        ):
            self.naive.first += 1

    @rule(back=st.integers(0, 30))
    def restart(self, back: int) -> None:
        number = len(self.naive.probes) - 1 - back
        self.window.restart_after(number)
        self.naive.first = max(self.naive.first, number + 1)

    @precondition(lambda self: len(self.window) > 0)
    @rule()
    def hand_over(self) -> None:
        """A successor's window says the same; this one goes on."""
        heir = ProbeWindow(SPAN_MS * MS, INTERVAL_MS * MS, TIMEOUT_MS * MS)
        heir.refill(self.window.history())
        assert heir.metrics() == self.window.metrics()

    @invariant()
    def says_what_the_naive_window_says(self) -> None:
        # Sums are whole nanoseconds, so the figures are equal and not merely close.
        assert self.window.metrics() == self.naive.metrics()


TestWindow = WindowMachine.TestCase
TestWindow.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
