"""Which routers a packet passes on its way over one uplink: a traceroute, bound to that uplink.

Raw sockets of icmplib, pinned by source, interface and mark like the probes, so that the way
is that of the line and not that of the default route. Blocks; no Django, no policies.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

import icmplib
from icmplib.utils import unique_identifier

from health.probers.socket_options import SO_MARK

MOST_HOPS = 16
HOP_SECS = 1.0


class TraceError(Exception):
    """Nothing could be sent; the text names the cure."""


class Hop(NamedTuple):
    """One router, or the target itself; both None when nobody answered for this distance."""

    distance: int
    address: str | None
    rtt_ms: float | None


class Way(NamedTuple):
    """The hops up to the last that answered, and whether that was the target."""

    hops: tuple[Hop, ...]
    reached: bool
    asked: int


def trace(
    target: str, *, source: str = "", interface: str = "", fwmark: int = 0,
    most_hops: int = MOST_HOPS, hop_secs: float = HOP_SECS,
) -> Way:  # fmt: skip
    """One echo request for each distance up to ``most_hops``; raises ``TraceError``.

    ``target`` is a literal address. Takes at most twice ``most_hops`` times ``hop_secs``
    seconds: icmplib waits anew when somebody else's answer comes in.
    """
    kind = icmplib.ICMPv6Socket if ip_address(target).version == 6 else icmplib.ICMPv4Socket
    hops: list[Hop] = []
    reached = False
    try:
        with kind(source or None) as sock:
            _pin(sock.sock, interface, fwmark)
            for hop, is_target in _answers(sock, target, most_hops, hop_secs):
                hops.append(hop)
                reached = is_target
    except icmplib.SocketPermissionError:
        raise TraceError("This process may not open raw sockets: give it CAP_NET_RAW.") from None
    except icmplib.ICMPLibError as error:
        raise TraceError(f"Nothing could be sent: {error}.") from error
    asked = len(hops)
    while hops and hops[-1].address is None:
        hops.pop()
    return Way(tuple(hops), reached, asked)


def _answers(
    sock: icmplib.ICMPv4Socket | icmplib.ICMPv6Socket, target: str, most_hops: int, hop_secs: float
) -> Iterator[tuple[Hop, bool]]:
    number = unique_identifier()
    for distance in range(1, most_hops + 1):
        # The sequence is the distance: a late answer is never taken for a later router's.
        request = icmplib.ICMPRequest(target, number, distance, ttl=distance)
        try:
            sock.send(request)
            reply = sock.receive(request, hop_secs)
        except icmplib.TimeoutExceeded:
            yield Hop(distance, None, None), False
            continue
        hop = Hop(distance, reply.source, round((reply.time - request.time) * 1000.0, 3))
        try:
            reply.raise_for_status()
        except icmplib.TimeExceeded:
            yield hop, False
        except icmplib.ICMPError:
            yield hop, False  # a router says that there is no way on
            return
        else:
            yield hop, True
            return


def _pin(sock: socket.socket, interface: str, fwmark: int) -> None:
    try:
        if interface:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        if fwmark:
            sock.setsockopt(socket.SOL_SOCKET, SO_MARK, struct.pack("@I", fwmark))
    except PermissionError as error:
        raise TraceError(
            "This process may not set the probes' mark: give it CAP_NET_ADMIN."
        ) from error
    except OSError as error:
        raise TraceError(
            f"The interface {interface} can't be used ({error.strerror}): bring it back."
        ) from error
