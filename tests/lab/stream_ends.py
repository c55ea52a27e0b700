"""The two ends of a stream of datagrams, as processes: one sends, the other answers and notes.

``python stream_ends.py send ADDRESS PORT INTERVAL_US FILE``, ``… answer ADDRESS PORT FILE``.
Standard library alone, so that an end starts in a moment and its pace is its own. Both end
with their standard input and then write what they noted, as JSON; nothing is judged here.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

_NUMBER = struct.Struct("!Q")
_PR_SET_TIMERSLACK = 29
_IP_PKTINFO = 8
_IPV6_RECVPKTINFO, _IPV6_PKTINFO = 49, 50
_IP_FREEBIND, _IPV6_FREEBIND = 15, 78
_STDIN = 0
_LINGER_SECS = 0.3
"""For what is still under way."""


def send(address: str, port: int, interval_us: int, file: Path) -> None:
    """A datagram every ``interval_us``; after a delay of this process those that are due."""
    sent: list[int] = []
    answered: dict[int, int] = {}
    refused: list[int] = []
    with _socket(address) as stream:
        stream.setblocking(False)
        stream.connect((address, port))
        _say_ready()
        due = time.monotonic_ns()
        while True:
            now = time.monotonic_ns()
            while due <= now:
                sent.append(time.monotonic_ns())
                try:
                    stream.send(_NUMBER.pack(len(sent) - 1))
                except OSError:
                    refused.append(len(sent) - 1)
                due += interval_us * 1000
            wait = max(0, due - time.monotonic_ns()) / 1e9
            readable, _, _ = select.select([stream, _STDIN], [], [], wait)
            if _STDIN in readable:
                break
            _collect(stream, answered)
        ends_at = time.monotonic() + _LINGER_SECS
        while (left := ends_at - time.monotonic()) > 0:
            select.select([stream], [], [], left)
            _collect(stream, answered)
    file.write_text(json.dumps({"sent": sent, "refused": refused, "answered": answered}))


def answer(address: str, port: int, file: Path) -> None:
    """Send every datagram back, and note when and over which interface it came."""
    arrived: dict[int, tuple[int, str]] = {}
    with _socket(address) as stream:
        if ":" in address:
            stream.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
            stream.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        else:
            stream.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            stream.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        stream.bind((address, port))
        _say_ready()
        while True:
            readable, _, _ = select.select([stream, _STDIN], [], [])
            if readable == [_STDIN]:
                break
            data, extra, _, sender = stream.recvmsg(64, 256)
            at_ns = time.monotonic_ns()
            arrived.setdefault(_NUMBER.unpack(data)[0], (at_ns, _interface(extra)))
            try:
                stream.sendto(data, sender)
            except OSError:
                continue  # no way back: the sender will miss it
    file.write_text(json.dumps(arrived))


def _say_ready() -> None:
    """Whoever started this end waits for it."""
    print("ready", flush=True)  # noqa: T201


def _socket(address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.socket(family, socket.SOCK_DGRAM)


def _collect(stream: socket.socket, answered: dict[int, int]) -> None:
    while (number := _received(stream)) is not None:
        answered.setdefault(number, time.monotonic_ns())


def _received(stream: socket.socket) -> int | None:
    try:
        return int(_NUMBER.unpack(stream.recv(64))[0])
    except OSError:  # nothing more, or an ICMP error for an earlier one
        return None


def _interface(extra: list[tuple[int, int, bytes]]) -> str:
    for level, kind, data in extra:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            return socket.if_indextoname(struct.unpack_from("@i", data)[0])
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            return socket.if_indextoname(struct.unpack_from("@i", data, 16)[0])
    raise RuntimeError("The kernel did not tell the interface of arrival.")


def be_punctual() -> None:
    """Run before everything else on a busy machine, and sleep as finely as the kernel can.

    Otherwise the load of the machine would look like a fault of the network. Where real-time
    priority is not allowed, things stay as they are, and ``Recording.resolution_ns`` tells.
    """
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)  # 50 µs by default, prctl(2)
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def main(words: list[str]) -> None:
    """Run one end; the garbage collector must not pause it."""
    gc.disable()
    be_punctual()
    if words[0] == "send":
        send(words[1], int(words[2]), int(words[3]), Path(words[4]))
    else:
        answer(words[1], int(words[2]), Path(words[3]))


if __name__ == "__main__":
    main(sys.argv[1:])
