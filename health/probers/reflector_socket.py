"""A reflector's sockets: bound, stamped, and answering from the address that was asked.

Opens and prepares; keeps no sessions and decides nothing.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

from health.probers.base import ProberError
from health.probers.socket_options import (
    IP_PKTINFO,
    IP_RECVTTL,
    Ancillary,
    arrival_ns,
    stamp_arrivals,
    widen_receive_buffer,
)

if TYPE_CHECKING:
    from health.probers.reflector_config import Listener

TTL = 255
"""Of all answers: so the sender can tell the hops of the way back, too."""
UNKNOWN_TTL = 255
_DSCP_MASK = 0xFC  # the other two bits are ECN


class Arrival(NamedTuple):
    """What the kernel said about a packet.

    ``stamp_ns`` wall time or None; ``answer_options`` make the answer leave from
    the address the packet was sent to, which a socket bound to all of them needs,
    and with its DSCP, so that both ways are measured in one class of service. The
    congestion bits are not copied: they are the network's.
    """

    stamp_ns: int | None
    ttl: int
    answer_options: Ancillary


def open_listener(listener: Listener) -> socket.socket:
    """A bound non-blocking UDP socket; raises ``ProberError`` with the cure."""
    try:
        family, _type, _proto, _name, sockaddr = socket.getaddrinfo(
            listener.host,
            listener.port,
            type=socket.SOCK_DGRAM,
            flags=socket.AI_NUMERICHOST | socket.AI_PASSIVE,
        )[0]
    except OSError:
        raise ProberError(f"host {listener.host!r} is not a literal IP address") from None
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        _prepare(sock)
        sock.bind(sockaddr)
    except OSError as error:
        sock.close()
        raise ProberError(_bind_failure(listener, error)) from error
    return sock


def read_arrival(ancillary: Ancillary) -> Arrival:
    """Arrival stamp, TTL and the options of an answer."""
    ttl = UNKNOWN_TTL
    options: Ancillary = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, socket.IP_TTL):
            ttl = data[0] if len(data) == 1 else int.from_bytes(data, sys.byteorder)
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT):
            ttl = int.from_bytes(data, sys.byteorder)
        elif (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO):
            # struct in_pktinfo: index 0 leaves the way back to the routing table.
            options.append((level, kind, bytes(4) + data[4:8] + bytes(4)))
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            options.append((level, kind, data))
        elif (level, kind) == (socket.IPPROTO_IP, socket.IP_TOS) and data[0] & _DSCP_MASK:
            options.append((level, kind, struct.pack("@i", data[0] & _DSCP_MASK)))
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_TCLASS):
            traffic_class = int.from_bytes(data, sys.byteorder) & _DSCP_MASK
            options.append((level, kind, struct.pack("@i", traffic_class)))
    return Arrival(arrival_ns(ancillary), ttl & 0xFF, options)


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    widen_receive_buffer(sock)
    stamp_arrivals(sock)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, TTL)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, TTL)


def _bind_failure(listener: Listener, error: OSError) -> str:
    where = f"{listener.host} port {listener.port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use: stop the other process or choose another port"
    if error.errno == errno.EACCES:
        return f"{where} needs privileges: choose a port above 1023 or grant CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{listener.host} is not an address of this host"
    return f"cannot listen on {where}: {error}"
