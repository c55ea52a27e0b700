"""One non-blocking TCP connection: begin it, learn how it ended, leave nothing behind.

Shared by the kinds that connect (tcp, http). Keeps no list of connections and
reads no clock.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from typing import NamedTuple

from health.domain.measurement import Outcome
from health.probers.base import SendError, WireTarget
from health.probers.bound_socket import Attachment, SockAddr, open_bound
from health.probers.icmp_errors import next_queued_error
from health.probers.send_errors import send_error

_NO_LINGER = struct.pack("@ii", 1, 0)
_INFO_BYTES = 104
_INFO_RTT = 68  # offsets within struct tcp_info (include/uapi/linux/tcp.h)
_INFO_RETRANSMITS = 100
_read_u32 = struct.Struct("@I").unpack_from
_UNDER_WAY = frozenset({0, errno.EINPROGRESS})
_SAID_BY_THE_PEER = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})
_CLOSED_AFTER_SUCCESS = frozenset({errno.ECONNRESET, errno.EPIPE})
_LINK_DOWN = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO})
_US = 1_000
RETRANSMITTED_AFTER_NS = 1_000_000_000
"""After how long Linux sends a second SYN (RFC 6298 §2.1)."""


class Way(NamedTuple):
    """A target made ready for connecting; ``server`` names it to people."""

    target: WireTarget
    where: Attachment
    sockaddr: SockAddr

    @property
    def server(self) -> str:
        """Address and port in words."""
        return f"{self.sockaddr[0]} port {self.sockaddr[1]}"


class Ending(NamedTuple):
    """How a connection or exchange ended: the outcome of its probe, and a sentence."""

    outcome: Outcome
    detail: str


class Handshake(NamedTuple):
    """What the kernel measured of a connection: RTT in ns (0: nothing), SYNs sent again."""

    rtt_ns: int
    retransmits: int

    @property
    def first_syn_lost(self) -> bool:
        """True when only a repeated SYN was answered.

        The RTT of a repeated SYN is known from its timestamp (RFC 7323); one as
        long as the wait before repeating belongs to the first SYN.
        """
        return self.retransmits > 0 and self.rtt_ns < RETRANSMITTED_AFTER_NS


def begin(way: Way) -> tuple[socket.socket, Ending | None]:
    """Send a SYN; an ending that came at once is returned with the socket.

    Raises ``SendError`` when none could be sent, and leaves no socket open then.
    """
    try:
        sock = open_bound(socket.SOCK_STREAM, way.where)
    except OSError as error:
        raise send_error(error, way.target) from error
    try:
        # Closing sends RST: no TIME_WAIT here and nothing for the other side to close.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        code = sock.connect_ex(way.sockaddr)
        if code in _UNDER_WAY:
            return sock, None
        return sock, _refused_at_once(sock, code, way)
    except SendError:
        sock.close()
        raise
    except OSError as error:
        sock.close()
        raise send_error(error, way.target) from error


def finish(sock: socket.socket, way: Way) -> Handshake | Ending:
    """How the connection attempt ended, once the socket is writable or in error."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    rtt_ns = _read_u32(info, _INFO_RTT)[0] * _US
    if code == 0 or (code in _CLOSED_AFTER_SUCCESS and rtt_ns):
        if sock.getsockname() == way.sockaddr:
            return Ending(Outcome.REFUSED, f"connection refused by {way.server} (met itself)")
        return Handshake(rtt_ns, _read_u32(info, _INFO_RETRANSMITS)[0])
    return failure(sock, code, way)


def failure(sock: socket.socket, code: int, way: Way) -> Ending:
    """What an errno of a connection under way says, in words."""
    if code in _LINK_DOWN:
        return Ending(Outcome.LINK_DOWN, f"the interface is down or gone ({_text(code)})")
    queued = next_queued_error(sock)
    if queued is not None and queued.detail:
        return Ending(Outcome.REFUSED, queued.detail)
    if code == errno.ECONNREFUSED:
        return Ending(Outcome.REFUSED, f"connection refused by {way.server}")
    if code in _CLOSED_AFTER_SUCCESS:
        return Ending(Outcome.REFUSED, f"connection reset by {way.server}")
    if code == errno.ETIMEDOUT:
        return Ending(Outcome.LOST, f"no answer from {way.server}")
    return Ending(Outcome.REFUSED, f"connection to {way.server} failed ({_text(code)})")


def _refused_at_once(sock: socket.socket, code: int, way: Way) -> Ending:
    """A refusal by the peer or a router; raises ``SendError`` when this host refuses."""
    queued = next_queued_error(sock)
    if queued is not None and queued.detail:
        return Ending(Outcome.REFUSED, queued.detail)
    if code in _SAID_BY_THE_PEER:
        return failure(sock, code, way)
    if code == errno.EADDRNOTAVAIL and _has_source(way):
        raise SendError(
            Outcome.CONGESTED,
            f"no free source port towards {way.server}: widen net.ipv4.ip_local_port_range "
            "or use longer intervals",
        )
    raise send_error(OSError(code, os.strerror(code)), way.target)


def _has_source(way: Way) -> bool:
    """Whether this host has a source address for the target: no packet is sent."""
    try:
        with open_bound(socket.SOCK_DGRAM, way.where) as sock:
            sock.connect(way.sockaddr)
    except OSError:
        return False
    return True


def _text(code: int) -> str:
    return f"{errno.errorcode.get(code, code)}: {os.strerror(code)}"
