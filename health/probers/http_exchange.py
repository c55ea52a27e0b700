"""One HTTP probe on its way: connect, TLS, request, answer.

Moves on whenever its socket is ready, and keeps apart what the network and the
server took from what this process took. Owns its socket, but neither opens nor
watches it.
"""

from __future__ import annotations

import select
import socket
import ssl
from typing import TYPE_CHECKING, NamedTuple

from health.domain.measurement import Outcome
from health.probers.http_request import HttpUrl
from health.probers.http_response import Expected, GetExchange
from health.probers.http_tls import TlsChannel, TlsError
from health.probers.socket_options import Ancillary, arrival_ns
from health.probers.tcp_connect import Ending, Way, failure, finish

if TYPE_CHECKING:
    from health.probers.rtt_clock import RttClock

_READ_BYTES = 65_536
_ANCILLARY_BYTES = 64
_MAX_READS = 16
"""Per turn and probe, so that a huge answer cannot hold the engine."""


class HttpLane(NamedTuple):
    """A URL made ready for fetching; ``tls`` None for plain HTTP."""

    way: Way
    url: HttpUrl
    expected: Expected
    tls: ssl.SSLContext | None


class HttpExchange:
    """The state of one probe.

    ``rtt_ns`` is set by the first byte of the answer: handshake (the kernel's
    figure), each flight of TLS and the request, every one from the moment it was
    sent until the kernel stamped its answer. ``own_ns`` is the time that answers
    lay in the socket because this process was late.
    """

    def __init__(self, sock: socket.socket, lane: HttpLane, probe_id: int, clock: RttClock) -> None:
        self.sock = sock
        self.probe_id = probe_id
        self.timeout_ns = 0
        self.ending: Ending | None = None
        self.rtt_ns: int | None = None
        self.own_ns = 0
        self.events = select.EPOLLOUT
        """What to wait for, as of now."""
        self._lane = lane
        self._clock = clock
        self._get: GetExchange | None = None
        self._tls: TlsChannel | None = None
        self._unsent = b""
        self._spent_ns = 0
        self._phases: list[str] = []
        self._mark()

    @property
    def doing(self) -> str:
        """What the probe is waiting for, in words."""
        if self._get is None:
            return "the connection" if self._tls is None else "the TLS handshake"
        return "the first byte of the answer" if self.rtt_ns is None else "the rest of the answer"

    def go_on(self) -> Ending | None:
        """Do what can be done now; the verdict once there is one. Raises nothing."""
        try:
            if self.ending is not None:
                return self.ending
            if not self._phases:
                return self._connected()
            if self._unsent:
                self._flush()
            return self._read()
        except TlsError as error:
            return Ending(Outcome.REFUSED, str(error))
        except OSError as error:
            return failure(self.sock, error.errno or 0, self._lane.way)

    def _connected(self) -> Ending | None:
        handshake = finish(self.sock, self._lane.way)
        if isinstance(handshake, Ending):
            return handshake
        elapsed = self._clock.monotonic_ns() - self._since_mono
        # A repeated SYN is part of the wait here, as a repeated request would be.
        took = elapsed if handshake.retransmits else min(handshake.rtt_ns or elapsed, elapsed)
        self._account(took, elapsed)
        self._note("connect")
        self.events = select.EPOLLIN
        if self._lane.tls is not None:
            self._tls = TlsChannel(self._lane.tls, self._lane.url.host)
            self._tls.shake_hands()
            self._transmit(self._tls.outgoing())
        else:
            self._ask()
        return None

    def _ask(self, flight: bytes = b"") -> None:
        """Send the request, together with the last flight of the TLS handshake."""
        get = self._get = GetExchange(self._lane.url, self._lane.expected, self._lane.way.server)
        if self._tls is None:
            self._transmit(get.request())
        else:
            self._tls.encrypt(get.request())
            self._transmit(flight + self._tls.outgoing())

    def _read(self) -> Ending | None:
        for _ in range(_MAX_READS):
            try:
                data, ancillary, _flags, _peer = self.sock.recvmsg(_READ_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                return None
            verdict = self._take(data, ancillary)
            if verdict is not None or not data:
                return verdict or self._closed_early()
        return None

    def _take(self, data: bytes, ancillary: Ancillary) -> Ending | None:
        if self._tls is None:
            return self._take_answer(data, ancillary, closed=not data)
        self._tls.feed(data)
        if not self._tls.established:
            self._shake_hands(self._tls, ancillary)
            if not self._tls.established:
                return None
        plain, closed = self._tls.decrypt()
        return self._take_answer(plain, ancillary, closed=closed)

    def _shake_hands(self, tls: TlsChannel, ancillary: Ancillary) -> None:
        done = tls.shake_hands()
        flight = tls.outgoing()
        if not (done or flight):
            return  # the server's flight has not arrived as a whole
        self._arrived(ancillary)
        if done:
            self._note("TLS")
            self._ask(flight)
        else:
            self._transmit(flight)

    def _take_answer(self, data: bytes, ancillary: Ancillary, *, closed: bool) -> Ending | None:
        get = self._get
        if get is None:
            return None
        if data:
            if self.rtt_ns is None:
                self._arrived(ancillary)
                self.rtt_ns = self._spent_ns
                self._note("first byte")
            verdict = get.feed(data)
            if verdict is not None:
                return self._with_phases(verdict)
        return get.feed(b"") if closed else None

    def _closed_early(self) -> Ending:
        server = self._lane.way.server
        return Ending(Outcome.REFUSED, f"{server} closed the connection before {self.doing}")

    def _transmit(self, data: bytes) -> None:
        self._unsent += data
        self._flush()
        # Many servers wait for our acknowledgement before they send on (RFC 896): it must not
        # be delayed by 40 ms, which would show as the network's.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._mark()

    def _flush(self) -> None:
        try:
            sent = self.sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        self._unsent = self._unsent[sent:]
        self.events = select.EPOLLIN | (select.EPOLLOUT if self._unsent else 0)

    def _mark(self) -> None:
        """From now on somebody else has to act."""
        self._since_mono = self._clock.monotonic_ns()
        self._since_wall = self._clock.wall_ns()

    def _arrived(self, ancillary: Ancillary) -> None:
        took = self._clock.rtt_ns(self._since_wall, self._since_mono, arrival_ns(ancillary))
        self._account(took, self._clock.monotonic_ns() - self._since_mono)

    def _account(self, took_ns: int, elapsed_ns: int) -> None:
        self._spent_ns += took_ns
        self.own_ns += max(0, elapsed_ns - took_ns)
        self._mark()

    def _note(self, phase: str) -> None:
        self._phases.append(f"{phase} {self._spent_ns / 1e6:.1f} ms")

    def _with_phases(self, verdict: Ending) -> Ending:
        if verdict.outcome is not Outcome.ANSWERED:
            return verdict
        return Ending(verdict.outcome, f"{verdict.detail} ({', '.join(self._phases)})")
