"""The session-reflector of RFC 8762: answers STAMP and TWAMP Light probes on many sockets.

Impairs its answers on request, for demonstrations and tests: real packets that
are really late or missing. Knows no Django; runs in the foreground until told
to stop.
"""

from __future__ import annotations

import heapq
import random
import selectors
from typing import TYPE_CHECKING, NamedTuple

from health.probers.reflector_config import Impairment, Listener
from health.probers.reflector_sessions import Sessions, SourceLimit
from health.probers.reflector_socket import Arrival, open_listener, read_arrival
from health.probers.rtt_clock import RttClock
from health.probers.stamp_packet import (
    PACKET_BYTES,
    REFLECTOR_ERROR_ESTIMATE,
    SenderPacket,
    decode_sender,
    is_stamp,
    ntp_timestamp,
    pack_reflector,
)
from health.probers.stamp_tlv import reflect_tlvs

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

MAX_HELD = 100_000
"""Answers held back at once; packets beyond are dropped."""
MAX_PACKETS_PER_TURN = 256
STOP_CHECK_SECS = 0.1
"""How long the loop sleeps at most, and so how soon it notices that it must stop."""

_PACKET_BYTES = 2048
_ANCILLARY_BYTES = 256
_NS_PER_MS = 1_000_000
_NS_PER_SEC = 1_000_000_000


class Held(NamedTuple):
    """An answer to be sent at ``due_ns`` (monotonic); ``order`` breaks ties by arrival.

    ``receive_ns`` is the t2 that will be reported, in wall time; ``length`` and
    ``tail`` make the answer as long as the question; ``loss_back_pct`` is the chance
    that it is not sent.
    """

    due_ns: int
    order: int
    sock: socket.socket
    sender: tuple[str, int]
    packet: SenderPacket
    arrival: Arrival
    receive_ns: int
    length: int
    tail: bytes
    loss_back_pct: float


class Reflector:
    """Answers on all listeners from one thread, never with more bytes than it was sent.

    ``stateless`` repeats the senders' sequence numbers instead of counting answers
    (RFC 8762 §4.3.1). ``max_pps_per_source`` limits what one address may ask; 0 does not.
    Opens its sockets at once, so that ``addresses`` are known before ``serve``;
    raises ``ProberError`` with the cure when one cannot be opened.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        rng: random.Random | None = None,
        clock: RttClock | None = None,
        *,
        stateless: bool = False,
        max_pps_per_source: int = 0,
    ) -> None:
        self._rng = rng or random.Random()  # noqa: S311 - spoils packets, guards nothing
        self._clock = clock or RttClock()
        self._selector = selectors.DefaultSelector()
        self._sessions = None if stateless else Sessions()
        self._limit = SourceLimit(max_pps_per_source)
        self._held: list[Held] = []
        self._arrivals = 0
        self.answered = 0
        self.dropped = 0
        self.addresses: list[tuple[str, int]] = []
        """Host and port of each listener as bound, in the order given."""
        try:
            for listener in listeners:
                sock = open_listener(listener)
                self._selector.register(sock, selectors.EVENT_READ, listener)
                self.addresses.append(sock.getsockname()[:2])
        except BaseException:
            self.close()
            raise
        self._started_ns = self._clock.monotonic_ns()

    def serve(self, stop: Callable[[], bool]) -> None:
        """Answer until ``stop()`` is true; it is asked at least every 0.1 s."""
        while not stop():
            for key, _events in self._selector.select(self._patience_secs()):
                self._read(key.fileobj, key.data)  # type: ignore[arg-type]  # only sockets are registered
            self._release()

    def close(self) -> None:
        """Close all sockets; held answers are not sent. Idempotent."""
        for key in list((self._selector.get_map() or {}).values()):
            self._selector.unregister(key.fileobj)
            key.fileobj.close()  # type: ignore[union-attr]  # only sockets are registered
        self._selector.close()

    def _patience_secs(self) -> float:
        if not self._held:
            return STOP_CHECK_SECS
        wait_ns = self._held[0].due_ns - self._clock.monotonic_ns()
        return min(STOP_CHECK_SECS, max(0.0, wait_ns / _NS_PER_SEC))

    def _read(self, sock: socket.socket, listener: Listener) -> None:
        for _ in range(MAX_PACKETS_PER_TURN):
            try:
                data, ancillary, _flags, sender = sock.recvmsg(_PACKET_BYTES, _ANCILLARY_BYTES)
            except OSError:  # nothing left, or an ICMP error of an earlier answer
                return
            now_ns = self._clock.monotonic_ns()
            impairment = listener.impairment_at(now_ns - self._started_ns)
            packet = decode_sender(data)
            if (
                packet is None
                or self._limit.exceeded(sender[0], now_ns)
                or self._is_lost(impairment.loss_pct)
            ):
                self.dropped += 1
                continue
            self._take(sock, sender, packet, data, read_arrival(ancillary), impairment)

    def _is_lost(self, loss_pct: float) -> bool:
        return loss_pct > 0 and self._rng.random() * 100 < loss_pct

    def _take(
        self,
        sock: socket.socket,
        sender: tuple[str, int],
        packet: SenderPacket,
        data: bytes,
        arrival: Arrival,
        impairment: Impairment,
    ) -> None:
        """Answer now, or hold the packet for as long as the impairment says.

        t2 is the kernel's arrival stamp plus the artificial delay, so that the
        sender's t3 − t2 takes out our own slowness but not the delay.
        """
        delay_ns = self._delay_ns(impairment)
        wall_ns = self._clock.wall_ns()
        waited_ns = max(0, wall_ns - (arrival.stamp_ns or wall_ns))
        self._arrivals += 1
        tail = data[PACKET_BYTES:]
        held = Held(
            due_ns=self._clock.monotonic_ns() - min(waited_ns, _NS_PER_SEC) + delay_ns,
            order=self._arrivals,
            sock=sock,
            sender=sender,
            packet=packet,
            arrival=arrival,
            receive_ns=wall_ns - waited_ns + delay_ns,
            length=len(data),
            tail=reflect_tlvs(tail) if tail and is_stamp(data) else tail,
            loss_back_pct=impairment.loss_back_pct,
        )
        if delay_ns == 0:
            self._answer(held)
        elif len(self._held) < MAX_HELD:
            heapq.heappush(self._held, held)
        else:
            self.dropped += 1

    def _delay_ns(self, impairment: Impairment) -> int:
        delay_ms = impairment.delay_ms
        if impairment.jitter_ms:
            delay_ms += self._rng.uniform(-impairment.jitter_ms, impairment.jitter_ms)
        return max(0, int(delay_ms * _NS_PER_MS))

    def _release(self) -> None:
        now_ns = self._clock.monotonic_ns()
        while self._held and self._held[0].due_ns <= now_ns:
            self._answer(heapq.heappop(self._held))

    def _answer(self, held: Held) -> None:
        """Number the answer, then send it; t3 is taken last."""
        packet = held.packet
        sequence = self._sequence(held)
        receive_timestamp = ntp_timestamp(held.receive_ns)
        if self._is_lost(held.loss_back_pct):
            self.dropped += 1
            return
        # A wall clock set back in between must not make t3 earlier than t2.
        sent_ns = max(self._clock.wall_ns(), held.receive_ns)
        answer = pack_reflector(
            sequence,
            ntp_timestamp(sent_ns),
            REFLECTOR_ERROR_ESTIMATE,
            packet.session,
            receive_timestamp,
            packet.sequence,
            packet.timestamp,
            packet.error_estimate,
            held.arrival.ttl,
        )
        parts = (answer[: held.length], held.tail)
        try:
            held.sock.sendmsg(parts, held.arrival.answer_options, 0, held.sender)
            self.answered += 1
        except OSError:  # the sender's host is gone or our queue is full: loss, as on any network
            self.dropped += 1

    def _sequence(self, held: Held) -> int:
        """The answer's own number in its session, or the sender's when we keep no sessions.

        A session is an address and port that ask, one of ours, and the number RFC
        8972 gives to sessions.
        """
        if self._sessions is None:
            return held.packet.sequence
        session = (held.sock.fileno(), held.sender, held.packet.session)
        return self._sessions.next_sequence(session, self._clock.monotonic_ns())
