"""Is what the product shows as active what the kernel does? ``python -m bench lab_shown``.

Twenty minutes of faults by a seeded script, in a network of its own. Ten times a second the
state that console and API read is set beside ``ip route get`` for the user's packets; each
time in which they differ is one figure. The script knows nothing of the product.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from bench.report import Figure, report
from tests.lab import faults
from tests.lab.product import UPLINK_OF, Product, Wanted, seeded
from tests.lab.two_providers import TwoProviders

LASTING = (
    "blackhole",
    "blackhole_down",
    "line_down",
    "carrier_lost",
    "set_down",
    "loss",
    "latency",
)
MOMENTARY = ("route_deleted", "renewed")
EVERY_SECS = 8.0
LOOK_SECS = 0.1


class Script:
    """What happens next; at most one lasting fault for each uplink."""

    def __init__(self, net: TwoProviders, seed: int) -> None:
        self._net = net
        self._dice = random.Random(seed)
        self._broken: dict[int, str] = {}
        self.last = "nothing"

    def step(self) -> None:
        """Break something or repair something."""
        self._step()
        done = self._net.truth.entries()[-1]
        self.last = f"{done['what']} {done.get('name', '')} of uplink {done['uplink']}"

    def _step(self) -> None:
        uplink = self._dice.choice((1, 2))
        if uplink in self._broken:
            faults.end(self._net, self._broken.pop(uplink), uplink)
        elif self._dice.random() < 0.25:
            faults.begin(self._net, self._dice.choice(MOMENTARY), uplink)
        else:
            self._broken[uplink] = self._dice.choice(LASTING)
            faults.begin(self._net, self._broken[uplink], uplink)


class Comparison:
    """How long state and kernel differed, each time, and what had been done last."""

    def __init__(self) -> None:
        self.secs: list[float] = []
        self.after: list[str] = []
        self.looks = 0
        self._since: float | None = None

    def look(self, shown: int | None, real: int | None, now: float, last: str) -> None:
        """One look at both; ``last`` is what the script did last."""
        self.looks += 1
        if shown == real:
            if self._since is not None:
                self.secs.append(now - self._since)
            self._since = None
        elif self._since is None:
            self._since = now
            self.after.append(f"shown {shown}, real {real} after {last}")

    def end(self, now: float) -> None:
        """What differs at the end counts until then."""
        if self._since is not None:
            self.secs.append(now - self._since)


def main() -> int:
    """Run the script and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("The lab makes network namespaces: run it as root.", file=sys.stderr)
        return 1
    policy = {"executor": "linux", "failback_delay_secs": 5}
    with (
        tempfile.TemporaryDirectory(prefix="pathwarden-bench-") as folder,
        TwoProviders() as net,
        Product(net, seeded(Path(folder), Wanted(policy=policy))) as product,
    ):
        product.start()
        product.wait_ready()
        comparison = _compare(product, Script(net, options.seed), options.minutes * 60)
        switches = len(product.switches())
    for secs, after in zip(comparison.secs, comparison.after, strict=True):
        print(f"  {secs:6.2f} s   {after}")
    longest = max(comparison.secs, default=0.0)
    report(
        "lab_shown",
        [
            Figure("shown and real differed, longest", longest, "s", comparison.looks, "≤ 1"),
            Figure("  how often", len(comparison.secs), "times", comparison.looks),
            Figure("  in all", sum(comparison.secs), "s", comparison.looks),
            Figure("switches meanwhile", switches, "", 1),
        ],
    )
    return 0


def _compare(product: Product, script: Script, secs: float) -> Comparison:
    comparison = Comparison()
    ends_at = time.monotonic() + secs
    step_at = time.monotonic()
    while (now := time.monotonic()) < ends_at:
        if now >= step_at:
            script.step()
            step_at = now + EVERY_SECS
        shown = UPLINK_OF.get(str(product.state().get("active")))
        comparison.look(shown, product.net.carrying(), time.monotonic(), script.last)
        time.sleep(LOOK_SECS)
    comparison.end(time.monotonic())
    return comparison


if __name__ == "__main__":
    sys.exit(main())
