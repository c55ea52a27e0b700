"""The ``tcp`` kind: connect, let the kernel say how long the handshake took, reset.

How one connection begins and ends is in ``tcp_connect``, the list of those under
way in ``tcp_pool``.
"""

from __future__ import annotations

import select
from collections import Counter
from typing import TYPE_CHECKING

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Lane, Reply, WireTarget
from health.probers.bound_socket import endpoint
from health.probers.rtt_clock import RttClock
from health.probers.tcp_connect import Ending, Handshake, Way, begin, finish
from health.probers.tcp_pool import ConnectionPool

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

_GRACE_NS = 1_000_000_000
"""A connection that nobody forgets is closed 1 s after its timeout."""


class _Attempt:
    """A connection under way."""

    __slots__ = ("ending", "probe_id", "sent_ns", "sock", "timeout_ns", "way")

    def __init__(self, sock: socket.socket, way: Way, probe_id: int) -> None:
        self.sock = sock
        self.way = way
        self.probe_id = probe_id
        self.sent_ns = 0
        self.timeout_ns = 0
        self.ending: Ending | None = None


class TcpProber:
    """TCP handshakes over IPv4 and IPv6.

    The RTT is the kernel's (``TCP_INFO.tcpi_rtt``, in µs), so it does not depend
    on when this process looks. Only the first SYN is measured: a repeated one
    that is answered means that the first was lost.
    """

    kind = "tcp"

    def __init__(
        self, clock: RttClock | None = None, *, most_connections: int | None = None
    ) -> None:
        self.rejected: Counter[Rejection] = Counter()
        self._clock = clock or RttClock()
        self._pool: ConnectionPool[_Attempt] = ConnectionPool(most_connections)

    def sockets(self) -> Sequence[socket.socket]:
        """None: the kernel measures."""
        return ()

    def prepare(self, target: WireTarget) -> Lane:
        """Check address and port; raises ``SendError``."""
        return Way(target, *endpoint(target, target.port))

    def release(self, lane: Lane) -> None:
        """Nothing to close: connections under way end by themselves."""

    def send(self, lane: Way, timeout_ns: int) -> int:
        """Send one SYN and return the probe id; raises ``SendError``."""
        pool = self._pool
        probe_id = pool.new_id()
        sent_ns = self._clock.monotonic_ns()
        sock, ending = begin(lane)
        attempt = _Attempt(sock, lane, probe_id)
        attempt.sent_ns = sent_ns
        attempt.timeout_ns = timeout_ns
        attempt.ending = ending
        pool.add(attempt, sent_ns + timeout_ns + _GRACE_NS, select.EPOLLOUT)
        return probe_id

    def receive(self) -> list[Reply]:
        """The connections that have come about or failed; never blocks."""
        replies: list[Reply] = []
        for attempt, _events in self._pool.ready():
            ended = attempt.ending or finish(attempt.sock, attempt.way)
            if isinstance(ended, Ending):
                replies.append(Reply(attempt.probe_id, ended.outcome, None, ended.detail))
            else:
                self._judge(attempt, ended, replies)
            self._pool.drop(attempt.probe_id)
        for attempt in self._pool.overdue(self._clock.monotonic_ns()):
            self._pool.drop(attempt.probe_id)
        return replies

    def dropped(self) -> int:
        """None: nothing is lost in a receive buffer here."""
        return 0

    def forget(self, probe_id: int) -> None:
        """Give the connection up; the kernel answers a late SYN-ACK by RST."""
        self._pool.drop(probe_id)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._pool.close()

    def _judge(self, attempt: _Attempt, handshake: Handshake, replies: list[Reply]) -> None:
        if handshake.first_syn_lost:
            detail = f"the first SYN to {attempt.way.server} was lost, a repeated one was answered"
            replies.append(Reply(attempt.probe_id, Outcome.LOST, None, detail))
            return
        rtt_ns = handshake.rtt_ns or self._clock.monotonic_ns() - attempt.sent_ns
        if rtt_ns > attempt.timeout_ns:
            self.rejected[Rejection.LATE] += 1
            return
        replies.append(Reply(attempt.probe_id, Outcome.ANSWERED, rtt_ns))
