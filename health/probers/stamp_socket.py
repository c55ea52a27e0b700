"""UDP sockets of STAMP sessions: what packets must have in common to leave by the same one.

A path's socket options are the socket's own here, so that paths over different
uplinks cannot be mixed up. Opens and prepares; sends and receives nothing.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple, TypeAlias

from health.domain.measurement import Outcome
from health.probers.base import SendError, WireTarget
from health.probers.send_errors import interface_index, send_error
from health.probers.socket_options import (
    IP_RECVERR,
    IPV6_RECVERR,
    SO_MARK,
    bind_to_interface,
    stamp_arrivals,
    widen_receive_buffer,
)

_LINK_LOCAL = ("fe8", "fe9", "fea", "feb")  # fe80::/10
TTL = 255
"""So that the TTL the reflector reports tells the number of hops (RFC 5357 §4.2.1)."""


Peer: TypeAlias = tuple[str, int]
"""Address and port a reply must come from, as the socket reports them."""


class SessionKey(NamedTuple):
    """What targets must have in common to share a socket.

    The index belongs to it: an interface that was made anew under the same name
    has another, and a socket stays bound to the old one.
    """

    family: int
    source: str
    interface: str
    interface_index: int
    fwmark: int
    dscp: int


def session_key(target: WireTarget) -> SessionKey:
    """The sockets this target may use.

    Raises ``SendError`` for an address that is none and an interface that does not exist.
    """
    family = _numeric(target)[0]
    index = target.interface_index
    if target.interface and not index:
        index = interface_index(target.interface)
    return SessionKey(family, target.source, target.interface, index, target.fwmark, target.dscp)


def numeric_sockaddr(target: WireTarget) -> tuple[str, int] | tuple[str, int, int, int]:
    """The target's socket address, canonical, with the scope of a link-local address.

    Raises ``SendError`` (misconfigured) when address or port are none.
    """
    return _numeric(target)[1]


def open_session_socket(target: WireTarget, key: SessionKey) -> socket.socket:
    """A non-blocking UDP socket with the options of ``key``, which is the target's.

    Raises ``SendError`` with the outcome that the refused option stands for.
    """
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
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, TTL)
        source = _with_scope(key.source, key.interface) or "::"
        numeric = socket.AI_NUMERICHOST
        sock.bind(socket.getaddrinfo(source, 0, type=socket.SOCK_DGRAM, flags=numeric)[0][4])
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, key.dscp << 2)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, TTL)
        sock.bind((key.source or "0.0.0.0", 0))


def _numeric(target: WireTarget) -> tuple[int, tuple[str, int] | tuple[str, int, int, int]]:
    """Family and socket address of the target."""
    if not 1 <= target.port <= 65535:
        raise SendError(Outcome.MISCONFIGURED, f"port {target.port} is not within 1–65535")
    try:
        family, _type, _proto, _name, sockaddr = socket.getaddrinfo(
            _with_scope(target.address, target.interface),
            target.port,
            type=socket.SOCK_DGRAM,
            flags=socket.AI_NUMERICHOST,
        )[0]
    except OSError:
        raise SendError(
            Outcome.MISCONFIGURED,
            f"address {target.address!r} is not a literal IP address: resolve the name first",
        ) from None
    return family, sockaddr  # type: ignore[return-value]  # typeshed allows for other families


def _with_scope(address: str, interface: str) -> str:
    """A link-local IPv6 address means nothing without its interface (RFC 4007 §6)."""
    if interface and "%" not in address and address.lower().startswith(_LINK_LOCAL):
        return f"{address}%{interface}"
    return address
