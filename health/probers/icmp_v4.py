"""Echo over the one ICMPv4 socket: send a request, judge what arrives.

The hot path of the engine: at 10,000 probes a second every call here counts.
Knows one address family; ``icmp`` chooses among families.
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Reply, SendError, WireTarget
from health.probers.icmp_errors import (
    MAX_PENDING,
    PENDING_ERRORS,
    describe,
    next_queued_error,
)
from health.probers.icmp_packet import (
    ECHO_BYTES,
    ECHO_REPLY,
    EchoBuilder,
    checksum_holds,
    read_echo,
    read_quoted_echo,
)
from health.probers.icmp_socket import EchoSocketV4, open_echo_socket_v4
from health.probers.send_errors import send_error
from health.probers.slots import SLOT_MASK, Peer, SlotTable
from health.probers.socket_options import Ancillary, arrival_ns, packet_options_v4
from health.probers.tokens import TokenSource

if TYPE_CHECKING:
    from health.probers.rtt_clock import RttClock

MAX_PACKETS_PER_CALL = 4096
_PACKET_BYTES = 2048
_ANCILLARY_BYTES = 64

_ANSWERED = Outcome.ANSWERED
_new_tuple = tuple.__new__  # half the price of Reply(...), paid once for each answer


class WireV4(NamedTuple):
    """A target made ready for sending: where to, and the ancillary data of each packet."""

    peer: Peer
    options: Ancillary


class EchoChannelV4:
    """All ICMPv4 probes of a prober. ``slots`` and ``rejected`` are shared with its siblings."""

    def __init__(
        self,
        slots: SlotTable,
        rejected: Counter[Rejection],
        clock: RttClock,
        echo_socket: EchoSocketV4 | None = None,
    ) -> None:
        opened = echo_socket or open_echo_socket_v4()
        self.sock = opened.sock
        self.mode = opened.mode
        self._raw = opened.mode == "raw"
        self._identifier = opened.identifier
        self._builder = EchoBuilder(opened.identifier)
        self._tokens = TokenSource()
        self._slots = slots
        self._rejected = rejected
        self._clock = clock

    def wire(self, target: WireTarget) -> WireV4:
        """Prepare a target; raises ``SendError`` when it can never be sent to as it is."""
        try:
            socket.inet_pton(socket.AF_INET, target.address)
            return WireV4((target.address, 0), packet_options_v4(target))
        except OSError:
            raise SendError(
                Outcome.MISCONFIGURED,
                f"address {target.address!r} and source {target.source!r} must be literal "
                "IPv4 addresses: resolve the name first",
            ) from None

    def send(self, target: WireTarget, wire: WireV4, timeout_ns: int) -> int:
        """Send one echo request; returns the probe id."""
        clock = self._clock
        peer, options = wire
        # The monotonic stamp is taken before the packet is built: building takes a
        # microsecond, far below what the guard between the clocks looks at.
        mono = clock.monotonic_ns()
        probe_id = self._slots.claim(mono)
        token = self._tokens.next()
        packet = self._builder.request(probe_id & SLOT_MASK, token)
        wall = clock.wall_ns()
        try:
            if options:
                self.sock.sendmsg((packet,), options, 0, peer)
            else:
                self.sock.sendto(packet, peer)
        except OSError as error:
            self._send_again(error, packet, target, wire)
        self._slots.open((probe_id, peer, token, wall, mono, timeout_ns))
        return probe_id

    def receive(self, replies: list[Reply]) -> None:
        """Append what has arrived to ``replies``; never blocks."""
        receive_one = self.sock.recvmsg
        judge = self._judge_raw if self._raw else self._judge_reply
        for _ in range(MAX_PACKETS_PER_CALL):
            try:
                packet, ancillary, _flags, peer = receive_one(_PACKET_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                break
            except OSError:
                continue  # the errno of a queued ICMP error, which is read below
            judge(packet, ancillary, peer, replies)
        if not self._raw:
            self._read_error_queue(replies)

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self.sock.close()

    def _send_again(self, error: OSError, packet: bytes, target: WireTarget, wire: WireV4) -> None:
        """Raise the ``SendError``, unless the errno was that of an earlier packet.

        A socket with an error queue reports a pending ICMP error by whichever
        call comes next (ip(7)); a fault of this packet is reported again.
        """
        attempts = 0 if self._raw else MAX_PENDING
        while error.errno in PENDING_ERRORS and attempts:
            attempts -= 1
            try:
                self.sock.sendmsg((packet,), wire.options, 0, wire.peer)
            except OSError as again:
                error = again
            else:
                return
        raise send_error(error, target) from error

    def _judge_raw(
        self, packet: bytes, ancillary: Ancillary, peer: Peer, replies: list[Reply]
    ) -> None:
        """A raw socket delivers the IP header too, and messages with a wrong checksum."""
        message = packet[(packet[0] & 0x0F) << 2 :]
        if len(message) < ECHO_BYTES or not checksum_holds(message):
            self._rejected[Rejection.CORRUPT] += 1
        elif message[0] == ECHO_REPLY:
            self._judge_reply(message, ancillary, peer, replies)
        else:
            self._judge_error(message, peer[0], replies)

    def _judge_reply(
        self, message: bytes, ancillary: Ancillary, peer: Peer, replies: list[Reply]
    ) -> None:
        """Accept an echo reply, or count why not (an unprivileged socket starts here)."""
        if len(message) != ECHO_BYTES:
            self._rejected[Rejection.CORRUPT] += 1
            return
        icmp_type, code, _checksum, identifier, sequence, token, _signature = read_echo(message)
        if icmp_type or code:
            self._rejected[Rejection.CORRUPT] += 1
            return
        if identifier != self._identifier:
            self._rejected[Rejection.FOREIGN] += 1
            return
        clock = self._clock
        probe = self._slots.find(sequence)
        if probe is None or probe[1] != peer or probe[2] != token:
            reason = self._slots.explain(sequence, peer, token, clock.monotonic_ns())
            self._rejected[reason] += 1
            return
        probe_id, _peer, _token, wall, mono, timeout_ns = probe
        rtt_ns = clock.rtt_ns(wall, mono, arrival_ns(ancillary))
        if rtt_ns > timeout_ns:
            self._rejected[Rejection.LATE] += 1
            return
        self._slots.settle(probe, mono + rtt_ns)
        replies.append(_new_tuple(Reply, (probe_id, _ANSWERED, rtt_ns, "", None)))

    def _judge_error(self, message: bytes, router: str, replies: list[Reply]) -> None:
        quoted = read_quoted_echo(message)
        if quoted is None:
            self._rejected[Rejection.CORRUPT] += 1
        elif quoted.identifier != self._identifier:
            self._rejected[Rejection.FOREIGN] += 1
        else:
            detail = describe(4, message[0], message[1], router)
            self._refuse(quoted.sequence, (quoted.destination, 0), quoted.token, detail, replies)

    def _read_error_queue(self, replies: list[Reply]) -> None:
        for _ in range(MAX_PACKETS_PER_CALL):
            queued = next_queued_error(self.sock)
            if queued is None:
                return
            # Quoted is the request itself, from its ICMP header on.
            sequence = int.from_bytes(queued.quoted[6:8], "big")
            if len(queued.quoted) < 8:
                self._rejected[Rejection.CORRUPT] += 1
                continue
            token = queued.quoted[8:16]
            self._refuse(sequence, (queued.peer[0], 0), token, queued.detail, replies)

    def _refuse(
        self, sequence: int, peer: Peer, token: bytes, detail: str, replies: list[Reply]
    ) -> None:
        """Settle the probe that an error quotes; routers may quote less than the token."""
        now_ns = self._clock.monotonic_ns()
        probe = self._slots.find(sequence)
        if probe is None or probe[1] != peer or not probe[2].startswith(token):
            self._rejected[self._slots.explain(sequence, peer, token, now_ns)] += 1
            return
        self._slots.settle(probe, now_ns)
        replies.append(Reply(probe[0], Outcome.REFUSED, None, detail))
