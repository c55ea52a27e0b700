"""What is particular to echo over ICMPv6 (RFC 4443): scopes, options, layout of packets."""

from __future__ import annotations

import errno
import socket

from health.domain.measurement import Outcome
from health.probers.base import SendError, WireTarget
from health.probers.icmp_channel import EchoChannel, Way
from health.probers.icmp_packet import (
    ECHO_REPLY_V6,
    ECHO_REQUEST_V6,
    QuotedEcho,
    read_quoted_echo_v6,
)
from health.probers.send_errors import interface_index
from health.probers.slots import Peer
from health.probers.socket_options import index_of, packet_options_v6


class EchoChannelV6(EchoChannel):
    """Echo over IPv6. Sockets deliver no IP header, and the kernel has checked the sum.

    A link-local address belongs to a link: that of its zone ("fe80::1%wan1",
    RFC 4007), else the interface of its target.
    """

    family = 6
    request_type = ECHO_REQUEST_V6
    reply_type = ECHO_REPLY_V6

    def way(self, target: WireTarget) -> Way:
        """How to send to a target; raises ``SendError`` when it can't be sent to as it is."""
        address, _, zone = target.address.partition("%")
        try:
            packed = socket.inet_pton(socket.AF_INET6, address)
            options = packet_options_v6(target)
        except OSError:
            raise SendError(
                Outcome.MISCONFIGURED,
                f"address {target.address!r} and source {target.source!r} must be literal "
                "IPv6 addresses: resolve the name first",
            ) from None
        scope = _scope(target, zone) if _is_link_local(packed) else 0
        # Replies are compared with what the kernel writes: one way for each address.
        canonical = socket.inet_ntop(socket.AF_INET6, packed)
        return (canonical, 0, 0, scope), options

    @staticmethod
    def bound_to(target: WireTarget) -> Peer:
        """The target's source.

        The kernel ignores the source address in the ancillary data of unprivileged
        sockets (net/ipv6/ping.c; that of IPv4 and all other options it honours).
        """
        if not target.source:
            return "::", 0
        address, _, zone = target.source.partition("%")
        packed = socket.inet_pton(socket.AF_INET6, address)
        return address, 0, 0, _scope(target, zone) if _is_link_local(packed) else 0

    def fault(self, error: OSError, target: WireTarget) -> SendError:
        """What a failed system call says about the target."""
        if error.errno == errno.EADDRNOTAVAIL and not target.source:
            return SendError(
                Outcome.MISCONFIGURED,
                f"this host has no IPv6 address to probe {target.address} from: give the uplink's "
                "interface one, or enable IPv6 (sysctl -w net.ipv6.conf.all.disable_ipv6=0)",
            )
        return super().fault(error, target)

    @staticmethod
    def ip_header_bytes() -> int:
        """How many bytes stand before the ICMP header in what a raw socket delivers."""
        return 0

    @staticmethod
    def message(packet: bytes) -> bytes:
        """The ICMP message in what a raw socket delivers."""
        return packet

    @staticmethod
    def peer_of(address: str) -> Peer:
        """The socket address of a host of global scope."""
        return address, 0, 0, 0

    @staticmethod
    def quoted_echo(message: bytes) -> QuotedEcho | None:
        """The echo request that an ICMP error quotes."""
        return read_quoted_echo_v6(message)


def _is_link_local(packed: bytes) -> bool:
    """True within fe80::/10 (RFC 4291 §2.5.6)."""
    return packed[0] == 0xFE and packed[1] & 0xC0 == 0x80


def _scope(target: WireTarget, zone: str) -> int:
    if zone.isdecimal():
        return int(zone)
    index = interface_index(zone) if zone else index_of(target)
    if not index:
        raise SendError(
            Outcome.MISCONFIGURED,
            f"the link-local address {target.address} needs its link: "
            f"give the path's uplink an interface, or write {target.address}%INTERFACE",
        )
    return index
