"""What is particular to echo over ICMPv4 (RFC 792): addresses, options, layout of packets."""

from __future__ import annotations

import socket

from health.domain.measurement import Outcome
from health.probers.base import SendError, WireTarget
from health.probers.icmp_channel import EchoChannel, Way
from health.probers.icmp_packet import ECHO_REPLY, ECHO_REQUEST, QuotedEcho, read_quoted_echo
from health.probers.slots import Peer
from health.probers.socket_options import packet_options_v4

_HEADER_BYTES = 20
"""An IP header without options."""


class EchoChannelV4(EchoChannel):
    """Echo over IPv4. A raw socket delivers the IP header too (raw(7))."""

    family = 4
    request_type = ECHO_REQUEST
    reply_type = ECHO_REPLY

    def way(self, target: WireTarget) -> Way:
        """How to send to a target; raises ``SendError`` when it can't be sent to as it is."""
        try:
            socket.inet_pton(socket.AF_INET, target.address)
            options = packet_options_v4(target)
        except OSError:
            raise SendError(
                Outcome.MISCONFIGURED,
                f"address {target.address!r} and source {target.source!r} must be literal "
                "IPv4 addresses: resolve the name first",
            ) from None
        return self.peer_of(target.address), options

    @staticmethod
    def bound_to(target: WireTarget) -> Peer:
        """Any address: the kernel honours the source of each packet."""
        return "0.0.0.0", 0

    @staticmethod
    def ip_header_bytes() -> int:
        """How many bytes stand before the ICMP header in what a raw socket delivers."""
        return _HEADER_BYTES

    @staticmethod
    def message(packet: bytes) -> bytes:
        """The ICMP message behind an IP header, which may have options."""
        return packet[(packet[0] & 0x0F) << 2 :]

    @staticmethod
    def peer_of(address: str) -> Peer:
        """The socket address of a host."""
        return address, 0

    @staticmethod
    def quoted_echo(message: bytes) -> QuotedEcho | None:
        """The echo request that an ICMP error quotes."""
        return read_quoted_echo(message)
