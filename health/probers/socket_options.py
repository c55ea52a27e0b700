"""Linux socket options that Python does not name, and the ancillary data made of them.

Shared by the sockets of all kinds; opens none itself. Numbers are those of
socket(7), ip(7), ipv6(7) and include/uapi/linux.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from health.probers.send_errors import interface_index

if TYPE_CHECKING:
    from health.probers.base import WireTarget

SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
SO_MEMINFO = 55
SO_MARK = 36
IP_PKTINFO = 8
IP_RECVERR = 11
IP_RECVTTL = 12
IP_UNICAST_IF = 50
IPV6_RECVERR = 25
IPV6_PKTINFO = 50
IPV6_TCLASS = 67
IPV6_UNICAST_IF = 76
MSG_ERRQUEUE = 0x2000

RECEIVE_BUFFER_BYTES = 8 << 20
"""Room for all answers that can arrive while the engine is held up for a second."""

SEND_BUFFER_BYTES = 8 << 20
"""Room for what the queues of several uplinks hold that do not drain: one of them must
not use up the room of a socket that all uplinks share."""

_CAP_NET_RAW = 13
_MEMINFO = struct.Struct("@9I")  # SK_MEMINFO_* of linux/sock_diag.h
_DROPS = 8
_SOL_SOCKET = socket.SOL_SOCKET  # a plain name: looked up once for each packet
_read_timespec = struct.Struct("@ll").unpack

Ancillary: TypeAlias = list[tuple[int, int, bytes]]


def widen_receive_buffer(sock: socket.socket) -> None:
    """8 MB if the process may exceed net.core.rmem_max, otherwise what that allows."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)


def widen_send_buffer(sock: socket.socket) -> None:
    """8 MB if the process may exceed net.core.wmem_max, otherwise what that allows."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, SEND_BUFFER_BYTES)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


def dropped_packets(sock: socket.socket) -> int:
    """How many packets the kernel dropped because this socket's receive buffer was full."""
    figures = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size)
    dropped: int = _MEMINFO.unpack(figures)[_DROPS]
    return dropped


def stamp_arrivals(sock: socket.socket) -> None:
    """Let the kernel stamp each packet with the wall clock when it arrives."""
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def arrival_ns(ancillary: Ancillary) -> int | None:
    """The kernel's arrival stamp in nanoseconds of wall time, if the packet has one."""
    for level, kind, data in ancillary:
        if kind == SO_TIMESTAMPNS and level == _SOL_SOCKET:
            seconds, nanoseconds = _read_timespec(data)
            stamp: int = seconds * 1_000_000_000 + nanoseconds
            return stamp
    return None


def packet_options_v4(target: WireTarget) -> Ancillary:
    """What one IPv4 packet needs to leave by the target's source, interface, mark and DSCP.

    Empty when the kernel may choose everything. Raises ``SendError`` when the
    interface does not exist and ``OSError`` when the source is no IPv4 address.
    """
    options: Ancillary = []
    if target.source or target.interface:
        source = socket.inet_pton(socket.AF_INET, target.source or "0.0.0.0")
        pktinfo = struct.pack("@i4s4s", index_of(target), source, bytes(4))
        options.append((socket.IPPROTO_IP, IP_PKTINFO, pktinfo))
    if target.dscp:
        # DSCP is the upper six bits of the former TOS octet (RFC 2474).
        options.append((socket.IPPROTO_IP, socket.IP_TOS, struct.pack("@i", target.dscp << 2)))
    return options + _mark(target)


def packet_options_v6(target: WireTarget) -> Ancillary:
    """The same for one IPv6 packet (RFC 3542 §6), and the same errors."""
    options: Ancillary = []
    if target.source or target.interface:
        source = socket.inet_pton(socket.AF_INET6, target.source.partition("%")[0] or "::")
        pktinfo = struct.pack("@16sI", source, index_of(target))
        options.append((socket.IPPROTO_IPV6, IPV6_PKTINFO, pktinfo))
    if target.dscp:
        traffic_class = struct.pack("@i", target.dscp << 2)
        options.append((socket.IPPROTO_IPV6, IPV6_TCLASS, traffic_class))
    return options + _mark(target)


def index_of(target: WireTarget) -> int:
    """The kernel's index of the target's interface, 0 for none.

    Raises ``SendError`` (link down) when there is no such interface.
    """
    if not target.interface:
        return 0
    return target.interface_index or interface_index(target.interface)


def _mark(target: WireTarget) -> Ancillary:
    if not target.fwmark:
        return []
    return [(socket.SOL_SOCKET, SO_MARK, struct.pack("@I", target.fwmark))]


def bind_to_interface(sock: socket.socket, interface: str) -> None:
    """Make the socket use one interface only; may be repeated after it was made anew.

    Without CAP_NET_RAW only outgoing packets are tied to it: the kernel would
    let an unprivileged socket be bound to a device once, but never again.
    """
    if may_use_raw_sockets():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        return
    index = struct.pack("!I", interface_index(interface))
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_UNICAST_IF, index)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_UNICAST_IF, index)


def may_use_raw_sockets() -> bool:
    """True when this process has CAP_NET_RAW."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_NET_RAW & 1)
    return False
