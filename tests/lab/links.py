"""Links of other kinds than Ethernet with static addresses: point-to-point, and advertised.

Both speak the real protocols: a TUN device whose far end answers echo requests, and
router advertisements (RFC 4861 §4.2) sent by the provider.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.namespaces import Namespace

_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000


class PointToPoint:
    """A TUN device in the namespace of the caller; its far end answers every IPv4 echo."""

    def __init__(self, name: str) -> None:
        self.answered = 0
        self._device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self._device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
        self._end_reader, self._end_writer = os.pipe()
        self._thread = threading.Thread(target=self._answer, name="far end")
        self._thread.start()

    def _answer(self) -> None:
        while True:
            readable, _, _ = select.select([self._device, self._end_reader], [], [], 10)
            if self._end_reader in readable:
                return
            try:
                packet = bytearray(os.read(self._device, 2048))
            except BlockingIOError:
                continue
            if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_ICMP or packet[20] != 8:
                continue
            packet[12:16], packet[16:20] = packet[16:20], packet[12:16]
            packet[20] = 0
            checksum = (packet[22] << 8 | packet[23]) + 0x0800  # type 8 became 0 (RFC 1624)
            packet[22:24] = struct.pack("!H", (checksum & 0xFFFF) + (checksum >> 16))
            self.answered += 1
            os.write(self._device, packet)

    def close(self) -> None:
        """The device goes with its descriptor."""
        os.write(self._end_writer, b"e")
        self._thread.join()
        for descriptor in (self._device, self._end_reader, self._end_writer):
            os.close(descriptor)


@contextmanager
def point_to_point(name: str) -> Iterator[PointToPoint]:
    """A point-to-point link while the block lasts."""
    link = PointToPoint(name)
    try:
        yield link
    finally:
        link.close()


def advertise(
    router: Namespace, prefix: str, *, preferred_secs: int = 600, router_secs: int = 1800
) -> None:
    """One router advertisement from ``p0`` with one /64 for autoconfiguration."""
    header = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, router_secs, 0, 0)
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 7200, preferred_secs, 0)
    option += socket.inet_pton(socket.AF_INET6, prefix)
    with (
        router.inside(),
        socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender,
    ):
        index = socket.if_nametoindex("p0")
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sender.bind(("fe80::1", 0, 0, index))
        sender.sendto(header + option, ("ff02::1", 0, 0, index))
