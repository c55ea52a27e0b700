"""One target on trial: its last ten seconds, what makes a probe of it bad, and the sums.

What the health score would say decides, not limits of its own: θ is the loss at which
the score, at the latency and jitter of the last ten seconds, meets the policy's
threshold. Paths and quorums may not enter; they are judged in ``evidence``.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from failover.domain.cusum import LEAST_SHARE, MOST_SHARE, CusumBank, Steps, steps_for
from health.domain.path_spec import SlaLimits
from health.domain.reading import Settled, TargetProbes
from health.domain.scoring import health_score

EVIDENCE_FROM = 30
"""Settled probes that evidence needs, counted from the last restart of the window."""
RECENT_NS = 10_000_000_000
RECENT_PROBES = 10
"""The recent past are the last 10 s, or ten intervals if they are longer."""
LEAST_RECENT = 5
"""Probes from which the recent past has a score."""
FORGIVEN = 1
"""Lost probes that a recent score does not count."""
LEAST_BAD_PER_SECOND = 2
MOST_BAD_SHARE = 0.6
"""At most max(2, 60 % of a second's probes) bad ones of one second count: a burst is one event."""
SECONDS_KEPT = 16
"""Seconds whose bad probes are remembered; probes settle in any order within their timeout."""
_SECOND_NS = 1_000_000_000
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """What evidence is judged by: the policy's threshold (0–100), the member's limits and pace.

    ``interval_ns`` is the spacing of base probes to one target in nanoseconds,
    ``bad_secs_needed`` the distinct seconds with a bad probe that evidence needs, ``quorum``
    the targets that must be clean.
    """

    failover_threshold: float
    limits: SlaLimits
    interval_ns: int
    bad_secs_needed: int = 8
    quorum: int = 1


class Allowance(NamedTuple):
    """What a target may do at present: θ in percent, the RTT in ns from which a probe is bad.

    ``slowest_ns`` is below 0 when jitter alone takes the score below the threshold.
    """

    theta_pct: float
    slowest_ns: float
    steps: Steps


def allowance(
    settings: EvidenceSettings, latency_ms: float | None, jitter_ms: float | None
) -> Allowance:
    """Solve the score formula (``health.domain.scoring``) for loss, and for one probe's RTT.

    The threshold leaves ln(100/threshold) of excess. ``latency_ms`` and ``jitter_ms`` are
    those of the recent past, None when nothing supports them.
    """
    limits, threshold = settings.limits, settings.failover_threshold
    left = math.log(100.0 / threshold) if threshold > 0.0 else math.inf
    latency_weight, loss_weight = limits.latency_weight, limits.packet_loss_weight
    if jitter_ms is None:
        known = latency_weight + loss_weight or 1.0
        latency_weight, loss_weight = latency_weight / known, loss_weight / known
    else:
        left -= limits.jitter_weight * max(0.0, jitter_ms / limits.jitter_ms - 1.0)
    slowest_ms = _where_it_ends(limits.latency_ms, latency_weight, left)
    if latency_ms is not None:
        left -= latency_weight * max(0.0, latency_ms / limits.latency_ms - 1.0)
    loss_pct = _where_it_ends(limits.packet_loss_pct, loss_weight, left)
    theta_pct = min(max(0.0, loss_pct), 100.0)
    return Allowance(theta_pct, slowest_ms * _NS_PER_MS, steps_for(theta_pct / 100.0))


def _where_it_ends(limit: float, weight: float, left: float) -> float:
    """The value at which one metric uses up what is left; below 0 when nothing is left."""
    if left < 0.0:
        return -1.0
    return limit * (1.0 + left / weight) if weight > 0.0 else math.inf


class TargetEvidence:
    """Collects the base probes of one target and what they say."""

    def __init__(self, settings: EvidenceSettings) -> None:
        self.blamed = False
        self.bank = CusumBank(settings.bad_secs_needed)
        self.change(settings)
        self.begin_anew()

    def change(self, settings: EvidenceSettings) -> None:
        """Judge by other settings from now on; the recent past is kept, the sums are not."""
        self._settings = settings
        self._span_ns = max(RECENT_NS, RECENT_PROBES * settings.interval_ns)
        per_second = _SECOND_NS / settings.interval_ns
        # Less a trifle, because 0.6 · 5 is not to be rounded up to 4.
        share = math.ceil(MOST_BAD_SHARE * per_second - 1e-9)
        self._most_bad_per_second = max(LEAST_BAD_PER_SECOND, share)
        self.bank.secs_needed = settings.bad_secs_needed
        self._quiet = allowance(settings, None, 0.0)
        self.allowance = self._quiet
        self.reset()

    def reset(self) -> None:
        """Hold nothing against the target; its recent past is kept."""
        self.bank.reset()
        self.slow_count = 0
        self._bad_in: dict[int, int] = {}

    def begin_anew(self) -> None:
        """The window was restarted: what was known before says nothing about now."""
        self.reset()
        self.settled = 0
        self._recent: deque[tuple[int, int | None, int | None]] = deque()
        self._answers = self._rtt_sum = self._variation_sum = self._variations = 0
        self._last_rtt: int | None = None
        self.allowance = self._quiet

    def observe(self, probes: TargetProbes, now_ns: int) -> None:
        """Take the probes that settled since the last call into account."""
        self.blamed = probes.blamed
        if probes.restarted:
            self.begin_anew()
        settled = probes.settled
        for probe in settled:
            self._enter(*probe)
        self._forget_before(now_ns - self._span_ns)
        if settled:
            self.settled += len(settled)
            self.allowance = self._allowance_now()
            self._judge(settled)

    def score(self) -> float | None:
        """The health score 0–100 of the recent past, None with too few probes.

        One lost probe is forgiven: it may be chance, and of 20 probes it alone would cost 45
        points, reason enough to move traffic to and fro between two equal lines.
        """
        sent, answers = len(self._recent), self._answers
        if sent < LEAST_RECENT:
            return None
        if not answers:
            return 0.0
        loss_pct = 100.0 * max(0, sent - answers - FORGIVEN) / sent
        latency_ms = self._rtt_sum / answers / _NS_PER_MS
        return health_score(latency_ms, loss_pct, self._jitter_ms(), self._settings.limits)

    def _judge(self, settled: Sequence[Settled]) -> None:
        _, slowest_ns, steps = self.allowance
        bank = self.bank
        for sent_ns, rtt_ns in settled:
            if rtt_ns is not None and rtt_ns <= slowest_ns:
                bank.good(steps)
            elif self._counts(second := sent_ns // _SECOND_NS):
                bank.bad(second, steps)
                self.slow_count += rtt_ns is not None
        if bank.idle:
            self.slow_count = 0

    def _counts(self, second: int) -> bool:
        """Enter one more bad probe of ``second``; False when it has had enough of them."""
        bad_in = self._bad_in
        count = bad_in[second] = bad_in.get(second, 0) + 1
        if len(bad_in) > SECONDS_KEPT:
            del bad_in[min(bad_in)]
        return count <= self._most_bad_per_second

    # --- the recent past --------------------------------------------------------------
    def _enter(self, sent_ns: int, rtt_ns: int | None) -> None:
        variation = None
        if rtt_ns is not None:
            self._answers += 1
            self._rtt_sum += rtt_ns
            # Between successive answers, as RFC 3550 §6.4.1 has it: at 30 % loss strict
            # neighbours would be too few to tell.
            if self._last_rtt is not None:
                variation = abs(rtt_ns - self._last_rtt)
                self._variation_sum += variation
                self._variations += 1
            self._last_rtt = rtt_ns
        self._recent.append((sent_ns, rtt_ns, variation))

    def _forget_before(self, oldest_ns: int) -> None:
        recent = self._recent
        while recent and recent[0][0] < oldest_ns:
            _, rtt_ns, variation = recent.popleft()
            if rtt_ns is not None:
                self._answers -= 1
                self._rtt_sum -= rtt_ns
            if variation is not None:
                self._variation_sum -= variation
                self._variations -= 1
        if not recent:
            self._last_rtt = None

    def _jitter_ms(self) -> float | None:
        if not self._variations:
            return None
        return self._variation_sum / self._variations / _NS_PER_MS

    def _allowance_now(self) -> Allowance:
        latency_ms = self._rtt_sum / self._answers / _NS_PER_MS if self._answers else None
        jitter_ms, limits = self._jitter_ms(), self._settings.limits
        if (
            latency_ms is not None
            and latency_ms <= limits.latency_ms
            and jitter_ms is not None
            and jitter_ms <= limits.jitter_ms
        ):
            return self._quiet  # nearly always
        return allowance(self._settings, latency_ms, jitter_ms)

    # --- words ------------------------------------------------------------------------
    def claim(self) -> str:
        """What the sums speak for, as in "that loss exceeds 5.5 %"."""
        theta_pct, slowest_ns, _ = self.allowance
        share = f"{min(max(theta_pct, 100.0 * LEAST_SHARE), 100.0 * MOST_SHARE):.1f} %"
        if slowest_ns < 0.0:
            return f"jitter keeps the score below {self._settings.failover_threshold:g}"
        if self.slow_count:
            return f"probes lost or slower than {slowest_ns / _NS_PER_MS:.0f} ms exceed {share}"
        return f"loss exceeds {share}"

    # --- hand-over --------------------------------------------------------------------
    def record(self) -> dict[str, Any]:
        """JSON values for ``restore``; times are monotonic nanoseconds of this host."""
        return {
            "bank": self.bank.record(),
            "settled": self.settled,
            "blamed": self.blamed,
            "slow_count": self.slow_count,
            "bad_in": sorted(self._bad_in.items()),
            "recent": [(sent_ns, rtt_ns) for sent_ns, rtt_ns, _ in self._recent],
        }

    def restore(self, record: dict[str, Any]) -> None:
        """Go on where ``record`` was taken."""
        self.begin_anew()
        for sent_ns, rtt_ns in record["recent"]:
            self._enter(sent_ns, rtt_ns)
        self.bank.restore(record["bank"])
        self.settled, self.blamed = record["settled"], record["blamed"]
        self.slow_count = record["slow_count"]
        self._bad_in = dict(record["bad_in"])
        self.allowance = self._allowance_now()
