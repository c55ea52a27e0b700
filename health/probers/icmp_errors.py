"""ICMP errors in words: why a router or the target refused a probe.

The texts come from icmplib (RFC 792, RFC 4443). Also reads the kernel's error
queue (IP_RECVERR, ip(7)), through which sockets without raw access learn of them.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from typing import NamedTuple

import icmplib

from health.probers.slots import Peer
from health.probers.socket_options import IP_RECVERR, IPV6_RECVERR, MSG_ERRQUEUE

_EXTENDED_ERR = struct.Struct("@IBBBxII")  # struct sock_extended_err
_ORIGIN_ICMP = 2
_ORIGIN_ICMP6 = 3
_PARAMETER_PROBLEM = {4: 12, 6: 4}

PENDING_ERRORS = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EACCES,
        errno.EPROTO,
        errno.EMSGSIZE,
    }
)
"""What a call on a socket with an error queue may report on behalf of an earlier packet."""
MAX_PENDING = 3
"""How often to ask again before such an errno is believed to be about this packet."""


class QueuedError(NamedTuple):
    """One ICMP error: where our packet went, its payload as quoted, and the reason."""

    peer: Peer
    quoted: bytes
    detail: str


def describe(family: int, icmp_type: int, code: int, router: str) -> str:
    """A sentence such as "Destination host unreachable from 192.0.2.1"; family is 4 or 6."""
    if icmp_type == _PARAMETER_PROBLEM[family]:
        return f"Parameter problem (code {code}) from {router}"
    reply = icmplib.ICMPReply(router, family, 0, 0, icmp_type, code, 0, 0.0)
    try:
        reply.raise_for_status()
    except icmplib.ICMPError as error:
        # icmplib 3.0.4 misspells two of its texts.
        return f"{str(error).replace('prohibed', 'prohibited')} from {router}"
    return f"ICMP type {icmp_type} code {code} from {router}"


def next_queued_error(sock: socket.socket) -> QueuedError | None:
    """The oldest entry of the error queue, or None when it is empty.

    Entries that are no ICMP error (a local one, for instance) have an empty quote.
    """
    try:
        quoted, ancillary, _flags, peer = sock.recvmsg(512, 512, MSG_ERRQUEUE)
    except OSError:
        return None
    for level, kind, data in ancillary:
        if (level, kind) in _ERROR_LEVELS and len(data) >= _EXTENDED_ERR.size:
            return _read(peer[:2], quoted, data)
    return QueuedError(peer[:2], b"", "")


_ERROR_LEVELS = {
    (socket.IPPROTO_IP, IP_RECVERR),
    (socket.IPPROTO_IPV6, IPV6_RECVERR),
}


def _read(peer: Peer, quoted: bytes, data: bytes) -> QueuedError:
    _errno, origin, icmp_type, code, _info, _data = _EXTENDED_ERR.unpack_from(data)
    router = _offender(data[_EXTENDED_ERR.size :])
    if origin == _ORIGIN_ICMP:
        return QueuedError(peer, quoted, describe(4, icmp_type, code, router))
    if origin == _ORIGIN_ICMP6:
        return QueuedError(peer, quoted, describe(6, icmp_type, code, router))
    return QueuedError(peer, b"", "")


def _offender(sockaddr: bytes) -> str:
    """The address in the ``struct sockaddr`` that follows an extended error."""
    family = int.from_bytes(sockaddr[:2], sys.byteorder)
    if family == socket.AF_INET and len(sockaddr) >= 8:
        return socket.inet_ntop(socket.AF_INET, sockaddr[4:8])
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return socket.inet_ntop(socket.AF_INET6, sockaddr[8:24])
    return "an unknown router"
