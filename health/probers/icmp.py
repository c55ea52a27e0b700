"""The ``icmp`` kind: echo requests to many targets over one socket per family (RFC 792, 4443).

Chooses the channel of an address family; packets and judgement live in the
channels (``icmp_channel``, ``icmp_v4``, ``icmp_v6``).
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING

from health.domain.measurement import Outcome, Rejection
from health.probers.base import (
    ProberError,
    ProberPermissionError,
    Reply,
    SendError,
    WireTarget,
)
from health.probers.icmp_socket import open_bound_v6, open_echo_socket
from health.probers.icmp_v4 import EchoChannelV4
from health.probers.icmp_v6 import EchoChannelV6, source_sockaddr
from health.probers.rtt_clock import RttClock
from health.probers.send_errors import send_error
from health.probers.slots import Peer, SlotTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from health.probers.icmp_channel import EchoChannel, EchoLane
    from health.probers.icmp_socket import EchoSocket, Mode


class IcmpProber:
    """All echo probes of this process over one socket per address family.

    Raises ``ProberPermissionError``, whose text is the cure, when the process
    may open neither a raw nor an unprivileged echo socket. The socket of IPv6 is
    opened for the first target that needs it.
    """

    kind = "icmp"

    def __init__(self, clock: RttClock | None = None) -> None:
        self.rejected: Counter[Rejection] = Counter()
        self._clock = clock or RttClock()
        self._slots = SlotTable()
        self._v4 = EchoChannelV4(
            open_echo_socket(socket.AF_INET), self._slots, self.rejected, self._clock
        )
        self._v6: EchoChannelV6 | None = None
        self._bound_v6: dict[Peer, EchoChannelV6] = {}
        """Unprivileged sockets by source address, where one socket can't serve all sources."""
        self._channels: list[EchoChannel] = [self._v4]

    @property
    def mode(self) -> Mode:
        """ "raw", or "unprivileged" where CAP_NET_RAW is missing but echo sockets are allowed."""
        return self._v4.mode

    def sockets(self) -> Sequence[socket.socket]:
        """None: the kernel stamps each arrival, so that nobody must hurry to read it."""
        return ()

    def prepare(self, target: WireTarget) -> EchoLane:
        """Look up what the packets to ``target`` need; raises ``SendError``."""
        lane = self._v6_lane(target) if ":" in target.address else self._v4.lane(target)
        lane.channel.lanes += 1
        return lane

    def release(self, lane: EchoLane) -> None:
        """Close the socket of a source that no other lane uses; else lanes share the sockets."""
        lane.channel.lanes -= 1
        for source, channel in list(self._bound_v6.items()):
            if not channel.lanes:
                channel.close()
                del self._bound_v6[source]
                self._channels.remove(channel)

    def send(self, lane: EchoLane, timeout_ns: int) -> int:
        """Send one echo request now and return its probe id; raises ``SendError``."""
        return lane.channel.send(lane, timeout_ns)

    def receive(self) -> list[Reply]:
        """Replies that have arrived; never blocks."""
        replies: list[Reply] = []
        for channel in self._channels:
            channel.receive(replies)
        return replies

    def forget(self, probe_id: int) -> None:
        """The engine has given this probe up; an answer from now on is late."""
        self._slots.forget(probe_id, self._clock.monotonic_ns())

    def close(self) -> None:
        """Close the sockets. Idempotent."""
        for channel in self._channels:
            channel.close()

    def _v6_lane(self, target: WireTarget) -> EchoLane:
        v6 = self._v6 or self._open_v6()
        lane = v6.lane(target)
        if target.source and v6.mode == "unprivileged":
            lane.channel = self._bound_channel(target)
        return lane

    def _open_v6(self) -> EchoChannelV6:
        try:
            opened = open_echo_socket(socket.AF_INET6)
        except ProberPermissionError as error:
            raise SendError(Outcome.DENIED, str(error)) from error
        except ProberError as error:
            raise SendError(
                Outcome.MISCONFIGURED,
                f"this host has no IPv6 ({error}): enable it in the kernel "
                "(ipv6.disable=0), or probe an IPv4 address",
            ) from error
        self._v6 = self._channel_v6(opened)
        return self._v6

    def _bound_channel(self, target: WireTarget) -> EchoChannelV6:
        source = source_sockaddr(target)
        channel = self._bound_v6.get(source)
        if channel is None:
            try:
                opened = open_bound_v6(source)
            except OSError as error:
                raise send_error(error, target) from error
            channel = self._bound_v6[source] = self._channel_v6(opened)
        return channel

    def _channel_v6(self, opened: EchoSocket) -> EchoChannelV6:
        channel = EchoChannelV6(opened, self._slots, self.rejected, self._clock)
        self._channels.append(channel)
        return channel
