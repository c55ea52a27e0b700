"""A bystander that answers in others' names: forged, altered, repeated and late echo replies.

It sees every packet of the namespace on loopback, as a neighbour on a shared line
would, but it never sends a true and timely answer: whatever a prober accepts of
this is a defect. Imports nothing of the code that is being judged.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable

_ETH_IP = 0x0800
_PKTINFO = 8
_ECHO_REPLY, _ECHO_REQUEST, _UNREACHABLE = 0, 8, 3
LATE_AFTER_SECS = 0.6


def checksummed(message: bytes) -> bytes:
    """``message`` with the checksum of RFC 1071 in its place."""
    padded = message + b"\0" * (len(message) % 2)
    value = 0xFFFF - int.from_bytes(padded[:2] + b"\0\0" + padded[4:], "big") % 0xFFFF
    return message[:2] + struct.pack("!H", value) + message[4:]


def _reply(request: bytes) -> bytes:
    return checksummed(b"\0\0\0\0" + request[4:])


def _altered(position: int) -> Callable[[bytes], bytes]:
    def alter(request: bytes) -> bytes:
        changed = bytearray(_reply(request))
        changed[position] ^= 0x55
        return checksummed(bytes(changed))

    return alter


def _error(request: bytes) -> bytes:
    """Destination unreachable, quoting the request with another token."""
    quoted = request[:8] + bytes(byte ^ 0x55 for byte in request[8:16]) + request[16:]
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(quoted), 0, 0, 64, 1, 0,
        socket.inet_aton("127.0.0.1"), socket.inet_aton("127.250.0.1"),
    )  # fmt: skip
    return checksummed(struct.pack("!BBHI", _UNREACHABLE, 1, 0, 0) + header + quoted)


VARIANTS: dict[str, Callable[[bytes], bytes]] = {
    "first byte of the token": _altered(8),
    "last byte of the token": _altered(15),
    "sequence": _altered(7),
    "identifier": _altered(4),
    "checksum": lambda request: _reply(request)[:-1] + bytes([request[-1] ^ 0x55]),
    "too short": lambda request: checksummed(_reply(request)[:12]),
    "too long": lambda request: checksummed(_reply(request) + b"more"),
    "code": lambda request: checksummed(b"\0\1" + _reply(request)[2:]),
    "error with another token": _error,
}


class Forger:
    """Works in a thread of its own until ``stop``; ``sent`` counts by kind of forgery.

    ``silent_network`` is the prefix (as text) of the addresses that answer
    nothing; live ones get their true answers twice.
    """

    def __init__(self, silent_network: str) -> None:
        self.sent: Counter[str] = Counter()
        self._silent = socket.inet_aton(silent_network)[:2]
        self._late: deque[tuple[float, bytes, bytes]] = deque()
        self._stopping = False
        self._eye = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_IP))
        self._eye.bind(("lo", _ETH_IP))
        self._eye.settimeout(0.05)
        self._mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._ours: set[bytes] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to forge."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the sockets."""
        self._stopping = True
        self._thread.join()
        self._eye.close()
        self._mouth.close()

    def _run(self) -> None:
        while not self._stopping:
            try:
                packet, (_, _, direction, *_) = self._eye.recvfrom(2048)
            except TimeoutError:
                packet, direction = b"", socket.PACKET_OUTGOING
            if direction != socket.PACKET_OUTGOING and len(packet) > 28 and packet[9] == 1:
                self._see(packet[12:16], packet[16:20], packet[20:])
            while self._late and self._late[0][0] <= time.monotonic():
                self._send("late", *self._late.popleft()[1:])

    def _see(self, source: bytes, destination: bytes, message: bytes) -> None:
        if message[0] == _ECHO_REQUEST and destination[:2] == self._silent:
            for name, forge in VARIANTS.items():
                self._send(name, forge(message), destination)
            self._send("another source", _reply(message), b"\x7f\xfb\0\1")
            self._late.append((time.monotonic() + LATE_AFTER_SECS, _reply(message), destination))
        elif message[0] == _ECHO_REPLY and source[:2] == b"\x7f\x09":
            if message in self._ours:  # our own copy comes by
                self._ours.discard(message)
                return
            self._ours.add(message)
            self._send("duplicate", message, source)

    def _send(self, name: str, message: bytes, source: bytes) -> None:
        pktinfo = struct.pack("@i4s4s", 0, source, bytes(4))
        ancillary = [(socket.IPPROTO_IP, _PKTINFO, pktinfo)]
        self._mouth.sendmsg([message], ancillary, 0, ("127.0.0.1", 0))
        self.sent[name] += 1
