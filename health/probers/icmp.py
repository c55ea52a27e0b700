"""The ``icmp`` kind: echo requests to many targets over few sockets (RFC 792, RFC 4443).

Chooses the channel of a target; packets and judgement live in the channels
(``icmp_channel``, ``icmp_v4``, ``icmp_v6``).
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
from health.probers.icmp_identifiers import ANYWHERE, EchoSlots, Group, group_of
from health.probers.icmp_socket import open_echo_socket, open_unprivileged
from health.probers.icmp_v4 import EchoChannelV4
from health.probers.icmp_v6 import EchoChannelV6
from health.probers.rtt_clock import RttClock
from health.probers.send_errors import send_error
from health.probers.socket_options import dropped_packets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from health.probers.icmp_channel import EchoChannel, EchoLane
    from health.probers.icmp_socket import Mode


class IcmpProber:
    """All echo probes of this process, each group of lanes with an identifier of its own.

    Groups (``icmp_identifiers``) share the raw socket of their address family. Of
    unprivileged sockets, whose identifier is the kernel's choice, each has its own.

    Raises ``ProberPermissionError``, whose text is the cure, when the process
    may open neither a raw nor an unprivileged echo socket. The socket of IPv6 is
    opened for the first target that needs it.
    """

    kind = "icmp"

    def __init__(self, clock: RttClock | None = None) -> None:
        self.rejected: Counter[Rejection] = Counter()
        self._clock = clock or RttClock()
        self._slots = EchoSlots()
        self._v4 = EchoChannelV4(
            open_echo_socket(socket.AF_INET), self._slots, self.rejected, self._clock
        )
        self._v6: EchoChannelV6 | None = None
        self._own: dict[tuple[int, Group], EchoChannel] = {}
        """Unprivileged sockets by family and group, but those of ``ANYWHERE``."""
        self._channels: list[EchoChannel] = [self._v4]
        self._dropped_by_closed = 0

    @property
    def mode(self) -> Mode:
        """ "raw", or "unprivileged" where CAP_NET_RAW is missing but echo sockets are allowed."""
        return self._v4.mode

    def sockets(self) -> Sequence[socket.socket]:
        """None: the kernel stamps each arrival, so that nobody must hurry to read it."""
        return ()

    def prepare(self, target: WireTarget) -> EchoLane:
        """Look up what the packets to ``target`` need; raises ``SendError``."""
        return self._channel_for(target).lane(target)

    def release(self, lane: EchoLane) -> None:
        """Give back the identifier that no other lane uses, and the socket that only it had."""
        channel = lane.channel
        channel.release(lane)
        key = channel.family, group_of(lane.target)
        if self._own.get(key) is channel and not channel.identifiers.in_use:
            self._dropped_by_closed += dropped_packets(channel.sock)
            channel.close()
            del self._own[key]
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

    def dropped(self) -> int:
        """Packets that found the receive buffers full, answers perhaps among them."""
        by_open = sum(dropped_packets(channel.sock) for channel in self._channels)
        return self._dropped_by_closed + by_open

    def close(self) -> None:
        """Close the sockets. Idempotent."""
        for channel in self._channels:
            channel.close()

    def _channel_for(self, target: WireTarget) -> EchoChannel:
        first = (self._v6 or self._open_v6()) if ":" in target.address else self._v4
        group = group_of(target)
        if first.mode == "raw" or group == ANYWHERE:
            return first
        return self._own.get((first.family, group)) or self._open_own(first, target)

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
        self._v6 = EchoChannelV6(opened, self._slots, self.rejected, self._clock)
        self._channels.append(self._v6)
        return self._v6

    def _open_own(self, first: EchoChannel, target: WireTarget) -> EchoChannel:
        first.way(target)  # raises: what can't be sent to needs no socket
        try:
            opened = open_unprivileged(first.sock.family, first.bound_to(target))
        except OSError as error:
            raise send_error(error, target) from error
        channel = type(first)(opened, self._slots, self.rejected, self._clock)
        self._own[first.family, group_of(target)] = channel
        self._channels.append(channel)
        return channel
