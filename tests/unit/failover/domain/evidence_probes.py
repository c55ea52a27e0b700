"""Probes for the tests of evidence: a line with a pace, seen second by second."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from failover.domain.evidence import PathEvidence
from failover.domain.target_evidence import EvidenceSettings
from health.domain.path_spec import SlaLimits
from health.domain.reading import Settled, TargetProbes

SECOND_NS = 1_000_000_000
MS = 1_000_000
GOOD_NS = 20 * MS
LOST = None
BALANCED = EvidenceSettings(50.0, SlaLimits(), 500 * MS)

Rtt = Callable[[int], int | None]
"""The round-trip time in ns of probe number n, None when it is lost."""


def one_in(count: int) -> Rtt:
    """Every ``count``-th probe is lost."""
    return lambda number: LOST if number % count == 0 else GOOD_NS


class Line:
    """Feeds one target of ``evidence`` with probes of 20 ms unless told otherwise."""

    def __init__(self, evidence: PathEvidence, targets: Iterable[int] = (1,)) -> None:
        self.evidence = evidence
        self.targets = tuple(targets)
        self.second = 1000

    def run(
        self,
        seconds: int,
        rtt: Rtt = lambda number: GOOD_NS,
        *,
        only: Iterable[int] | None = None,
        restarted: bool = False,
        blamed: Iterable[int] = (),
    ) -> int | None:
        """Let ``seconds`` pass; targets that are not in ``only`` answer well.

        Returns after how many seconds the path was degraded first, None if never.
        """
        affected = self.targets if only is None else tuple(only)
        interval_ns = self.evidence.settings.interval_ns
        per_second = SECOND_NS // interval_ns
        first = None
        for passed in range(1, seconds + 1):
            began_ns = self.second * SECOND_NS
            numbers = range(passed * per_second, (passed + 1) * per_second)
            probes = []
            for target in self.targets:
                answer = rtt if target in affected else (lambda number: GOOD_NS)
                settled = [
                    Settled(began_ns + index * interval_ns, answer(number))
                    for index, number in enumerate(numbers)
                ]
                probes.append(
                    TargetProbes(target, settled, restarted and passed == 1, target in set(blamed))
                )
            self.second += 1
            self.evidence.observe(probes, self.second * SECOND_NS)
            if first is None and self.evidence.verdict().value:
                first = passed
        return first
