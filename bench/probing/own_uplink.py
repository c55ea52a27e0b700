"""D9: how soon a repaired uplink is reachable again over itself, traffic being on the other.

Two uplinks with the same source and the same gateway, in namespaces of their own; the
keeper prepares the probe routes, and a probe leaves over wan1 every 200 ms as the state
told last says. Each round breaks wan1, moves the default route to wan2, repairs wan1
and measures from the end of the repair to the third answer. The providers' own
counters say whether any probe of wan1 reached the other one: that must be none.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from bench.report import Figure, median_figure, report
from health.domain.path_spec import PathSpec, ProbeTiming, SlaLimits, TargetSpec
from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.engine.loop import ProbeEngine
from health.probers.icmp import IcmpProber
from tests.lab.links import PointToPoint
from tests.lab.two_uplinks import GATEWAY, SOURCE, TARGET, Pinger, TwoUplinks, Watcher, specs

INTERVAL_SECS = 0.2
ANSWERS = 3
MUST = f"≤ {3 * INTERVAL_SECS + ANSWERS * INTERVAL_SECS:.1f}"
"""Figure D9: 3 × interval + 3 answers."""
GIVE_UP_SECS = 10.0
BROKEN_SECS = 0.7


class SteadyProbes:
    """One probe of one uplink per interval, from a thread in the caller's namespace."""

    def __init__(self, watcher: Watcher, key: int) -> None:
        self.answers: list[float] = []
        self._watcher = watcher
        self._key = key
        self._ending = threading.Event()
        self._pinger = Pinger(4)
        self._thread = threading.Thread(target=self._probe, name="probes")
        self._thread.start()

    def _probe(self) -> None:
        due = time.monotonic()
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            due += INTERVAL_SECS
            state = self._watcher.now(self._key)
            if self._may_leave(state) and self._pinger.ping(state, wait_secs=INTERVAL_SECS * 0.8):
                self.answers.append(time.monotonic())

    @staticmethod
    def _may_leave(state: UplinkState) -> bool:
        return state.link is LinkState.UP and state.route is RouteState.VERIFIED

    def third_answer_after(self, moment: float) -> float:
        """Seconds from ``moment`` to the third answer; ``GIVE_UP_SECS`` when it never came."""
        while time.monotonic() < moment + GIVE_UP_SECS:
            since = [at for at in self.answers if at > moment]
            if len(since) >= ANSWERS:
                return since[ANSWERS - 1] - moment
            time.sleep(0.01)
        return GIVE_UP_SECS

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        self._thread.join()
        self._pinger.close()


class Measuring:
    """The probe engine itself, with one path over one uplink, in a thread."""

    def __init__(self, watcher: Watcher, key: int) -> None:
        timing = ProbeTiming(
            interval_ms=int(INTERVAL_SECS * 1000), timeout_ms=1000, burst_ms=50, hold_ms=500
        )
        targets = (TargetSpec(1, TARGET),)
        path = PathSpec(1, "1", "path", "icmp", targets, 1, timing, SlaLimits(), uplink=key)
        self._prober = IcmpProber()
        self._engine = ProbeEngine({"icmp": self._prober})
        self._engine.submit_uplinks(watcher.told[-1][1])
        watcher.also = self._engine.submit_uplinks
        self._engine.configure([path])
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._engine.run, args=(self._ending.is_set,), name="engine"
        )
        self._thread.start()

    def secs_until(self, reachable: bool) -> float:
        """Seconds from now until the path is reachable, or not; at most ``GIVE_UP_SECS``."""
        began = time.monotonic()
        while time.monotonic() < began + GIVE_UP_SECS:
            reading = self._engine.readings.get(1)
            if reading is not None and reading.reachable is reachable:
                return time.monotonic() - began
            time.sleep(0.003)
        return GIVE_UP_SECS

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        self._thread.join()
        self._prober.close()


class Branch:
    """The lab, its keeper and the probes of wan1."""

    def __init__(self, stack: ExitStack) -> None:
        self.lab = TwoUplinks()
        stack.callback(self.lab.close)
        stack.enter_context(self.lab.branch.inside())
        self.watcher = Watcher()
        stack.callback(self.watcher.keeper.close)
        self.dial_in: PointToPoint | None = None
        stack.callback(self.hang_up)
        dial_in = UplinkSpec(3, "uid-3", "line 3", "ppp0", ProbeRouteMode.MANAGED)
        self.watcher.keeper.configure([*specs(), dial_in])
        self.watcher.wait_verified(1, 2)

    def hang_up(self) -> None:
        """End the session of the point-to-point link."""
        if self.dial_in is not None:
            self.dial_in.close()
            self.dial_in = None

    def dial(self, number: int) -> None:
        """A new session with an address of its own."""
        self.dial_in = PointToPoint("ppp0")
        self.lab.branch.ip(f"addr add 10.64.0.{10 + number} peer 10.64.0.1/32 dev ppp0")
        self.lab.branch.ip("link set ppp0 up")


Step = Callable[[Branch, int], None]


def _lose_target(branch: Branch, number: int) -> None:
    branch.lab.isps[1].ip(f"addr del {TARGET}/32 dev lo")
    branch.lab.move_default(2)


def _regain_target(branch: Branch, number: int) -> None:
    branch.lab.isps[1].ip(f"addr add {TARGET}/32 dev lo")


def _lose_address(branch: Branch, number: int) -> None:
    branch.lab.move_default(2)
    branch.lab.branch.ip("addr flush dev wan1 scope global")


def _renew(branch: Branch, number: int) -> None:
    subnet = f"192.168.{10 + number % 100}"
    branch.lab.isps[1].ip(f"addr replace {subnet}.1/24 dev p0")
    branch.lab.branch.ip(f"addr add {subnet}.2/24 dev wan1")
    branch.lab.branch.ip(f"route replace default via {subnet}.1 dev wan1 metric 100")


def _cable_out(branch: Branch, number: int) -> None:
    branch.lab.isps[1].ip("link set p0 down")
    branch.lab.move_default(2)


def _cable_in(branch: Branch, number: int) -> None:
    branch.lab.isps[1].ip("link set p0 up")


def _set_down(branch: Branch, number: int) -> None:
    branch.lab.move_default(2)
    branch.lab.branch.ip("link set wan1 down")


def _set_up(branch: Branch, number: int) -> None:
    branch.lab.branch.ip("link set wan1 up")


def _delete(branch: Branch, number: int) -> None:
    branch.lab.move_default(2)
    branch.lab.branch.ip("link del wan1")


def _make_anew(branch: Branch, number: int) -> None:
    branch.lab.plug(1)
    branch.lab.give_provider_addresses(1)
    branch.lab.branch.ip(f"addr replace {SOURCE}/24 dev wan1")
    branch.lab.branch.ip(f"route append default via {GATEWAY} dev wan1 metric 100")


def _nothing(branch: Branch, number: int) -> None:
    branch.lab.move_default(2)


def _delete_ours(branch: Branch, number: int) -> None:
    branch.lab.branch.ip("route flush table 173001")
    branch.lab.branch.ip("rule del priority 173 fwmark 0xad000001")


def _hang_up(branch: Branch, number: int) -> None:
    branch.hang_up()


def _dial(branch: Branch, number: int) -> None:
    branch.dial(number)


class Event(NamedTuple):
    """How a line breaks and how it is repaired; ``kills`` when the path dies of it."""

    name: str
    key: int
    break_it: Step
    repair_it: Step
    kills: bool = True


EVENTS = (
    Event("line repaired, default route on wan2", 1, _lose_target, _regain_target),
    Event("address and gateway renewed", 1, _lose_address, _renew, kills=False),
    Event("carrier flap", 1, _cable_out, _cable_in),
    Event("interface down and up", 1, _set_down, _set_up),
    Event("interface deleted and made anew", 1, _delete, _make_anew),
    Event("probe route deleted by somebody", 1, _nothing, _delete_ours, kills=False),
    Event("point-to-point session anew", 3, _hang_up, _dial),
)


class Times(NamedTuple):
    """Seconds from the end of each repair, and how many probes took the other uplink."""

    third_answer: list[float]
    reachable: list[float]
    strayed: int


def main() -> None:
    """Measure every event ``--rounds`` times and report median and worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    figures: list[Figure] = []
    for event in EVENTS:
        times = measure(event, rounds)
        figures += [
            median_figure(f"{event.name}: third answer", times.third_answer, "s", MUST),
            median_figure("  worst round", [max(times.third_answer)], "s", MUST),
            median_figure("  probes seen by the other provider", [times.strayed], "", "0"),
        ]
        if event.kills:  # otherwise it has never been called anything else
            figures += [
                median_figure("  the engine calls it reachable", times.reachable, "s", MUST),
                median_figure("  worst round", [max(times.reachable)], "s", MUST),
            ]
    told = carrier_loss_told(rounds)
    figures += [
        median_figure("carrier lost: told, after the command that cuts it began", told, "ms"),
        median_figure("  worst round", [max(told)], "ms"),
    ]
    report("own_uplink", figures)


def measure(event: Event, rounds: int) -> Times:
    """Break and repair so many times."""
    times = Times([], [], 0)
    with ExitStack() as stack:
        branch = Branch(stack)
        if event.key == 3:
            branch.dial(rounds)
            branch.watcher.wait_verified(3)
        probes = SteadyProbes(branch.watcher, event.key)
        stack.callback(probes.close)
        engine = Measuring(branch.watcher, event.key)
        stack.callback(engine.close)
        engine.secs_until(reachable=True)
        elsewhere = branch.lab.echoes(2)
        for number in range(rounds):
            event.break_it(branch, number)
            if event.kills:
                engine.secs_until(reachable=False)
            time.sleep(BROKEN_SECS)
            event.repair_it(branch, number)
            repaired = time.monotonic()
            times.reachable.append(engine.secs_until(reachable=True))
            times.third_answer.append(probes.third_answer_after(repaired))
        return times._replace(strayed=branch.lab.echoes(2) - elsewhere)


def carrier_loss_told(rounds: int) -> list[float]:
    """Milliseconds from the start of ``ip link set p0 down`` at the provider to the new state.

    Some 3 ms of it are the start of ``ip``.
    """
    times: list[float] = []
    with ExitStack() as stack:
        branch = Branch(stack)
        for _ in range(rounds):
            began = time.monotonic_ns()
            branch.lab.isps[1].ip("link set p0 down")
            branch.watcher.wait(lambda told: told[1].link is LinkState.DOWN, "carrier lost")
            at = next(
                at
                for at, states in branch.watcher.told
                if at > began and states[1].link is LinkState.DOWN
            )
            times.append((at - began) / 1e6)
            branch.lab.isps[1].ip("link set p0 up")
            branch.watcher.wait_verified(1)
            time.sleep(1.2)  # the kernel tells changes of one link at most once a second
    return times


if __name__ == "__main__":
    main()
