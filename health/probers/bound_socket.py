"""Opens sockets that leave by a path's own uplink: source, interface, mark and DSCP.

For the kinds whose options are the socket's own (tcp, dns, http). Opens and
prepares; connects, sends and receives nothing.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple, TypeAlias

from health.domain.measurement import Outcome
from health.probers.base import SendError, WireTarget
from health.probers.socket_options import IP_RECVERR, IPV6_RECVERR, SO_MARK

IP_BIND_ADDRESS_NO_PORT = 24
"""The port is chosen when connecting, so that one port may serve many destinations (ip(7))."""

SockAddr: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


class Attachment(NamedTuple):
    """What must be equal for probes to share a socket."""

    family: int
    source: str
    interface: str
    interface_index: int
    fwmark: int
    dscp: int


def endpoint(target: WireTarget, port: int) -> tuple[Attachment, SockAddr]:
    """How to reach ``port`` of the target; raises ``SendError`` (misconfigured).

    The address is made canonical and keeps the scope of a link-local one.
    """
    if not 1 <= port <= 65535:
        raise SendError(Outcome.MISCONFIGURED, f"port {port} is not within 1–65535")
    try:
        family, sockaddr = _numeric(target.address, port)
    except OSError:
        raise SendError(
            Outcome.MISCONFIGURED,
            f"address {target.address!r} is not a literal IP address: resolve the name first",
        ) from None
    _address, _port, source, interface, index, fwmark, dscp, *_asked = target
    if source and not _is_of(family, source):
        raise SendError(
            Outcome.MISCONFIGURED,
            f"source address {source!r} can't reach {target.address}: "
            "it must be an address of the same family",
        )
    return Attachment(family, source, interface, index, fwmark, dscp), sockaddr


def open_bound(kind: socket.SocketKind, where: Attachment) -> socket.socket:
    """A non-blocking socket with these options; raises ``OSError`` and leaves none open.

    Its error queue collects ICMP errors. Binding a new socket to an interface
    needs no privilege since Linux 5.7.
    """
    sock = socket.socket(where.family, kind | socket.SOCK_NONBLOCK)
    try:
        _prepare(sock, kind, where)
    except OSError:
        sock.close()
        raise
    return sock


def _numeric(address: str, port: int) -> tuple[int, SockAddr]:
    found = socket.getaddrinfo(address, port, flags=socket.AI_NUMERICHOST)
    family, _type, _protocol, _name, sockaddr = found[0]
    return family, sockaddr  # type: ignore[return-value]  # typeshed allows for other families


def _is_of(family: int, source: str) -> bool:
    try:
        return _numeric(source, 0)[0] == family
    except OSError:
        return False


def _prepare(sock: socket.socket, kind: socket.SocketKind, where: Attachment) -> None:
    if where.interface:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, where.interface.encode())
    if where.fwmark:
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("@I", where.fwmark))
    if where.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        if where.dscp:
            # DSCP is the upper six bits of the former traffic class octet (RFC 2474).
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, where.dscp << 2)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        if where.dscp:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, where.dscp << 2)
    if where.source:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((where.source, 0))
