"""Route netlink on the wire: requests, dumps and the socket that hears of changes.

Spoken directly instead of through a library, for three properties: a dump is
filtered in the kernel and its messages are dropped by their fixed header (a router
with a full Internet table has a million routes), the event socket is filtered in
the kernel too, and lost events (ENOBUFS) come out as what they are. Numbers are
those of include/uapi/linux/{netlink,rtnetlink}.h. Knows no meaning of messages.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from typing import TypeAlias

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 0x1, 0x4, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400
NLM_F_DUMP_INTR = 0x10

_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_SOL_NETLINK = 270
_NETLINK_GET_STRICT_CHK = 12
_SO_RCVBUFFORCE, _SO_ATTACH_FILTER = 33, 26
_ANSWER_WITHIN_SECS = 5.0
_MAX_DATAGRAM = 1 << 17
_DUMP_ATTEMPTS = 3
_EVENT_BUFFER_BYTES = 1 << 20
# link, v4 address, v4 route, v4 rule, v6 address, v6 route, v6 rule, v4 netconf (rp_filter)
_EVENT_GROUPS = 0x1 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x40000 | 0x800000

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERRNO = struct.Struct("=i")

Message: TypeAlias = tuple[int, bytes]
"""Type and body (without the netlink header) of one message."""
Attributes: TypeAlias = dict[int, bytes]


def attribute(kind: int, payload: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    length = _ATTRIBUTE.size + len(payload)
    return _ATTRIBUTE.pack(length, kind) + payload + bytes(-length % 4)


def attributes(body: bytes, offset: int) -> Attributes:
    """The attributes of a message behind its fixed header; a malformed rest is left out."""
    found: Attributes = {}
    while offset + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if length < _ATTRIBUTE.size or offset + length > len(body):
            break
        found[kind & 0x3FFF] = body[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


class RouteSocket:
    """Asks and tells the kernel, one request at a time. Not thread-safe.

    Every method raises ``OSError`` with the kernel's errno, or ``TimeoutError``.
    """

    def __init__(self, bus: int = socket.NETLINK_ROUTE) -> None:
        self._sequence = 0
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, bus)
        try:
            self._socket.settimeout(_ANSWER_WITHIN_SECS)
            self._socket.bind((0, 0))
            self._filter_in_kernel()
        except OSError:
            self._socket.close()
            raise

    def _filter_in_kernel(self) -> None:
        try:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_GET_STRICT_CHK, 1)
        except OSError as error:
            if error.errno != errno.ENOPROTOOPT:  # before Linux 4.20: filtered here only
                raise

    def request(self, kind: int, flags: int, body: bytes) -> list[Message]:
        """Send one request and return what it is answered with, until it is acknowledged."""
        messages: list[Message] = []
        for _, message in self._exchange(kind, flags | NLM_F_ACK, body):
            messages.append(message)
        return messages

    def dump(
        self, kind: int, body: bytes, keep: Callable[[bytes], bool] = lambda _: True
    ) -> list[bytes]:
        """The bodies of a whole dump that ``keep`` wants; repeated when it was inconsistent."""
        bodies: list[bytes] = []
        for _ in range(_DUMP_ATTEMPTS):
            interrupted = False
            bodies = []
            for flags, (_kind, message) in self._exchange(kind, NLM_F_DUMP, body):
                interrupted |= bool(flags & NLM_F_DUMP_INTR)
                if keep(message):
                    bodies.append(message)
            if not interrupted:
                break
        return bodies

    def _exchange(self, kind: int, flags: int, body: bytes) -> Iterator[tuple[int, Message]]:
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        length = _HEADER.size + len(body)
        header = _HEADER.pack(length, kind, flags | NLM_F_REQUEST, self._sequence, 0)
        self._socket.send(header + body)
        while True:
            data = self._socket.recv(_MAX_DATAGRAM)
            for got, got_flags, sequence, payload in _split(data):
                if sequence != self._sequence:
                    continue  # of an exchange that was given up
                if got == _NLMSG_ERROR:
                    _raise_refusal(payload)
                    return
                if got == _NLMSG_DONE:
                    _raise_refusal(payload or bytes(4))
                    return
                yield got_flags, (got, payload)

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self._socket.close()


class EventSocket:
    """Hears of every change of links, addresses, rules, default routes and our own routes."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        try:
            self._socket.setblocking(False)
            self._attach(_event_filter(protocol))
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _EVENT_BUFFER_BYTES)
            except PermissionError:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _EVENT_BUFFER_BYTES)
            self._socket.bind((0, _EVENT_GROUPS))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """For ``select``."""
        return self._socket.fileno()

    def receive(self, at_most: int = 4096) -> tuple[list[Message], bool]:
        """What has arrived, and whether events were lost since; never blocks."""
        messages: list[Message] = []
        lost = False
        for _ in range(at_most):
            try:
                data = self._socket.recv(_MAX_DATAGRAM)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                lost = True
                continue
            messages += [(kind, payload) for kind, _, _, payload in _split(data)]
        return messages, lost

    def _attach(self, program: list[tuple[int, int, int, int]]) -> None:
        code = b"".join(struct.pack("@HBBI", *instruction) for instruction in program)
        memory = ctypes.create_string_buffer(code, len(code))
        # struct sock_fprog: a count and, after padding, a pointer.
        self._socket.setsockopt(
            socket.SOL_SOCKET,
            _SO_ATTACH_FILTER,
            struct.pack("@HP", len(program), ctypes.addressof(memory)),
        )

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self._socket.close()


def _event_filter(protocol: int) -> list[tuple[int, int, int, int]]:
    """A classic BPF program: of routes let default routes and those of ``protocol`` pass.

    A router that learns a full table from its peers changes thousands a second.
    """
    low_byte_of_type = 4 if sys.byteorder == "little" else 5
    return [
        (0x30, 0, 0, low_byte_of_type),  # 0 A = message type, below 256
        (0x15, 1, 0, RTM_NEWROUTE),  # 1 a route -> 3
        (0x15, 0, 4, RTM_DELROUTE),  # 2 no route -> 7
        (0x30, 0, 0, _HEADER.size + 1),  # 3 A = rtm_dst_len
        (0x15, 2, 0, 0),  # 4 a default route -> 7
        (0x30, 0, 0, _HEADER.size + 5),  # 5 A = rtm_protocol
        (0x15, 0, 1, protocol),  # 6 not ours -> 8
        (0x06, 0, 0, 0xFFFFFFFF),  # 7 accept
        (0x06, 0, 0, 0),  # 8 drop
    ]


def _split(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, sequence, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, flags, sequence, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def _raise_refusal(payload: bytes) -> None:
    number = -_ERRNO.unpack_from(payload)[0] if len(payload) >= _ERRNO.size else 0
    if number:
        raise OSError(number, os.strerror(number))
