"""``make lab-demo``: the product in the branch, its console in a browser, faults by single keys.

Everything is real but the lines: routes of the branch's kernel are moved, and the user's
stream shows what that costs. Needs root; when it ends, nothing is left. No judgement about the
product belongs here.
"""

from __future__ import annotations

import argparse
import os
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.lab import faults
from tests.lab.doorway import Doorway
from tests.lab.product import Wanted, environment, seeded
from tests.lab.stream import Recording, Stream
from tests.lab.two_providers import ROOT, TwoProviders

KEYS = {
    "b": "blackhole", "l": "loss", "u": "bursts", "t": "latency", "j": "jitter",
    "c": "carrier_lost", "d": "set_down", "x": "line_down", "e": "echo_policed",
    "n": "renewed", "r": "route_deleted",
}  # fmt: skip
"""The lower-case letter breaks fibre (wan1), the capital cable (wan2); once more: repairs."""
ONCE = {"renewed", "route_deleted"}
VANTAGE = "local"
STREAM_US = 10_000
SHORTEST = 3
"""Datagrams in a row that make an outage worth telling."""


class Demo:
    """The network, what is broken in it, and what was last told of it."""

    def __init__(self, net: TwoProviders) -> None:
        self.net = net
        self._broken: set[tuple[str, int]] = set()
        self._carrying: int | None = 0

    def press(self, key: str) -> bool:
        """Do what the key says; False when it says to end."""
        if key in ("q", "\x03", "\x04", ""):
            return False
        if key == "0":
            for name, uplink in sorted(self._broken):
                self._toggle(name, uplink)
        elif key.lower() in KEYS:
            self._toggle(KEYS[key.lower()], 1 if key.islower() else 2)
        elif key == "?":
            say(help_text())
        return True

    def _toggle(self, name: str, uplink: int) -> None:
        fault = (name, uplink)
        if fault in self._broken:
            self._broken.discard(fault)
            faults.end(self.net, name, uplink)
            say(f"wan{uplink} repaired: {name}")
            return
        if name not in ONCE:
            self._broken.add(fault)
        faults.begin(self.net, name, uplink)
        say(f"wan{uplink} broken: {name}. {faults.FAULTS[name].sentence}.")

    def look(self) -> None:
        """Tell when the kernel sends the user's packets another way than before."""
        carrying = self.net.carrying()
        if carrying != self._carrying:
            self._carrying = carrying
            way = f"by wan{carrying}" if carrying else "nowhere: there is no route"
            say(f"the user's packets leave {way}")


def help_text() -> str:
    """The keys, as people read them."""
    rows = [
        f"  {key}  {key.upper()}   {name:<14} {faults.FAULTS[name].sentence}"
        for key, name in KEYS.items()
    ]
    return "\n".join(
        ["  wan1 wan2", *rows, "  0      repair everything     ?  this list     q  end everything"]
    )


def say(text: str) -> None:
    """One line, with the time."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)  # noqa: T201


def tell(recording: Recording) -> None:
    """What the user has missed."""
    missed = recording.outages(answers=True, at_least=SHORTEST)
    say(f"The user's stream: {len(recording.packets)} datagrams, {len(missed)} outages.")
    for outage in missed:
        way = f"wan{outage.provider_before} → wan{outage.provider_after}"
        say(f"  {outage.secs:6.2f} s   {way}")


@contextmanager
def product(net: TwoProviders, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """``manage.py up`` inside the branch, with the lab's network configured."""
    policy: dict[str, Any] = {"executor": "linux", "failback_delay_secs": 15}
    seeded(net.directory, Wanted(profile="realtime", vantage=VANTAGE, policy=policy))
    words = [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(port)]
    # A session of its own: Ctrl-C is for the demo, which then ends the product in order.
    running = subprocess.Popen(
        net.branch.command(*words),
        env=environment(net.directory, VANTAGE), cwd=ROOT, stdin=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


@contextmanager
def single_keys() -> Iterator[None]:
    """A terminal that gives each key at once; nothing when there is none."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def main() -> int:
    """Build, run until ``q``, Ctrl-C or the end of the input, remove everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="of 127.0.0.1, for the browser")
    port = parser.parse_args().port
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists():
        print("The lab makes network namespaces and TUN devices: run it as root, with "  # noqa: T201
              "/dev/net/tun.", file=sys.stderr)  # fmt: skip
        return 1
    with ExitStack() as stack:
        net = stack.enter_context(TwoProviders(nat="snat"))
        stack.callback(Doorway(net.branch, port).close)
        running = stack.enter_context(product(net, port))
        stream = stack.enter_context(Stream(net, interval_us=STREAM_US))
        stack.enter_context(single_keys())
        say(f"two providers, a branch, a head office; everything under {net.directory}")
        say("keys:\n" + help_text())
        try:
            attend(Demo(net), running)
        except KeyboardInterrupt:
            say("ending")
        tell(stream.stop())
    return 0


def attend(demo: Demo, running: subprocess.Popen[bytes]) -> None:
    """Keys and changes, until somebody ends it or the product has ended by itself."""
    while running.poll() is None:
        demo.look()
        if select.select([sys.stdin], [], [], 0.2)[0] and not demo.press(
            os.read(sys.stdin.fileno(), 1).decode(errors="replace")
        ):
            return
    say(f"the product has ended with code {running.returncode}")


if __name__ == "__main__":
    sys.exit(main())
