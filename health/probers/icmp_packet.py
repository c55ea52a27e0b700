"""The bytes of ICMP echo requests, replies and errors (RFC 792, RFC 4443).

Pure: no socket, no clock. A request carries an 8-byte random token, which only a
host that received the request can send back, and 8 fixed bytes that tell an
operator who sent it.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

ECHO_REPLY = 0
UNREACHABLE = 3
ECHO_REQUEST = 8
TIME_EXCEEDED = 11
PARAMETER_PROBLEM = 12

ECHO_REQUEST_V6 = 128
ECHO_REPLY_V6 = 129
ERRORS_V6 = (1, 2, 3, 4)
"""Unreachable, packet too big, time exceeded, parameter problem."""

SIGNATURE = int.from_bytes(b"pathward", "big")
ECHO_BYTES = 24
"""Header (8), token (8) and signature (8)."""
ICMP_HEADER_BYTES = 8
TOKEN_OFFSET = 8
_IPV6_HEADER_BYTES = 40

_ECHO = struct.Struct("!HHHHQQ")
_HEADER = struct.Struct("!BBHHH")

Echo: TypeAlias = tuple[int, int, int, int, int, int]
"""(type and code, checksum, identifier, sequence, token, signature) of an echo message."""


class QuotedEcho(NamedTuple):
    """Our echo request as an ICMP error quotes it; ``token`` is as long as the quote allows."""

    destination: str
    identifier: int
    sequence: int
    token: bytes


class EchoBuilder:
    """Makes echo requests of one identifier with the checksum computed ahead.

    The Internet checksum (RFC 1071) is a sum modulo 0xFFFF, so that only the
    sequence number and the token remain to be added for each packet. That of
    ICMPv6 also covers the addresses and is the kernel's (RFC 3542 §3.1).
    """

    __slots__ = ("_base", "_head", "identifier")

    def __init__(self, identifier: int, request_type: int = ECHO_REQUEST) -> None:
        self.identifier = identifier
        self._head = request_type << 8
        self._base = self._head + identifier + SIGNATURE

    def request(self, sequence: int, token: int) -> bytes:
        """The complete ICMP message."""
        checksum = 0xFFFF - (self._base + sequence + token) % 0xFFFF
        return _ECHO.pack(self._head, checksum, self.identifier, sequence, token, SIGNATURE)


def checksum_holds(message: bytes) -> bool:
    """True when the Internet checksum of the whole message is right (RFC 1071)."""
    if len(message) % 2:
        message += b"\0"
    return int.from_bytes(message, "big") % 0xFFFF == 0


read_echo: Callable[[bytes, int], Echo] = _ECHO.unpack_from
"""The fields of the echo message of ``ECHO_BYTES`` that begins at an offset."""


def read_quoted_echo(message: bytes) -> QuotedEcho | None:
    """The echo request of ours inside an ICMP error, else None.

    An error quotes the IP header and at least the first 8 bytes of what it is
    about (RFC 792), so the token may be missing or cut.
    """
    ip_header = message[ICMP_HEADER_BYTES:]
    if len(ip_header) < 20:
        return None
    header_bytes = (ip_header[0] & 0x0F) * 4
    if ip_header[9] != socket.IPPROTO_ICMP or header_bytes < 20:
        return None
    destination = socket.inet_ntop(socket.AF_INET, ip_header[16:20])
    return read_request(destination, ECHO_REQUEST, ip_header[header_bytes:])


def read_quoted_echo_v6(message: bytes) -> QuotedEcho | None:
    """The same inside an ICMPv6 error, which quotes as much as fits (RFC 4443 §2.4 c)."""
    ip_header = message[ICMP_HEADER_BYTES:]
    if len(ip_header) < _IPV6_HEADER_BYTES or ip_header[6] != socket.IPPROTO_ICMPV6:
        return None
    destination = socket.inet_ntop(socket.AF_INET6, ip_header[24:40])
    return read_request(destination, ECHO_REQUEST_V6, ip_header[_IPV6_HEADER_BYTES:])


def read_request(destination: str, request_type: int, request: bytes) -> QuotedEcho | None:
    """The same of a quote that begins with the ICMP header; None if it quotes no request."""
    if len(request) < _HEADER.size:
        return None
    icmp_type, _code, _checksum, identifier, sequence = _HEADER.unpack_from(request)
    if icmp_type != request_type:
        return None
    return QuotedEcho(destination, identifier, sequence, request[TOKEN_OFFSET:][:8])
