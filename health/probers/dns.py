"""The ``dns`` kind: queries over UDP (RFC 1035) to the name server that is the target.

Messages are in ``dns_packet``, sockets and ids in ``dns_session``.
"""

from __future__ import annotations

import itertools
import socket
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Lane, Reply, SendError, WireTarget
from health.probers.bound_socket import Attachment, SockAddr, endpoint
from health.probers.dns_packet import (
    HEADER_BYTES,
    Query,
    QuestionError,
    judge,
    read_header,
    repeats,
)
from health.probers.dns_session import Asking, DnsSession
from health.probers.icmp_errors import MAX_PENDING, PENDING_ERRORS, next_queued_error
from health.probers.rtt_clock import RttClock
from health.probers.send_errors import send_error
from health.probers.socket_options import Ancillary, arrival_ns, dropped_packets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from health.probers.dns_message import ExpectedText
    from health.probers.slots import Peer

MAX_PACKETS_PER_CALL = 4096
_PACKET_BYTES = 65_535
_ANCILLARY_BYTES = 64


class DnsLane(NamedTuple):
    """A name server made ready to be asked."""

    target: WireTarget
    session: DnsSession
    sockaddr: SockAddr
    query: Query
    expected: ExpectedText | None


class DnsProber:
    """Queries over IPv4 and IPv6.

    An answer counts only if it comes from the address and port that were asked
    and repeats id and question exactly, the case of the letters included.
    """

    kind = "dns"

    def __init__(self, clock: RttClock | None = None) -> None:
        self.rejected: Counter[Rejection] = Counter()
        self._clock = clock or RttClock()
        self._ids = itertools.count()
        self._sessions: dict[Attachment, DnsSession] = {}
        self._asking: dict[int, tuple[DnsSession, Asking]] = {}

    def sockets(self) -> Sequence[socket.socket]:
        """None: the kernel stamps arrivals."""
        return ()

    def prepare(self, target: WireTarget) -> Lane:
        """Build the query and open the socket; raises ``SendError``."""
        # dnspython takes 3 MB of each process: only where a name server is really asked.
        from health.probers.dns_message import ExpectedText, build_query

        try:
            query = build_query(target.request, large_answers=bool(target.expected_text))
        except QuestionError as error:
            raise SendError(Outcome.MISCONFIGURED, str(error)) from error
        where, sockaddr = endpoint(target, target.port)
        expected = ExpectedText(target.expected_text) if target.expected_text else None
        session = self._sessions.get(where)
        if session is None:
            try:
                session = self._sessions[where] = DnsSession(where)
            except OSError as error:
                raise send_error(error, target) from error
        session.lanes += 1
        return DnsLane(target, session, sockaddr, query, expected)

    def release(self, lane: DnsLane) -> None:
        """Close the socket with the last lane that uses it."""
        session = lane.session
        session.lanes -= 1
        if session.lanes == 0:
            del self._sessions[session.where]
            for asking in session.waiting.values():
                del self._asking[asking.probe_id]
            session.close()

    def send(self, lane: DnsLane, timeout_ns: int) -> int:
        """Ask now and return the probe id; raises ``SendError``."""
        session, clock = lane.session, self._clock
        mono = clock.monotonic_ns()
        ident, question = session.claim(lane.query, mono)
        packet = lane.query.packet(ident, question)
        wall = clock.wall_ns()
        try:
            session.sock.sendto(packet, lane.sockaddr)
        except OSError as error:
            self._send_again(error, packet, lane)
        probe_id = next(self._ids)
        peer = lane.sockaddr[:2]
        asking = Asking(probe_id, ident, question, peer, wall, mono, timeout_ns, lane.expected)
        session.waiting[ident] = asking
        self._asking[probe_id] = (session, asking)
        return probe_id

    def receive(self) -> list[Reply]:
        """Answers that have arrived on any socket; never blocks."""
        replies: list[Reply] = []
        for session in self._sessions.values():
            self._read_packets(session, replies)
            if session.waiting:
                self._read_error_queue(session, replies)
        return replies

    def dropped(self) -> int:
        """Packets that found the receive buffers full, answers perhaps among them."""
        return sum(dropped_packets(session.sock) for session in self._sessions.values())

    def forget(self, probe_id: int) -> None:
        """The engine has given this probe up; an answer from now on is late."""
        found = self._asking.pop(probe_id, None)
        if found is not None:
            session, asking = found
            session.settle(asking, Rejection.LATE, self._clock.monotonic_ns())

    def close(self) -> None:
        """Close the sockets. Idempotent."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()
        self._asking.clear()

    def _send_again(self, error: OSError, packet: bytes, lane: DnsLane) -> None:
        """Raise the ``SendError``, unless the errno was that of an earlier packet.

        A socket with an error queue reports a pending ICMP error by whichever
        call comes next (ip(7)); one whose interface was made anew must be opened
        again.
        """
        fault, session, reopened = error, lane.session, False
        for _ in range(MAX_PENDING):
            failed = send_error(fault, lane.target)
            try:
                if failed.outcome is Outcome.LINK_DOWN and lane.target.interface and not reopened:
                    reopened = True
                    session.reopen()
                elif fault.errno not in PENDING_ERRORS:
                    raise failed from fault
                session.sock.sendto(packet, lane.sockaddr)
            except OSError as again:
                fault = again
            else:
                return
        raise send_error(fault, lane.target) from fault

    def _read_packets(self, session: DnsSession, replies: list[Reply]) -> None:
        for _ in range(MAX_PACKETS_PER_CALL):
            try:
                data, ancillary, _flags, peer = session.sock.recvmsg(
                    _PACKET_BYTES, _ANCILLARY_BYTES
                )
            except BlockingIOError:
                return
            except OSError:
                continue  # the errno of a queued ICMP error, which is read afterwards
            self._judge(session, data, ancillary, peer[:2], replies)

    def _judge(
        self,
        session: DnsSession,
        data: bytes,
        ancillary: Ancillary,
        peer: Peer,
        replies: list[Reply],
    ) -> None:
        header = read_header(data)
        if header is None:
            self.rejected[Rejection.CORRUPT] += 1
            return
        asking = session.waiting.get(header.ident)
        if asking is None or asking.peer != peer or not repeats(data, header, asking.question):
            self._reject(session, header.ident, data[HEADER_BYTES:], peer)
            return
        arrived = arrival_ns(ancillary)
        rtt_ns = self._clock.rtt_ns(asking.wall_ns, asking.mono_ns, arrived)
        if rtt_ns > asking.timeout_ns:
            self.rejected[Rejection.LATE] += 1
            return
        verdict = judge(data, header, asking.expected, peer[0])
        if verdict is None:
            self.rejected[Rejection.CORRUPT] += 1
            return
        outcome, detail = verdict
        self._settle(session, asking, replies, outcome, rtt_ns, detail)

    def _read_error_queue(self, session: DnsSession, replies: list[Reply]) -> None:
        for _ in range(MAX_PACKETS_PER_CALL):
            queued = next_queued_error(session.sock)
            if queued is None:
                return
            ident = int.from_bytes(queued.quoted[:2], "big")
            quoted = queued.quoted[HEADER_BYTES:]
            asking = session.waiting.get(ident)
            if not quoted:  # a router that quotes 8 bytes: no telling which query
                self.rejected[Rejection.CORRUPT] += 1
            elif (
                asking is None
                or asking.peer != queued.peer[:2]
                or not quoted.startswith(asking.question)
            ):
                self._reject(session, ident, quoted, queued.peer[:2])
            else:
                self._settle(session, asking, replies, Outcome.REFUSED, None, queued.detail)

    def _settle(
        self,
        session: DnsSession,
        asking: Asking,
        replies: list[Reply],
        outcome: Outcome,
        rtt_ns: int | None,
        detail: str,
    ) -> None:
        session.settle(asking, Rejection.DUPLICATE, self._clock.monotonic_ns())
        del self._asking[asking.probe_id]
        answered = outcome is Outcome.ANSWERED
        replies.append(Reply(asking.probe_id, outcome, rtt_ns if answered else None, detail))

    def _reject(self, session: DnsSession, ident: int, question: bytes, peer: Peer) -> None:
        now_ns = self._clock.monotonic_ns()
        self.rejected[session.explain(ident, question, peer, now_ns)] += 1
