"""Opening the one ICMPv4 socket: raw where permitted, else the unprivileged echo socket.

Everything the kernel can filter away is filtered there, so that a busy host's
other ICMP traffic costs nothing here. Sends and receives nothing itself.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from dataclasses import dataclass
from typing import Literal, TypeAlias

from health.probers.base import ProberError, ProberPermissionError
from health.probers.icmp_packet import (
    ECHO_REPLY,
    PARAMETER_PROBLEM,
    TIME_EXCEEDED,
    UNREACHABLE,
)
from health.probers.socket_options import IP_RECVERR, stamp_arrivals, widen_receive_buffer

Mode: TypeAlias = Literal["raw", "unprivileged"]

PERMISSION_CURE = (
    "ICMP probes are not permitted to this process. Cure, any one of: "
    "AmbientCapabilities=CAP_NET_RAW in the systemd unit; "
    "setcap cap_net_raw+ep on the Python interpreter; "
    'or sysctl -w net.ipv4.ping_group_range="0 2147483647" for unprivileged echo sockets'
)

_SOL_RAW = 255
_ICMP_FILTER = 1
_SO_ATTACH_FILTER = 26
_WANTED_TYPES = (ECHO_REPLY, UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM)
_MAX_UNFILTERED = 100_000  # more than the receive buffer can hold
_REFUSED = frozenset({errno.EPERM, errno.EACCES, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT})


@dataclass(frozen=True, slots=True)
class EchoSocketV4:
    """A non-blocking ICMPv4 socket, what kind it is, and the identifier of its requests."""

    sock: socket.socket
    mode: Mode
    identifier: int


def open_echo_socket_v4() -> EchoSocketV4:
    """The best ICMPv4 socket this process may have.

    Raises ``ProberPermissionError`` when it may have none, ``ProberError`` when
    the kernel fails otherwise.
    """
    for open_socket in (_open_raw, _open_unprivileged):
        try:
            return open_socket()
        except OSError as error:
            if error.errno not in _REFUSED:
                raise ProberError(f"cannot open an ICMP socket: {error}") from error
    raise ProberPermissionError(PERMISSION_CURE)


def _open_raw() -> EchoSocketV4:
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    identifier = int.from_bytes(os.urandom(2), "big")
    blocked = 0xFFFFFFFF
    for icmp_type in _WANTED_TYPES:
        blocked &= ~(1 << icmp_type)
    sock.setsockopt(_SOL_RAW, _ICMP_FILTER, struct.pack("@I", blocked))
    _attach_filter(sock, _identifier_filter(identifier))
    _prepare(sock)
    _discard_unfiltered(sock)
    return EchoSocketV4(sock, "raw", identifier)


def _open_unprivileged() -> EchoSocketV4:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    # The kernel chooses the identifier and delivers only replies that carry it.
    sock.bind(("0.0.0.0", 0))
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    _prepare(sock)
    return EchoSocketV4(sock, "unprivileged", int(sock.getsockname()[1]))


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    widen_receive_buffer(sock)
    stamp_arrivals(sock)


def _discard_unfiltered(sock: socket.socket) -> None:
    """Drop what came in before the filters were attached: other processes' answers."""
    for _ in range(_MAX_UNFILTERED):
        try:
            sock.recv(1)
        except BlockingIOError:
            return


def _identifier_filter(identifier: int) -> list[tuple[int, int, int, int]]:
    """A classic BPF program: accept what carries our identifier, drop the rest.

    Offsets count from the outer IP header. An error carries the identifier of
    the request it quotes, behind an inner IP header of variable length.
    """
    return [
        (0xB1, 0, 0, 0),  # 0  X = outer IP header length
        (0x50, 0, 0, 0),  # 1  A = ICMP type
        (0x15, 9, 0, ECHO_REPLY),  # 2  echo reply -> 12
        (0x50, 0, 0, 17),  # 3  A = protocol of the quoted packet
        (0x15, 0, 10, socket.IPPROTO_ICMP),  # 4  not ICMP -> 15
        (0x50, 0, 0, 8),  # 5  A = version and length of the inner IP header
        (0x54, 0, 0, 0x0F),  # 6
        (0x64, 0, 0, 2),  # 7  A = inner IP header length
        (0x0C, 0, 0, 0),  # 8  A += X
        (0x07, 0, 0, 0),  # 9  X = A
        (0x48, 0, 0, 12),  # 10 A = quoted identifier, behind the 8 bytes of the error
        (0x05, 0, 0, 1),  # 11 -> 13
        (0x48, 0, 0, 4),  # 12 A = identifier
        (0x15, 0, 1, identifier),  # 13 not ours -> 15
        (0x06, 0, 0, 0xFFFF),  # 14 accept
        (0x06, 0, 0, 0),  # 15 drop
    ]


def _attach_filter(sock: socket.socket, program: list[tuple[int, int, int, int]]) -> None:
    code = b"".join(struct.pack("@HBBI", *instruction) for instruction in program)
    memory = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count and, after padding, a pointer.
    sock.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("@HP", len(program), ctypes.addressof(memory)),
    )
