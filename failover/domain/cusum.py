"""Has the share of bad probes risen above what is allowed? Page's cumulative sums.

Each sum weighs "the share is p0" against "it is r·p0" probe by probe and forgets
everything in favour of p0 (E. S. Page, Continuous Inspection Schemes, Biometrika 41,
1954). Three ratios r are watched at once: the small one sees a share little above p0
in the end, the large one sees a much larger share soon. Numbers only; what makes a
probe bad is judged elsewhere.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

RATIOS = (1.5, 2.0, 4.0)
"""How many times p0 each of the sums looks for."""
NEEDED = 12.0
"""A sum from which the share is taken to be too large (h)."""
MOST = 15.0
"""A sum grows no further, or what lasted for hours would be held against a path for hours."""
LEAST_SHARE = 0.005
"""p0 is at least this: below it single probes would be evidence."""
MOST_SHARE = 0.95


class Steps(NamedTuple):
    """What one bad and one good probe add to each sum: log-likelihood ratios."""

    bad: tuple[float, ...]
    good: tuple[float, ...]


def steps_for(share: float) -> Steps:
    """The steps for an allowed share of bad probes (p0, 0–1, taken into its bounds)."""
    allowed = min(max(share, LEAST_SHARE), MOST_SHARE)
    looked_for = [min(MOST_SHARE, ratio * allowed) for ratio in RATIOS]
    return Steps(
        tuple(math.log(other / allowed) for other in looked_for),
        tuple(math.log((1.0 - other) / (1.0 - allowed)) for other in looked_for),
    )


class CusumBank:
    """The sums of one target, and the distinct seconds with a bad probe since each was 0.

    ``idle`` says that every sum is 0. ``seconds`` are counted up to ``secs_needed`` only:
    nobody asks for more.
    """

    __slots__ = ("idle", "seconds", "secs_needed", "sums")

    def __init__(self, secs_needed: int) -> None:
        self.secs_needed = secs_needed
        self.reset()

    def reset(self) -> None:
        """Nothing speaks against the target."""
        self.sums = [0.0] * len(RATIOS)
        self.seconds: list[set[int]] = [set() for _ in RATIOS]
        self.idle = True

    def bad(self, second: int, steps: Steps) -> None:
        """A bad probe was sent in ``second`` (whole seconds of any clock)."""
        self.idle = False
        for index, step in enumerate(steps.bad):
            self.sums[index] = min(MOST, self.sums[index] + step)
            seconds = self.seconds[index]
            if len(seconds) < self.secs_needed:
                seconds.add(second)

    def good(self, steps: Steps) -> None:
        """A probe was good."""
        if self.idle:  # nearly always
            return
        self.idle = True
        for index, step in enumerate(steps.good):
            left = self.sums[index] + step
            if left > 0.0:
                self.sums[index] = left
                self.idle = False
            else:
                self.sums[index] = 0.0
                self.seconds[index].clear()

    def strongest(self) -> tuple[bool, float, int]:
        """Whether a sum is enough; the one that is, else the largest, and its bad seconds."""
        if self.idle:
            return False, 0.0, 0
        return max(
            (total >= NEEDED and len(seconds) >= self.secs_needed, total, len(seconds))
            for total, seconds in zip(self.sums, self.seconds, strict=True)
        )

    def record(self) -> dict[str, Any]:
        """JSON values for ``restore``."""
        return {"sums": self.sums, "seconds": [sorted(seconds) for seconds in self.seconds]}

    def restore(self, record: dict[str, Any]) -> None:
        """Go on where ``record`` was taken."""
        self.sums = [float(total) for total in record["sums"]]
        self.seconds = [set(seconds) for seconds in record["seconds"]]
        self.idle = not any(self.sums)
