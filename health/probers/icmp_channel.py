"""Echo over one ICMP socket, whatever its family: send a request, judge what arrives.

The hot path of the engine: at 10,000 probes a second every call here counts.
What differs between the families stands in ``icmp_v4`` and ``icmp_v6``.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Reply, SendError, WireTarget
from health.probers.icmp_errors import MAX_PENDING, PENDING_ERRORS, describe, next_queued_error
from health.probers.icmp_identifiers import EchoSlots, group_of
from health.probers.icmp_packet import (
    ECHO_BYTES,
    ICMP_HEADER_BYTES,
    SIGNATURE,
    EchoBuilder,
    QuotedEcho,
    checksum_holds,
    read_echo,
    read_request,
)
from health.probers.send_errors import send_error
from health.probers.slots import SLOT_MASK, Outstanding, Peer
from health.probers.socket_options import Ancillary
from health.probers.tokens import TOKEN_BYTES, random_tokens

if TYPE_CHECKING:
    from health.probers.icmp_socket import EchoSocket
    from health.probers.rtt_clock import RttClock

MAX_BATCHES_PER_CALL = 64
BATCH = 64
"""Packets read before they are judged, all against one reading of the clocks."""
_PACKET_BYTES = 448
"""Answers have 24, errors about so short a request under 300, RFC 4884 extensions included."""
_ANCILLARY_BYTES = 64

_ANSWERED = Outcome.ANSWERED
_LATE = Rejection.LATE
_new_tuple = tuple.__new__  # half the price of Reply(...), paid once for each answer
_read_timespec = struct.Struct("@ll").unpack

Arrival: TypeAlias = tuple[bytes, Ancillary, int, Peer]
"""What recvmsg returns: packet, ancillary data, flags, sender."""


Way: TypeAlias = tuple[Peer, Ancillary]
"""Where a packet goes, and the ancillary data that it leaves with."""


class EchoLane:
    """A target made ready for sending: by which channel, which way, as what request."""

    __slots__ = ("channel", "identifier", "options", "peer", "request", "target")

    def __init__(
        self, channel: EchoChannel, way: Way, builder: EchoBuilder, target: WireTarget
    ) -> None:
        self.channel = channel
        self.peer, self.options = way
        self.identifier = builder.identifier
        self.request = builder.request
        self.target = target


class EchoChannel(ABC):
    """All probes over one socket. ``slots`` and ``rejected`` are shared with its siblings."""

    family: ClassVar[int]
    """4 or 6."""
    request_type: ClassVar[int]
    reply_type: ClassVar[int]

    def __init__(
        self,
        opened: EchoSocket,
        slots: EchoSlots,
        rejected: Counter[Rejection],
        clock: RttClock,
    ) -> None:
        self.sock = opened.sock
        self.mode = opened.mode
        self.identifiers = opened.identifiers
        self._raw = opened.mode == "raw"
        self._troubled = False
        # Where the echo message begins in what an ordinary answer makes the socket return.
        self._offset = self.ip_header_bytes() if self._raw else 0
        # Raw ICMPv4 sockets are shown packets before the kernel has looked at them.
        self._kernel_checks = not self._offset
        self._tokens = random_tokens()
        self._slots = slots
        self._rejected = rejected
        self._clock = clock

    # --- what differs between the families ------------------------------------------
    @abstractmethod
    def way(self, target: WireTarget) -> Way:
        """How to send to a target; raises ``SendError`` when it can't be sent to as it is."""

    @staticmethod
    @abstractmethod
    def bound_to(target: WireTarget) -> Peer:
        """The local address that an unprivileged socket for this target must be bound to."""

    @staticmethod
    @abstractmethod
    def ip_header_bytes() -> int:
        """How many bytes stand before the ICMP header in what a raw socket delivers."""

    @staticmethod
    @abstractmethod
    def message(packet: bytes) -> bytes:
        """The ICMP message in what a raw socket delivers."""

    @staticmethod
    @abstractmethod
    def peer_of(address: str) -> Peer:
        """The socket address of a host of global scope."""

    @staticmethod
    @abstractmethod
    def quoted_echo(message: bytes) -> QuotedEcho | None:
        """The echo request that an ICMP error quotes."""

    def fault(self, error: OSError, target: WireTarget) -> SendError:
        """What a failed system call says about the target."""
        return send_error(error, target)

    # --- lanes ------------------------------------------------------------------------
    def lane(self, target: WireTarget) -> EchoLane:
        """Prepare a target; raises ``SendError`` when it can't be sent to as it is."""
        way = self.way(target)
        identifier = self.identifiers.take(group_of(target))
        return EchoLane(self, way, EchoBuilder(identifier, self.request_type), target)

    def release(self, lane: EchoLane) -> None:
        """Nothing more is sent along this lane."""
        self.identifiers.give_back(group_of(lane.target))

    # --- sending ----------------------------------------------------------------------
    def send(self, lane: EchoLane, timeout_ns: int) -> int:
        """Send one echo request; returns the probe id."""
        clock = self._clock
        mono = clock.monotonic_ns()
        probe_id = self._slots.claim(mono)
        token = next(self._tokens)
        slot = probe_id & SLOT_MASK
        packet = lane.request(slot, token)
        peer = lane.peer
        wall = clock.wall_ns()  # at the last moment: all that follows counts as round trip
        try:
            if lane.options:
                self.sock.sendmsg((packet,), lane.options, 0, peer)
            else:
                self.sock.sendto(packet, peer)
        except OSError as error:
            self._send_again(error, packet, lane)
        self._slots.identifiers[slot] = lane.identifier
        self._slots.open((probe_id, peer, token, wall, mono, timeout_ns))
        return probe_id

    def _send_again(self, error: OSError, packet: bytes, lane: EchoLane) -> None:
        """Raise the ``SendError``, unless the errno was that of an earlier packet.

        A socket with an error queue reports a pending ICMP error by whichever
        call comes next (ip(7)); a fault of this packet is reported again. An
        interface that was made anew has another index, which is looked up.
        """
        self._troubled = True
        failed = self.fault(error, lane.target)
        for _ in range(MAX_PENDING):
            if failed.outcome is Outcome.LINK_DOWN:
                if not self._renewed(lane):
                    break
            elif error.errno not in PENDING_ERRORS:
                break
            try:
                self.sock.sendmsg((packet,), lane.options, 0, lane.peer)
            except OSError as again:
                error = again
                failed = self.fault(error, lane.target)
            else:
                return
        raise failed from error

    def _renewed(self, lane: EchoLane) -> bool:
        """True when the lane's interface has another index by now, which the lane then has too."""
        before = lane.peer, lane.options
        lane.peer, lane.options = self.way(lane.target)
        return before != (lane.peer, lane.options)

    # --- receiving --------------------------------------------------------------------
    def receive(self, replies: list[Reply]) -> None:
        """Append what has arrived to ``replies``; never blocks."""
        for _ in range(MAX_BATCHES_PER_CALL):
            batch, more = self._read_batch()
            if batch:
                self._judge_batch(batch, replies)
            if not more:
                break
        if not self._raw:
            self._read_error_queue(replies)
        elif self._troubled:
            self._drop_error_queue()

    def _read_batch(self) -> tuple[list[Arrival], bool]:
        """Packets that have arrived, and whether there may be more."""
        receive_one = self.sock.recvmsg
        batch: list[Arrival] = []
        append = batch.append
        for _ in range(BATCH):
            try:
                append(receive_one(_PACKET_BYTES, _ANCILLARY_BYTES))
            except BlockingIOError:
                return batch, False
            except OSError:
                self._troubled = True  # by a queued ICMP error, which is read afterwards
        return batch, True

    def _drop_error_queue(self) -> None:
        """A raw socket has had the same ICMP errors as messages."""
        self._troubled = False
        for _ in range(BATCH * MAX_BATCHES_PER_CALL):
            if next_queued_error(self.sock) is None:
                return

    def _judge_batch(self, batch: list[Arrival], replies: list[Reply]) -> None:
        """Accept the answers to outstanding probes; look closer at everything else."""
        self._clock.read()
        round_trip_ns = self._clock.round_trip_ns
        live, settle, sent_as = self._slots.live, self._slots.settle, self._slots.identifiers
        offset, head = self._offset, self.reply_type << 8
        length, unchecked = offset + ECHO_BYTES, not self._kernel_checks
        for packet, ancillary, _flags, peer in batch:
            probe = None
            if len(packet) == length:
                kind, checksum, identifier, sequence, token, signature = read_echo(packet, offset)
                probe = live[sequence]
                if probe is not None and (
                    probe[2] != token
                    or probe[1] != peer
                    or kind != head
                    or identifier != sent_as[sequence]
                    or signature != SIGNATURE
                    or (
                        unchecked
                        and (checksum + identifier + sequence + token + SIGNATURE) % 0xFFFF
                    )
                ):
                    probe = None
            if probe is None:
                probe = self._look_closer(packet, peer, replies)
                if probe is None:
                    continue
            probe_id, _peer, _token, wall, mono, timeout_ns = probe
            arrived = None
            if ancillary:  # the time stamp is the only one these sockets ask for
                seconds, nanoseconds = _read_timespec(ancillary[0][2])
                arrived = seconds * 1_000_000_000 + nanoseconds
            rtt_ns = round_trip_ns(wall, mono, arrived)
            if rtt_ns > timeout_ns:
                self._rejected[_LATE] += 1
                continue
            settle(probe, mono + rtt_ns)
            replies.append(_new_tuple(Reply, (probe_id, _ANSWERED, rtt_ns, "", None)))

    def _look_closer(self, packet: bytes, peer: Peer, replies: list[Reply]) -> Outstanding | None:
        """The probe that an unusual packet answers after all (one with IP options).

        An ICMP error refuses its probe here; anything else is counted.
        """
        message = self.message(packet) if self._raw else packet
        sound = self._kernel_checks or checksum_holds(message)
        if len(message) < ICMP_HEADER_BYTES or not sound:
            self._rejected[Rejection.CORRUPT] += 1
        elif message[0] != self.reply_type:
            self._judge_error(message, peer[0], replies)
        elif len(message) != ECHO_BYTES or message[1]:
            self._rejected[Rejection.CORRUPT] += 1
        else:
            return self._judge_reply(message, peer)
        return None

    def _judge_reply(self, message: bytes, peer: Peer) -> Outstanding | None:
        _kind, _checksum, identifier, sequence, token, signature = read_echo(message, 0)
        probe = self._slots.find(sequence)
        if identifier != self._slots.identifiers[sequence]:
            self._rejected[Rejection.FOREIGN] += 1
        elif probe is None or probe[1] != peer or probe[2] != token:
            self._count_stranger(sequence, peer, token)
        elif signature != SIGNATURE:
            self._rejected[Rejection.CORRUPT] += 1
        else:
            return probe
        return None

    def _judge_error(self, message: bytes, router: str, replies: list[Reply]) -> None:
        quoted = self.quoted_echo(message)
        if quoted is None:
            self._rejected[Rejection.CORRUPT] += 1
        else:
            self._refuse(quoted, describe(self.family, message[0], message[1], router), replies)

    def _read_error_queue(self, replies: list[Reply]) -> None:
        for _ in range(MAX_BATCHES_PER_CALL * BATCH):
            queued = next_queued_error(self.sock)
            if queued is None:
                return
            quoted = read_request(queued.peer[0], self.request_type, queued.quoted)
            if quoted is None:
                self._rejected[Rejection.CORRUPT] += 1
            else:
                self._refuse(quoted, queued.detail, replies)

    def _refuse(self, quoted: QuotedEcho, detail: str, replies: list[Reply]) -> None:
        """Settle the probe that an error quotes; routers may quote less than the token."""
        destination, identifier, sequence, token = quoted
        if identifier != self._slots.identifiers[sequence]:
            self._rejected[Rejection.FOREIGN] += 1
            return
        probe = self._slots.find(sequence)
        if probe is None or probe[1][0] != destination or not _token(probe).startswith(token):
            self._count_stranger(sequence, self.peer_of(destination), int.from_bytes(token, "big"))
            return
        self._slots.settle(probe, self._clock.monotonic_ns())
        replies.append(Reply(probe[0], Outcome.REFUSED, None, detail))

    def _count_stranger(self, sequence: int, peer: Peer, token: int) -> None:
        now_ns = self._clock.monotonic_ns()
        self._rejected[self._slots.explain(sequence, peer, token, now_ns)] += 1

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self.sock.close()


def _token(probe: Outstanding) -> bytes:
    token = probe[2]
    return token if isinstance(token, bytes) else token.to_bytes(TOKEN_BYTES, "big")
