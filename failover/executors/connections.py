"""Forgetting tracked connections that still bear the address of the path that was left.

A connection that was translated to the old uplink's address keeps it for its whole life:
its packets leave by the new uplink with a source whose answers come back by the old one,
if at all. Once forgotten, the next packet is translated afresh. Speaks ctnetlink
(include/uapi/linux/netfilter/nfnetlink_conntrack.h); decides nothing about routes.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from failover.executors.base import Connections
from health.uplinks.netlink import RouteSocket, attribute, attributes

_BUS = 12  # NETLINK_NETFILTER
_GET, _DELETE = 0x101, 0x102  # subsystem 1: IPCTNL_MSG_CT_GET, _DELETE
_CTA_TUPLE_ORIG, _CTA_TUPLE_REPLY, _CTA_MARK, _CTA_ID = 1, 2, 8, 12
_CTA_MARK_MASK, _CTA_FILTER, _CTA_ZONE = 21, 25, 18
_CTA_TUPLE_IP, _FILTER_REPLY, _FILTER_ORIG = 1, 2, 1
_IP_DESTINATION = {4: 2, 6: 4}
_FAMILY = {4: int(socket.AF_INET), 6: int(socket.AF_INET6)}
_DESTINATION_ONLY = 1 << 1
_NESTED = 0x8000
_HEADER_BYTES = 4
_NO_TRACKING = frozenset({errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP})
_U32 = struct.Struct("=I")
_NETWORK_U32 = struct.Struct("!I")

Address = IPv4Address | IPv6Address


def forget_connections(which: Connections, sources: Sequence[str], fwmark: int = 0) -> str:
    """Forget all connections, or those answered to ``sources`` or marked ``fwmark``.

    Returns what was done as a sentence, "" for nothing. Raises ``OSError``.
    """
    if which is Connections.NONE or (which is Connections.OLD_PATH and not (sources or fwmark)):
        return ""
    try:
        tracking = _Tracking()
    except OSError as error:
        if error.errno in _NO_TRACKING:
            return "This kernel tracks no connections."
        raise
    try:
        if which is Connections.ALL:
            tracking.forget_all()
            return "All tracked connections were forgotten."
        for source in sources:
            tracking.forget_answered_to(ip_address(source))
        if fwmark:
            tracking.forget_marked(fwmark)
    finally:
        tracking.close()
    chosen = [f"answered to {', '.join(sources)}"] if sources else []
    chosen += [f"marked {fwmark:#x}"] if fwmark else []
    return f"Connections {' or '.join(chosen)} were forgotten."


class _Tracking:
    """The connection tracking of one network namespace."""

    def __init__(self) -> None:
        self._socket = RouteSocket(_BUS)

    def forget_all(self) -> None:
        self._socket.request(_DELETE, 0, _header(0))

    def forget_marked(self, mark: int) -> None:
        self._socket.request(_DELETE, 0, _header(0) + _marked(mark))

    def forget_answered_to(self, address: Address) -> None:
        """One pass in the kernel where that can be trusted, else one request per connection.

        Linux deletes by filter since 6.8; an older one takes the request for an incomplete
        tuple and refuses it whole. IPv6 is never left to that filter: it compares the wrong
        way round (seen with 6.18) and would delete every connection but those meant.
        """
        if address.version == 4:
            try:
                self._socket.request(_DELETE, 0, _header(_FAMILY[4], 1) + _answered_to(address))
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                    raise
            else:
                return
        self._forget_one_by_one(address)

    def _forget_one_by_one(self, address: Address) -> None:
        query = _header(_FAMILY[address.version])
        for found in self._socket.dump(_GET, query, lambda body: _is_answered_to(body, address)):
            try:
                self._socket.request(_DELETE, 0, _exactly(found))
            except OSError as error:
                if error.errno != errno.ENOENT:  # it has ended by itself
                    raise

    def close(self) -> None:
        self._socket.close()


def _header(family: int, version: int = 0) -> bytes:
    return struct.pack("!BBH", family, version, 0)


def _marked(mark: int) -> bytes:
    return attribute(_CTA_MARK, _NETWORK_U32.pack(mark)) + attribute(
        _CTA_MARK_MASK, _NETWORK_U32.pack(0xFFFFFFFF)
    )


def _answered_to(address: Address) -> bytes:
    destination = attribute(_IP_DESTINATION[address.version], address.packed)
    reply = attribute(_CTA_TUPLE_REPLY | _NESTED, attribute(_CTA_TUPLE_IP | _NESTED, destination))
    flags = attribute(_FILTER_ORIG, _U32.pack(0)) + attribute(
        _FILTER_REPLY, _U32.pack(_DESTINATION_ONLY)
    )
    return reply + attribute(_CTA_FILTER | _NESTED, flags)


def _is_answered_to(body: bytes, address: Address) -> bool:
    if body[0] != _FAMILY[address.version]:
        return False
    reply = attributes(attributes(body, _HEADER_BYTES).get(_CTA_TUPLE_REPLY, b""), 0)
    ends = attributes(reply.get(_CTA_TUPLE_IP, b""), 0)
    return ends.get(_IP_DESTINATION[address.version]) == address.packed


def _exactly(found: bytes) -> bytes:
    """The deletion of one entry; its id keeps a successor with the same tuple alive."""
    parts = attributes(found, _HEADER_BYTES)
    body = found[:_HEADER_BYTES]
    body += attribute(_CTA_TUPLE_ORIG | _NESTED, parts[_CTA_TUPLE_ORIG])
    for kind in (_CTA_ID, _CTA_ZONE):
        body += attribute(kind, parts[kind]) if kind in parts else b""
    return body
