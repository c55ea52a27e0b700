"""Network namespaces of the tests' own, and ICMP probers of each mode and family in them."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from health.probers import icmp_socket
from health.probers.base import Reply, WireTarget
from health.probers.icmp import IcmpProber
from health.probers.icmp_packet import EchoBuilder
from health.probers.rtt_clock import RttClock
from tests.conftest import missing_layer

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
GROUPS = Path("/proc/sys/net/ipv4/ping_group_range")
# All addresses of these networks are this host's in a namespace of the tests.
ADDRESS = {"IPv4": "127.0.{}.{}", "IPv6": "fd77::{}:{}"}


def until(prober: IcmpProber, done: Callable[[list[Reply]], bool], patience: float) -> list[Reply]:
    """All replies until ``done`` of them, or until patience ends."""
    replies: list[Reply] = []
    deadline = time.monotonic() + patience
    while True:
        replies += prober.receive()
        if done(replies) or time.monotonic() >= deadline:
            return replies
        time.sleep(0.002)


class Helpers:
    """Functions for the tests of this folder."""

    INPUT_CHAIN = "add table inet t; add chain inet t in { type filter hook input priority 0; }"

    @staticmethod
    def collect(prober: IcmpProber, wanted: int, patience_secs: float = 5.0) -> list[Reply]:
        """The first ``wanted`` replies, or fewer when patience ends."""
        return until(prober, lambda replies: len(replies) >= wanted, patience_secs)

    @staticmethod
    def await_rejection(
        prober: IcmpProber, wanted: int = 1, patience_secs: float = 5.0
    ) -> list[Reply]:
        """Read until so many packets were rejected; returns what was accepted meanwhile."""
        before = prober.rejected.total()
        return until(prober, lambda _: prober.rejected.total() >= before + wanted, patience_secs)

    @staticmethod
    def send(prober: IcmpProber, target: WireTarget, timeout_ns: int = 5_000_000_000) -> int:
        """One probe along a lane of its own."""
        return prober.send(prober.prepare(target), timeout_ns)

    @staticmethod
    def run(*command: str) -> str:
        """A command in the namespace of this thread; returns what it prints."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout


@pytest.fixture
def helpers() -> type[Helpers]:
    """Functions for the tests of this folder."""
    return Helpers


@pytest.fixture
def own_net(helpers: type[Helpers]) -> Iterator[None]:
    """Puts this thread into a network namespace of its own, where everybody may ping.

    It has no name and vanishes with the last socket in it.
    """
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    if os.geteuid() != 0 or libc.unshare(CLONE_NEWNET) != 0:
        os.close(home)
        missing_layer("needs root for a network namespace")
    try:
        helpers.run("ip", "link", "set", "lo", "up")
        helpers.run("ip", "-6", "addr", "add", "fd77::1/128", "dev", "lo", "nodad")
        helpers.run("ip", "-6", "route", "add", "local", "fd77::/64", "dev", "lo")
        GROUPS.write_text("0 2147483647")
        yield
    finally:
        assert libc.setns(home, CLONE_NEWNET) == 0
        os.close(home)


@dataclass
class Echo:
    """One of the four ways to ping, in a namespace of its own."""

    mode: str
    family: str
    make: Callable[..., IcmpProber]

    def target(self, number: int = 1, **options: Any) -> WireTarget:
        """One of 50,000 addresses of this host."""
        address = ADDRESS[self.family].format(1 + number // 200, 2 + number % 200)
        return WireTarget(address, **options)

    @property
    def socket_family(self) -> socket.AddressFamily:
        """AF_INET or AF_INET6."""
        return socket.AF_INET6 if self.family == "IPv6" else socket.AF_INET


@pytest.fixture
def make_prober(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., IcmpProber]]:
    """Makes ICMP probers, in either mode, that are closed afterwards."""
    with contextlib.ExitStack() as stack:

        def make(mode: str = "raw", clock: RttClock | None = None) -> IcmpProber:
            with monkeypatch.context() as patch:
                if mode == "unprivileged":
                    patch.setattr(icmp_socket, "_open_raw", _forbidden)
                prober = IcmpProber(clock)
                prober.prepare(WireTarget("::1"))  # opens the socket of IPv6
            stack.callback(prober.close)
            assert prober.mode == mode
            return prober

        yield make


def _forbidden(family: socket.AddressFamily) -> None:
    raise PermissionError(errno.EPERM, "as to a user without CAP_NET_RAW")


@pytest.fixture(params=["raw", "unprivileged"])
def mode(request: pytest.FixtureRequest) -> str:
    """How the prober may open its sockets."""
    return str(request.param)


@pytest.fixture(params=["IPv4", "IPv6"])
def family(request: pytest.FixtureRequest) -> str:
    """The address family."""
    return str(request.param)


@pytest.fixture
def echo(own_net: None, mode: str, family: str, make_prober: Callable[..., IcmpProber]) -> Echo:
    """Each of the four ways to ping in turn."""
    return Echo(mode, family, lambda clock=None: make_prober(mode, clock))


@pytest.fixture
def outgoing(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The echo requests that probers build, as a host on the path would see them."""
    seen: list[bytes] = []
    build = EchoBuilder.request

    def record(self: EchoBuilder, sequence: int, token: int) -> bytes:
        seen.append(build(self, sequence, token))
        return seen[-1]

    monkeypatch.setattr(EchoBuilder, "request", record)
    return seen
