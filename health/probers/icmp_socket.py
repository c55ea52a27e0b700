"""Opening ICMP sockets: raw where permitted, else unprivileged echo sockets.

Everything the kernel can filter away is filtered there, so that a busy host's
other ICMP traffic costs nothing here. Sends and receives nothing itself.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from health.probers.base import ProberError, ProberPermissionError
from health.probers.icmp_filters import filter_raw_v4, filter_raw_v6
from health.probers.icmp_identifiers import (
    RANDOM_MASK,
    GroupIdentifiers,
    identifiers_of,
    random_part,
)
from health.probers.slots import Peer
from health.probers.socket_options import (
    IP_RECVERR,
    IPV6_RECVERR,
    stamp_arrivals,
    widen_receive_buffer,
    widen_send_buffer,
)

Mode: TypeAlias = Literal["raw", "unprivileged"]

PERMISSION_CURE = (
    "ICMP probes are not permitted to this process. Cure, any one of: "
    "AmbientCapabilities=CAP_NET_RAW in the systemd unit; "
    "setcap cap_net_raw+ep on the Python interpreter; "
    'or sysctl -w net.ipv4.ping_group_range="0 2147483647" for unprivileged echo sockets'
)

_MAX_UNFILTERED = 100_000  # more than the receive buffer can hold
_FORBIDDEN = frozenset({errno.EPERM, errno.EACCES, errno.EPROTONOSUPPORT})


@dataclass(frozen=True, slots=True)
class EchoSocket:
    """A non-blocking ICMP socket, what kind it is, and the identifiers of its requests."""

    sock: socket.socket
    mode: Mode
    identifiers: GroupIdentifiers


def open_echo_socket(family: socket.AddressFamily) -> EchoSocket:
    """The best ICMP (AF_INET) or ICMPv6 (AF_INET6) socket this process may have.

    For an unprivileged one the kernel chooses the identifier and delivers only
    replies that carry it. It differs in one thing: what stops a packet of ICMPv6
    behind the routing table (a filter rule, a full queue) the kernel does not tell
    (icmpv6_push_pending_frames), so that such a packet counts as lost.

    Raises ``ProberPermissionError`` when it may have none, ``ProberError`` when
    the kernel fails otherwise, for want of the family for instance.
    """
    for open_socket in (_open_raw, open_unprivileged):
        try:
            return open_socket(family)
        except OSError as error:
            if error.errno not in _FORBIDDEN:
                raise ProberError(f"cannot open an ICMP socket: {error}") from error
    raise ProberPermissionError(PERMISSION_CURE)


def _open_raw(family: socket.AddressFamily) -> EchoSocket:
    sock = socket.socket(family, socket.SOCK_RAW, _protocol(family))
    common = random_part()
    with _closed_on_failure(sock):
        if family is socket.AF_INET6:
            filter_raw_v6(sock, common, RANDOM_MASK)
        else:
            filter_raw_v4(sock, common, RANDOM_MASK)
        # Without it the kernel keeps the drops of a full send queue to itself (raw(7)).
        _report_errors(sock, family)
        _prepare(sock)
        _discard_unfiltered(sock)
    return EchoSocket(sock, "raw", GroupIdentifiers(identifiers_of(common)))


def open_unprivileged(family: socket.AddressFamily, bound_to: Peer | None = None) -> EchoSocket:
    """An echo socket with one identifier, the kernel's choice. Raises ``OSError``."""
    sock = socket.socket(family, socket.SOCK_DGRAM, _protocol(family))
    with _closed_on_failure(sock):
        if family is socket.AF_INET6:
            sock.bind(bound_to or ("::", 0))
        else:
            sock.bind(bound_to or ("0.0.0.0", 0))
        _report_errors(sock, family)
        _prepare(sock)
    identifier = int(sock.getsockname()[1])
    return EchoSocket(sock, "unprivileged", GroupIdentifiers([identifier]))


@contextlib.contextmanager
def _closed_on_failure(sock: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise


def _protocol(family: socket.AddressFamily) -> int:
    return socket.IPPROTO_ICMPV6 if family is socket.AF_INET6 else socket.IPPROTO_ICMP


def _report_errors(sock: socket.socket, family: socket.AddressFamily) -> None:
    if family is socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    widen_receive_buffer(sock)
    widen_send_buffer(sock)
    stamp_arrivals(sock)


def _discard_unfiltered(sock: socket.socket) -> None:
    """Drop what came in before the filters were attached: other processes' answers."""
    for _ in range(_MAX_UNFILTERED):
        try:
            sock.recv(1)
        except BlockingIOError:
            return
