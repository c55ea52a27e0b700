"""A bystander who knows what our requests look like and sends what resembles their answers."""

from __future__ import annotations

import socket
import struct

from health.probers.icmp_packet import ECHO_REPLY, ECHO_REPLY_V6

IP_PKTINFO, IPV6_PKTINFO, IPV6_FREEBIND = 8, 50, 78


class Forger:
    """Sends ICMP messages to this host from any of its addresses."""

    def __init__(self, family: str) -> None:
        self._v6 = family == "IPv6"
        self._sock = (
            socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
            if self._v6
            else socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        )
        if self._v6:  # sources that are routed here but no address of an interface
            self._sock.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)

    def send(self, message: bytes, source: str) -> None:
        """One message from ``source``, with the checksum that it has (the kernel's in IPv6)."""
        if self._v6:
            pktinfo = struct.pack("@16sI", socket.inet_pton(socket.AF_INET6, source), 0)
            options = [(socket.IPPROTO_IPV6, IPV6_PKTINFO, pktinfo)]
            self._sock.sendmsg([message], options, 0, ("::1", 0))
        else:
            pktinfo = struct.pack("@i4s4s", 0, socket.inet_aton(source), bytes(4))
            options = [(socket.IPPROTO_IP, IP_PKTINFO, pktinfo)]
            self._sock.sendmsg([message], options, 0, ("127.0.0.1", 0))

    def reply(self, request: bytes) -> bytes:
        """The true answer to a request."""
        return checksummed(bytes([ECHO_REPLY_V6 if self._v6 else ECHO_REPLY, 0]) + request[2:])

    def altered(self, request: bytes, position: int) -> bytes:
        """The answer with one byte changed and a right checksum."""
        changed = bytearray(self.reply(request))
        changed[position] ^= 0x55
        return checksummed(bytes(changed))

    def error(self, request: bytes, destination: str, icmp_type: int, code: int) -> bytes:
        """An ICMP error about a request that went to ``destination``."""
        ip_header = (_ipv6_header if self._v6 else _ipv4_header)(request, destination)
        return checksummed(struct.pack("!BBHI", icmp_type, code, 0, 0) + ip_header + request)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


def checksummed(message: bytes) -> bytes:
    """With the Internet checksum (RFC 1071) put right."""
    padded = message + b"\0" * (len(message) % 2)
    value = 0xFFFF - int.from_bytes(padded[:2] + b"\0\0" + padded[4:], "big") % 0xFFFF
    return message[:2] + struct.pack("!H", value) + message[4:]


def _ipv4_header(request: bytes, destination: str) -> bytes:
    return struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(request), 0, 0, 64, 1, 0,
        socket.inet_aton("127.0.0.1"), socket.inet_aton(destination),
    )  # fmt: skip


def _ipv6_header(request: bytes, destination: str) -> bytes:
    source, packed = (socket.inet_pton(socket.AF_INET6, a) for a in ("::1", destination))
    return struct.pack("!IHBB16s16s", 6 << 28, len(request), 58, 64, source, packed)
