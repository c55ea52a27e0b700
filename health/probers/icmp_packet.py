"""The bytes of ICMP echo requests, replies and errors (RFC 792). Pure: no socket, no clock.

A request carries an 8-byte random token, which only a host that received the
request can send back, and 8 fixed bytes that tell an operator who sent it.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from health.probers.tokens import TOKEN_BYTES

ECHO_REPLY = 0
UNREACHABLE = 3
ECHO_REQUEST = 8
TIME_EXCEEDED = 11
PARAMETER_PROBLEM = 12

SIGNATURE = b"pathward"
ECHO_BYTES = 24
"""Header (8), token (8) and signature (8)."""
ICMP_HEADER_BYTES = 8

_ECHO = struct.Struct("!BBHHH8s8s")
_HEADER = struct.Struct("!BBHHH")


Echo: TypeAlias = tuple[int, int, int, int, int, bytes, bytes]
"""(type, code, checksum, identifier, sequence, token, signature) of an echo message."""


class QuotedEcho(NamedTuple):
    """Our echo request as an ICMP error quotes it; ``token`` is as long as the quote allows."""

    destination: str
    identifier: int
    sequence: int
    token: bytes


class EchoBuilder:
    """Makes echo requests of one identifier with the checksum computed ahead.

    The Internet checksum (RFC 1071) is a sum modulo 0xFFFF, so that only the
    sequence number and the token remain to be added for each packet.
    """

    __slots__ = ("_base", "identifier")

    def __init__(self, identifier: int) -> None:
        self.identifier = identifier
        self._base = (ECHO_REQUEST << 8) + identifier + int.from_bytes(SIGNATURE, "big")

    def request(self, sequence: int, token: bytes) -> bytes:
        """The complete ICMP message."""
        total = self._base + sequence + int.from_bytes(token, "big")
        return _ECHO.pack(
            ECHO_REQUEST, 0, 0xFFFF - total % 0xFFFF, self.identifier, sequence, token, SIGNATURE
        )


def checksum_holds(message: bytes) -> bool:
    """True when the Internet checksum of the whole message is right (RFC 1071)."""
    if len(message) % 2:
        message += b"\0"
    return int.from_bytes(message, "big") % 0xFFFF == 0


read_echo: Callable[[bytes], Echo] = _ECHO.unpack
"""The fields of an echo message, which must be of exactly ``ECHO_BYTES``."""


def read_quoted_echo(message: bytes) -> QuotedEcho | None:
    """The echo request of ours inside an ICMP error, else None.

    An error quotes the IP header and at least the first 8 bytes of what it is
    about (RFC 792), so the token may be missing or cut.
    """
    ip_header = message[ICMP_HEADER_BYTES:]
    if len(ip_header) < 20:
        return None
    header_bytes = (ip_header[0] & 0x0F) * 4
    quoted = ip_header[header_bytes:]
    if ip_header[9] != socket.IPPROTO_ICMP or header_bytes < 20 or len(quoted) < _HEADER.size:
        return None
    icmp_type, _code, _checksum, identifier, sequence = _HEADER.unpack_from(quoted)
    if icmp_type != ECHO_REQUEST:
        return None
    token = quoted[_HEADER.size : _HEADER.size + TOKEN_BYTES]
    return QuotedEcho(socket.inet_ntoa(ip_header[16:20]), identifier, sequence, token)
