"""Real sockets on loopback: reflectors in threads, raw packets, throw-away namespaces."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from health.probers.base import Prober, ProberError, Reply
from health.probers.icmp import IcmpProber
from health.probers.icmp_packet import EchoBuilder
from health.probers.reflector import Reflector
from health.probers.reflector_config import Impairment, Listener, Phase
from health.probers.rtt_clock import RttClock
from health.probers.stamp import StampProber
from tests.conftest import missing_layer

REPOSITORY = Path(__file__).parents[3]


def collect(prober: Prober, wanted: int, patience_secs: float = 3.0) -> list[Reply]:
    """The first ``wanted`` replies, or fewer when patience ends."""
    replies: list[Reply] = []
    deadline = time.monotonic() + patience_secs
    while len(replies) < wanted and (left := deadline - time.monotonic()) > 0:
        select.select(prober.sockets(), [], [], min(left, 0.005))
        replies += prober.receive()
    return replies


def await_rejection(prober: Prober, patience_secs: float = 3.0) -> list[Reply]:
    """Read until a packet was rejected; returns what was accepted meanwhile."""
    replies: list[Reply] = []
    before = prober.rejected.total()
    deadline = time.monotonic() + patience_secs
    while prober.rejected.total() == before and (left := deadline - time.monotonic()) > 0:
        select.select(prober.sockets(), [], [], min(left, 0.005))
        replies += prober.receive()
    return replies


class SteppedClock(RttClock):
    """Real clocks, whose wall time can be set off by ``step_ns``."""

    __slots__ = ("step_ns",)

    def __init__(self) -> None:
        self.step_ns = 0
        super().__init__(lambda: time.time_ns() + self.step_ns)


@pytest.fixture
def helpers() -> Any:
    """Functions for the tests of this folder."""

    class Helpers:
        collect = staticmethod(collect)
        await_rejection = staticmethod(await_rejection)
        clock = staticmethod(SteppedClock)

    return Helpers


@pytest.fixture
def raw_socket() -> Iterator[socket.socket]:
    """A raw ICMP socket of a bystander, to forge packets with."""
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:
        missing_layer("needs CAP_NET_RAW: run as root to test ICMP on the wire")
    with sock:
        yield sock


@pytest.fixture
def icmp(raw_socket: socket.socket) -> Iterator[Callable[..., IcmpProber]]:
    """Makes ICMP probers that are closed afterwards."""
    with contextlib.ExitStack() as stack:

        def make(clock: RttClock | None = None) -> IcmpProber:
            prober = IcmpProber(clock)
            stack.callback(prober.close)
            return prober

        yield make


@pytest.fixture
def outgoing(raw_socket: socket.socket, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The echo requests that probers build, as a host on the path would see them."""
    seen: list[bytes] = []
    build = EchoBuilder.request

    def record(self: EchoBuilder, sequence: int, token: bytes) -> bytes:
        seen.append(build(self, sequence, token))
        return seen[-1]

    monkeypatch.setattr(EchoBuilder, "request", record)
    return seen


@pytest.fixture
def stamp() -> Iterator[Callable[..., StampProber]]:
    """Makes STAMP probers that are closed afterwards."""
    with contextlib.ExitStack() as stack:

        def make(clock: RttClock | None = None) -> StampProber:
            prober = StampProber(clock)
            stack.callback(prober.close)
            return prober

        yield make


class MovableReflector(Reflector):
    """A reflector whose phases pass by moving ``clock_offset`` (nanoseconds), not by waiting."""

    def __init__(self, listener: Listener, seed: int, **options: Any) -> None:
        self.clock_offset = [0]
        clock = RttClock(monotonic_ns=lambda: time.monotonic_ns() + self.clock_offset[0])
        super().__init__([listener], random.Random(seed), clock, **options)


@pytest.fixture
def reflect() -> Iterator[Callable[..., Reflector]]:
    """Starts reflectors in threads; their ports are chosen by the kernel."""
    stopping = threading.Event()
    with contextlib.ExitStack() as stack:

        def start(
            *,
            host: str = "127.0.0.1",
            seed: int = 1,
            phases: tuple[Phase, ...] = (),
            stateless: bool = False,
            max_pps_per_source: int = 0,
            **impairment: float,
        ) -> MovableReflector:
            listener = Listener(host, 0, Impairment(**impairment), phases)
            try:
                reflector = MovableReflector(
                    listener, seed, stateless=stateless, max_pps_per_source=max_pps_per_source
                )
            except ProberError as error:
                missing_layer(f"cannot listen on {host}: {error}")
            thread = threading.Thread(target=reflector.serve, args=(stopping.is_set,))
            thread.start()
            stack.callback(reflector.close)
            stack.callback(thread.join)
            stack.callback(stopping.set)
            return reflector

        yield start


@pytest.fixture
def namespace() -> Callable[..., Any]:
    """Runs a script in a network namespace of its own and returns the JSON it prints.

    The namespace has no name and vanishes with the processes in it.
    """

    def run(setup: str, script: str, *, without_raw: bool = False) -> Any:
        python = [sys.executable, "-c", script]
        if without_raw:
            caps = "-net_raw,-net_admin"
            python = ["setpriv", "--inh-caps", caps, "--bounding-set", caps, *python]
        shell = f'set -e; ip link set lo up; {setup}\nexec "$@"'
        done = subprocess.run(
            ["unshare", "--net", "bash", "-c", shell, "bash", *python],
            cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        if "unshare failed" in done.stderr:
            missing_layer("needs root for a network namespace")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        missing_layer("needs root for a network namespace")
    return run
