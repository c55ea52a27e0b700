"""The ``icmp`` kind: echo requests to many targets over one socket (RFC 792).

Chooses the channel of an address family and keeps what targets have prepared;
packets and judgement live in the channels (``icmp_v4``).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Lane, Reply, SendError, WireTarget
from health.probers.icmp_v4 import EchoChannelV4, WireV4
from health.probers.rtt_clock import RttClock
from health.probers.slots import SlotTable

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from health.probers.icmp_socket import EchoSocketV4, Mode

MAX_PREPARED_TARGETS = 65_536
"""Prepared targets to keep; beyond, all are prepared anew."""


class IcmpProber:
    """All echo probes of this process over one socket per address family (IPv4 so far).

    Raises ``ProberPermissionError``, whose text is the cure, when the process
    may open neither a raw nor an unprivileged echo socket.
    """

    kind = "icmp"

    def __init__(
        self, clock: RttClock | None = None, echo_socket: EchoSocketV4 | None = None
    ) -> None:
        self.rejected: Counter[Rejection] = Counter()
        self._clock = clock or RttClock()
        self._slots = SlotTable()
        self._v4 = EchoChannelV4(self._slots, self.rejected, self._clock, echo_socket)
        self._wires: dict[WireTarget, WireV4] = {}

    @property
    def mode(self) -> Mode:
        """ "raw", or "unprivileged" where CAP_NET_RAW is missing but echo sockets are allowed."""
        return self._v4.mode

    def sockets(self) -> Sequence[socket.socket]:
        """The sockets to watch for reading."""
        return (self._v4.sock,)

    def prepare(self, target: WireTarget) -> Lane:
        """Look up what the packets to ``target`` need; raises ``SendError``."""
        self._prepare(target)
        return target

    def release(self, lane: Lane) -> None:
        """Forget what was prepared."""
        self._wires.pop(lane, None)

    def send(self, target: WireTarget, timeout_ns: int) -> int:
        """Send one echo request now and return its probe id; raises ``SendError``."""
        wire = self._wires.get(target) or self._prepare(target)
        try:
            return self._v4.send(target, wire, timeout_ns)
        except SendError as error:
            if error.outcome is Outcome.LINK_DOWN:
                # An interface that comes back has another index: look it up again.
                self._wires.pop(target, None)
            raise

    def receive(self) -> list[Reply]:
        """Replies that have arrived; never blocks."""
        replies: list[Reply] = []
        self._v4.receive(replies)
        return replies

    def forget(self, probe_id: int) -> None:
        """The engine has given this probe up; an answer from now on is late."""
        self._slots.forget(probe_id, self._clock.monotonic_ns())

    def close(self) -> None:
        """Close the sockets. Idempotent."""
        self._v4.close()

    def _prepare(self, target: WireTarget) -> WireV4:
        if len(self._wires) >= MAX_PREPARED_TARGETS:
            self._wires.clear()
        wire = self._wires[target] = self._v4.wire(target)
        return wire
