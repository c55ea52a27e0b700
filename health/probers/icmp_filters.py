"""What the kernel throws away before it wakes anybody: filters of the raw ICMP sockets.

A raw socket is shown all ICMP of the host. Types are filtered by ICMP_FILTER
(raw(7)) and ICMP6_FILTER (RFC 3542 §3.2), other people's echoes by a classic BPF
program on our part of the identifier (Linux: Documentation/networking/filter.rst).
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable
from typing import TypeAlias

from health.probers.icmp_packet import (
    ECHO_REPLY,
    ECHO_REPLY_V6,
    ERRORS_V6,
    PARAMETER_PROBLEM,
    TIME_EXCEEDED,
    UNREACHABLE,
)

Program: TypeAlias = list[tuple[int, int, int, int]]

_SOL_RAW = 255
_ICMP_FILTER = 1
_ICMP6_FILTER = 1
_SO_ATTACH_FILTER = 26
_WANTED_TYPES = (ECHO_REPLY, UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM)
_WANTED_TYPES_V6 = (ECHO_REPLY_V6, *ERRORS_V6)


def filter_raw_v4(sock: socket.socket, identifier: int, mask: int) -> None:
    """Let through answers to, and errors about, echo requests with our bits in the identifier."""
    blocked = _all_but(_WANTED_TYPES, 32)
    sock.setsockopt(_SOL_RAW, _ICMP_FILTER, blocked)
    _attach(sock, identifier_v4(identifier, mask))


def filter_raw_v6(sock: socket.socket, identifier: int, mask: int) -> None:
    """The same for ICMPv6."""
    blocked = _all_but(_WANTED_TYPES_V6, 256)
    sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, blocked)
    _attach(sock, identifier_v6(identifier, mask))


def _all_but(wanted: Iterable[int], bits: int) -> bytes:
    """A set of blocked types: 32-bit words of this machine, lowest type in the lowest bit."""
    words = [0xFFFFFFFF] * (bits // 32)
    for icmp_type in wanted:
        words[icmp_type // 32] &= ~(1 << icmp_type % 32)
    return struct.pack(f"@{len(words)}I", *words)


def identifier_v4(identifier: int, mask: int) -> Program:
    """Accept what carries our identifier in the bits of ``mask``, drop the rest.

    Offsets count from the outer IP header. An error carries the identifier of
    the request it quotes, behind an inner IP header of variable length.
    """
    return [
        (0xB1, 0, 0, 0),  # 0  X = outer IP header length
        (0x50, 0, 0, 0),  # 1  A = ICMP type
        (0x15, 9, 0, ECHO_REPLY),  # 2  echo reply -> 12
        (0x50, 0, 0, 17),  # 3  A = protocol of the quoted packet
        (0x15, 0, 11, socket.IPPROTO_ICMP),  # 4  not ICMP -> 16
        (0x50, 0, 0, 8),  # 5  A = version and length of the inner IP header
        (0x54, 0, 0, 0x0F),  # 6
        (0x64, 0, 0, 2),  # 7  A = inner IP header length
        (0x0C, 0, 0, 0),  # 8  A += X
        (0x07, 0, 0, 0),  # 9  X = A
        (0x48, 0, 0, 12),  # 10 A = quoted identifier, behind the 8 bytes of the error
        (0x05, 0, 0, 1),  # 11 -> 13
        (0x48, 0, 0, 4),  # 12 A = identifier
        (0x54, 0, 0, mask),  # 13 A &= mask
        (0x15, 0, 1, identifier & mask),  # 14 not ours -> 16
        (0x06, 0, 0, 0xFFFF),  # 15 accept
        (0x06, 0, 0, 0),  # 16 drop
    ]


def identifier_v6(identifier: int, mask: int) -> Program:
    """The same. Offsets count from the ICMPv6 header: raw sockets are shown no IPv6 header.

    Our requests have no extension headers, so that what an error quotes has a
    header of fixed length.
    """
    return [
        (0x30, 0, 0, 0),  # 0  A = ICMPv6 type
        (0x15, 4, 0, ECHO_REPLY_V6),  # 1  echo reply -> 6
        (0x30, 0, 0, 8 + 6),  # 2  A = next header of the quoted packet
        (0x15, 0, 6, socket.IPPROTO_ICMPV6),  # 3  not ICMPv6 -> 10
        (0x28, 0, 0, 8 + 40 + 4),  # 4  A = quoted identifier
        (0x05, 0, 0, 1),  # 5  -> 7
        (0x28, 0, 0, 4),  # 6  A = identifier
        (0x54, 0, 0, mask),  # 7  A &= mask
        (0x15, 0, 1, identifier & mask),  # 8  not ours -> 10
        (0x06, 0, 0, 0xFFFF),  # 9  accept
        (0x06, 0, 0, 0),  # 10 drop
    ]


def _attach(sock: socket.socket, program: Program) -> None:
    code = b"".join(struct.pack("@HBBI", *instruction) for instruction in program)
    memory = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: a count and, after padding, a pointer.
    sock.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("@HP", len(program), ctypes.addressof(memory)),
    )
