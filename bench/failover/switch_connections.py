"""D6: how long flows that are translated to a line's address stay unanswered by a switch.

Flows of a host behind the branch ask once a millisecond while their default route moves; timed
is from the order to the first answer that comes by the new line, for the slowest flow. Once
with `connections` of the policy, once without (given up after a second). The order's share until
the new route is in force, with its fence on disk, is told apart. Then what forgetting
costs beside 20,000 flows of others, and what ``conntrack -D`` takes for the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.failover.switch import Stopwatch
from bench.report import Figure, median_figure, report
from failover.executors.base import Connections
from failover.executors.connections import forget_connections
from failover.executors.linux import LinuxExecutor
from tests.functional.failover.executors.branch import HQ, Branch, order
from tests.functional.failover.executors.flows import Echo, Flow
from tests.lab.namespaces import Namespace

SOURCES = {1: "10.1.0.2", 2: "10.2.0.2"}
GIVE_UP_SECS = 1.0
OTHERS = 20_000
_VERIFIED = 3
"""Which of the executor's readings of its clock is that of the route read back."""


def main() -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--flows", type=int, default=20)
    options = parser.parse_args()
    branch = Branch(with_hq=True)
    assert branch.hq is not None
    echo = Echo(branch.hq, HQ)
    try:
        lan = branch.add_lan()
        with TemporaryDirectory() as folder, branch.router.inside():
            clock = Stopwatch()
            executor = LinuxExecutor(Path(folder), clock=clock)
            executor.apply(executor.plan(order(1, 1)))
            figures = measure_flows(executor, clock, lan, options.rounds, options.flows)
            figures += measure_cost(branch)
    finally:
        echo.close()
        branch.close()
    report("failover_connections", figures)
    return 0


def measure_flows(
    executor: LinuxExecutor, clock: Stopwatch, lan: Namespace, rounds: int, count: int
) -> list[Figure]:
    """With and without, in turns."""
    with_ms: list[float] = []
    after_route_ms: list[float] = []
    answered = {Connections.OLD_PATH: 0, Connections.NONE: 0}
    for number in range(2 * rounds):
        which = Connections.OLD_PATH if number % 2 == 0 else Connections.NONE
        to = 2 - number % 2
        flows = [Flow(lan, HQ) for _ in range(count)]
        for flow in flows:
            flow.ask_until_answered(GIVE_UP_SECS)
        plan = executor.plan(order(to, 2 + number, came_from=3 - to, connections=which))
        clock.readings = []
        began = time.monotonic()
        executor.apply(plan)
        in_force = began + clock.readings[_VERIFIED] - clock.readings[0]
        slowest, some = until_all_answer(flows, SOURCES[to], began)
        answered[which] += some
        if which is Connections.OLD_PATH:
            with_ms.append(slowest * 1000.0)
            after_route_ms.append((began + slowest - in_force) * 1000.0)
        for flow in flows:
            flow.close()
    total = rounds * count
    return [
        median_figure("order given to all flows answered, p50", with_ms, "ms"),
        Figure("order given to all flows answered, worst", max(with_ms), "ms", rounds),
        median_figure("route in force to all flows answered, p50", after_route_ms, "ms"),
        Figure("route in force to all flows answered, worst", max(after_route_ms), "ms", rounds,
               "≤ 100"),
        Figure("flows answered again", 100.0 * answered[Connections.OLD_PATH] / total, "%", rounds),
        Figure(
            f"flows answered again within {GIVE_UP_SECS:g} s without forgetting",
            100.0 * answered[Connections.NONE] / total, "%", rounds,
        ),
    ]  # fmt: skip


def until_all_answer(flows: list[Flow], source: str, began: float) -> tuple[float, int]:
    """Ask with every flow each millisecond; seconds until the last, and how many were answered."""
    waiting = set(flows)
    slowest = 0.0
    while waiting and time.monotonic() - began < GIVE_UP_SECS:
        for flow in list(waiting):
            if source in flow.answers():
                waiting.discard(flow)
                slowest = time.monotonic() - began
            else:
                flow.send()
        time.sleep(0.001)
    return (GIVE_UP_SECS if waiting else slowest), len(flows) - len(waiting)


def measure_cost(branch: Branch) -> list[Figure]:
    """Forgetting one flow among many, by netlink and by ``conntrack``."""
    branch.router.shell("conntrack -F 2>/dev/null")
    with TemporaryDirectory() as folder:
        listed = Path(folder) / "others"
        listed.write_text(
            "".join(
                f"-I -p udp -s 10.0.{n // 250}.{1 + n % 250} -d 192.0.2.9 --sport {1024 + n} "
                "--dport 53 -t 600\n"
                for n in range(OTHERS)
            )
        )
        branch.router.shell(f"conntrack -R {listed} 2>/dev/null")
    tracked = int(branch.router.shell("conntrack -C").strip())
    ours, by_tool = [], []
    for _ in range(11):
        ours.append(_timed(branch, lambda: forget_connections(Connections.OLD_PATH, ["10.1.0.2"])))
        by_tool.append(
            _timed(
                branch,
                lambda: subprocess.run(
                    ["conntrack", "-D", "--reply-dst", "10.1.0.2"], capture_output=True, check=False
                ),
            )
        )
    return [
        Figure("connections of others beside it", tracked, "", 1),
        median_figure("forgetting by netlink, p50", ours, "ms"),
        median_figure("forgetting by `conntrack -D`, p50", by_tool, "ms"),
        Figure("connections of others left", int(branch.router.shell("conntrack -C")), "", 1,
               str(tracked)),
    ]  # fmt: skip


def _timed(branch: Branch, forget: Callable[[], object]) -> float:
    branch.router.shell(
        "conntrack -I -p udp -s 10.0.0.2 -d 198.51.100.7 --sport 9 --dport 9 -t 300 "
        "--reply-src 198.51.100.7 --reply-dst 10.1.0.2 --reply-port-src 9 --reply-port-dst 9 "
        "2>/dev/null"
    )
    began = time.perf_counter()
    forget()
    return (time.perf_counter() - began) * 1000.0


if __name__ == "__main__":
    sys.exit(main())
