"""The two lines between providers and head office: a process that reads packets and delays them.

``python -m tests.lab.emulator``. Each line has a TUN device at either end, in namespaces that
exist already. What enters one end comes out of the other when its lane says so. Kernels
without ``tc netem`` need such a thing, and a user-space line knows the fate of every packet.

The first line of standard input describes the lines, each further one is an order, answered by
one line: JSON. When the input ends, as it does when whoever started this dies, everything
left of the network is removed. It knows nothing of faults or of the product.
"""

from __future__ import annotations

import dataclasses
import fcntl
import heapq
import itertools
import json
import os
import select
import shutil
import struct
import time
from typing import Any

from tests.lab.impairment import FATES, Impairment, Lane
from tests.lab.namespaces import entered, remove
from tests.lab.stream_ends import be_punctual

_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_AT_MOST = 64
"""Packets read from one device before the others are looked at."""
_LOOK_UP_SECS = 1.0


def open_tun(namespace: str, name: str) -> int:
    """The descriptor of a new TUN device ``name`` in ``namespace``; it lives as long."""
    with entered(f"/run/netns/{namespace}"):
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        request = struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return descriptor


@dataclasses.dataclass(slots=True)
class Pipe:
    """One direction: where packets come in, where they go out, and what happens between."""

    lane: Lane
    source: int
    drain: int
    refused: int = 0
    """Packets that the far device did not take: it is down."""
    late_ns: int = 0
    """The worst lateness of this process itself."""


class Emulator:
    """The lines, their packets under way, and the orders of whoever started it."""

    def __init__(self, lines: dict[str, dict[str, list[str]]]) -> None:
        self._pipes: dict[str, Pipe] = {}
        self._under_way: list[tuple[float, int, Pipe, bytes]] = []
        self._number = itertools.count()
        for line, ends in lines.items():
            near, far = (open_tun(*ends[end]) for end in ("near", "far"))
            self._pipes[f"{line}/up"] = Pipe(Lane(f"{line} up"), near, far)
            self._pipes[f"{line}/down"] = Pipe(Lane(f"{line} down"), far, near)
        self._by_source = {pipe.source: pipe for pipe in self._pipes.values()}

    def run(self, orders: int) -> None:
        """Carry packets until the descriptor ``orders`` ends."""
        unread = b""
        while True:
            # select() alone waits for microseconds; epoll for milliseconds.
            readable, _, _ = select.select([*self._by_source, orders], [], [], self._deliver())
            for descriptor in readable:
                if descriptor != orders:
                    self._take(self._by_source[descriptor])
            if orders in readable:
                text = os.read(orders, 65_536)
                if not text:
                    return
                *complete, unread = (unread + text).split(b"\n")
                for order in complete:
                    print(json.dumps(self._obey(json.loads(order))), flush=True)  # noqa: T201

    def _take(self, pipe: Pipe) -> None:
        for _ in range(_AT_MOST):
            try:
                packet = os.read(pipe.source, 65_536)
            except OSError:  # nothing more, or the device is down
                return
            if _stays_on_wire(packet):
                continue
            now = time.monotonic()
            out_at = pipe.lane.fate(packet, now)
            if out_at is not None:
                heapq.heappush(self._under_way, (out_at, next(self._number), pipe, packet))

    def _deliver(self) -> float:
        """Let out what is due; returns the seconds until something else is."""
        while self._under_way:
            out_at, _, pipe, packet = self._under_way[0]
            left = out_at - time.monotonic()
            if left > 0:
                return min(left, _LOOK_UP_SECS)
            heapq.heappop(self._under_way)
            pipe.late_ns = max(pipe.late_ns, int(-left * 1e9))
            try:
                os.write(pipe.drain, packet)
            except OSError:
                pipe.refused += 1
        return _LOOK_UP_SECS

    def _obey(self, order: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._impair(order) if order["do"] == "impair" else self._counts()
        except (KeyError, TypeError, ValueError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return {"at_ns": time.monotonic_ns(), **answer}

    def _impair(self, order: dict[str, Any]) -> dict[str, Any]:
        for name in order["pipes"]:
            self._pipes[name].lane.impairment = Impairment(**order["settings"])
        return {}

    def _counts(self) -> dict[str, Any]:
        return {
            "counts": {
                name: {
                    **{fate: pipe.lane.counts[fate] for fate in FATES},
                    "refused": pipe.refused,
                    "late_ns": pipe.late_ns,
                }
                for name, pipe in self._pipes.items()
            }
        }


def _stays_on_wire(packet: bytes) -> bool:
    """IPv6's own talk with its neighbours (RFC 4291 §2.7: link-local multicast)."""
    return packet[0] >> 4 == 6 and packet[24:26] == b"\xff\x02"


def main() -> None:
    """Make the lines, say so, carry packets, and clean up in any case."""
    be_punctual()
    setting = json.loads(_first_line())
    try:
        emulator = Emulator(setting["lines"])
        print("ready", flush=True)  # noqa: T201
        emulator.run(0)
    finally:
        for namespace in setting["namespaces"]:
            remove(namespace)
        shutil.rmtree(setting["directory"], ignore_errors=True)


def _first_line() -> bytes:
    """By single bytes: what follows belongs to ``run``."""
    line = b""
    while (byte := os.read(0, 1)) not in (b"\n", b""):
        line += byte
    return line


if __name__ == "__main__":
    main()
