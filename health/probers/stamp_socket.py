"""UDP sockets of STAMP sessions: one per source, interface, mark, DSCP and family.

A path's socket options are the socket's own here, so that paths over different
uplinks cannot be mixed up. Opens and prepares; sends and receives nothing.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from health.domain.measurement import Outcome
from health.probers.base import SendError, WireTarget
from health.probers.send_errors import send_error
from health.probers.slots import Peer
from health.probers.socket_options import (
    IP_RECVERR,
    IPV6_RECVERR,
    SO_MARK,
    bind_to_interface,
    stamp_arrivals,
    widen_receive_buffer,
)


class SessionKey(NamedTuple):
    """What paths must have in common to share a socket."""

    family: int
    source: str
    interface: str
    fwmark: int
    dscp: int


class StampWire(NamedTuple):
    """A target made ready for sending; ``peer`` is how the socket names its answers' sender."""

    sock: socket.socket
    sockaddr: tuple[str, int] | tuple[str, int, int, int]
    peer: Peer


def session_key(target: WireTarget) -> SessionKey:
    """The socket this target belongs to; raises ``SendError`` for an address that is none."""
    family = _numeric(target.address, target.port)[0]
    return SessionKey(family, target.source, target.interface, target.fwmark, target.dscp)


def numeric_sockaddr(target: WireTarget) -> tuple[str, int] | tuple[str, int, int, int]:
    """The target's socket address, canonical, with the scope of a link-local address.

    Raises ``SendError`` (misconfigured) when address or port are none.
    """
    return _numeric(target.address, target.port)[1]


def open_session_socket(target: WireTarget) -> socket.socket:
    """A non-blocking UDP socket with the target's source, interface, mark and DSCP.

    Raises ``SendError`` with the outcome that the refused option stands for.
    """
    key = session_key(target)
    try:
        sock = socket.socket(key.family, socket.SOCK_DGRAM)
    except OSError as error:
        raise send_error(error, target) from error
    try:
        _prepare(sock, key)
    except OSError as error:
        sock.close()
        raise send_error(error, target) from error
    except SendError:
        sock.close()
        raise
    return sock


def _prepare(sock: socket.socket, key: SessionKey) -> None:
    sock.setblocking(False)
    widen_receive_buffer(sock)
    stamp_arrivals(sock)
    if key.interface:
        bind_to_interface(sock, key.interface)
    if key.fwmark:
        sock.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("@I", key.fwmark))
    if key.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, key.dscp << 2)
        sock.bind((key.source or "::", 0))
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, key.dscp << 2)
        sock.bind((key.source or "0.0.0.0", 0))


def _numeric(address: str, port: int) -> tuple[int, tuple[str, int] | tuple[str, int, int, int]]:
    if not 1 <= port <= 65535:
        raise SendError(Outcome.MISCONFIGURED, f"port {port} is not within 1–65535")
    try:
        family, _type, _proto, _name, sockaddr = socket.getaddrinfo(
            address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
    except OSError:
        raise SendError(
            Outcome.MISCONFIGURED,
            f"address {address!r} is not a literal IP address: resolve the name first",
        ) from None
    return family, sockaddr  # type: ignore[return-value]  # typeshed allows for other families
