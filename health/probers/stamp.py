"""The ``stamp`` kind: the session-sender of RFC 8762, unauthenticated, over UDP.

RTT = (t4 − t1) − (t3 − t2), so the reflector's own delay does not count. Packets
are in ``stamp_packet``, sockets in ``stamp_socket``.
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING

from health.domain.measurement import Outcome, Rejection
from health.probers.base import Lane, Reply, WireTarget
from health.probers.icmp_errors import MAX_PENDING, PENDING_ERRORS, next_queued_error
from health.probers.rtt_clock import RttClock
from health.probers.send_errors import send_error
from health.probers.slots import Peer, SlotTable
from health.probers.socket_options import Ancillary, arrival_ns, bind_to_interface
from health.probers.stamp_packet import (
    PROOF_BYTES,
    PROOF_OFFSET,
    RANDOM_MASK,
    SEQUENCE_MASK,
    SenderPacket,
    decode_reflector,
    encode_sender,
    ntp_timestamp,
)
from health.probers.stamp_socket import (
    SessionKey,
    StampWire,
    numeric_sockaddr,
    open_session_socket,
    session_key,
)
from health.probers.tokens import TokenSource

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PACKETS_PER_CALL = 4096
MAX_PREPARED_TARGETS = 65_536
_PACKET_BYTES = 512
_ANCILLARY_BYTES = 64


class StampProber:
    """STAMP probes over IPv4 and IPv6.

    The sequence number on the wire is the probe id, common to all targets; the
    timestamp's low 20 bits are random. A reply counts only if it repeats both
    and comes from the address and port that were probed.
    """

    kind = "stamp"

    def __init__(self, clock: RttClock | None = None) -> None:
        self.rejected: Counter[Rejection] = Counter()
        self._clock = clock or RttClock()
        self._slots = SlotTable()
        self._tokens = TokenSource()
        self._sockets: dict[SessionKey, socket.socket] = {}
        self._wires: dict[WireTarget, StampWire] = {}

    def sockets(self) -> Sequence[socket.socket]:
        """The sockets to watch for reading; one is added with each new kind of session."""
        return tuple(self._sockets.values())

    def prepare(self, target: WireTarget) -> Lane:
        """Open the session's socket; raises ``SendError``."""
        self._prepare(target)
        return target

    def release(self, lane: Lane) -> None:
        """Forget what was prepared."""
        self._wires.pop(lane, None)

    def send(self, target: WireTarget, timeout_ns: int) -> int:
        """Send one test packet now and return its probe id; raises ``SendError``."""
        wire = self._wires.get(target) or self._prepare(target)
        clock = self._clock
        mono = clock.monotonic_ns()
        probe_id = self._slots.claim(mono)
        disguise = int.from_bytes(self._tokens.next(), "big") & RANDOM_MASK
        wall = clock.wall_ns()
        timestamp = ntp_timestamp(wall) & ~RANDOM_MASK | disguise
        packet = encode_sender(SenderPacket(probe_id & SEQUENCE_MASK, timestamp))
        try:
            wire.sock.sendto(packet, wire.sockaddr)
        except OSError as error:
            self._send_again(error, packet, target, wire)
        self._slots.open((probe_id, wire.peer, packet[:PROOF_BYTES], wall, mono, timeout_ns))
        return probe_id

    def receive(self) -> list[Reply]:
        """Replies that have arrived on any socket; never blocks."""
        replies: list[Reply] = []
        for sock in self._sockets.values():
            self._read_packets(sock, replies)
            self._read_error_queue(sock, replies)
        return replies

    def forget(self, probe_id: int) -> None:
        """The engine has given this probe up; an answer from now on is late."""
        self._slots.forget(probe_id, self._clock.monotonic_ns())

    def close(self) -> None:
        """Close the sockets. Idempotent."""
        for sock in self._sockets.values():
            sock.close()

    def _prepare(self, target: WireTarget) -> StampWire:
        if len(self._wires) >= MAX_PREPARED_TARGETS:
            self._wires.clear()
        key = session_key(target)
        sock = self._sockets.get(key)
        if sock is None:
            sock = self._sockets[key] = open_session_socket(target)
        sockaddr = numeric_sockaddr(target)
        wire = self._wires[target] = StampWire(sock, sockaddr, sockaddr[:2])
        return wire

    def _send_again(
        self, error: OSError, packet: bytes, target: WireTarget, wire: StampWire
    ) -> None:
        """Raise the ``SendError``, unless the errno was that of an earlier packet.

        A socket with an error queue reports a pending ICMP error by whichever
        call comes next (ip(7)); a fault of this packet is reported again.
        """
        fault = error
        for _ in range(MAX_PENDING):
            failed = send_error(fault, target)
            if failed.outcome is Outcome.LINK_DOWN and target.interface:
                self._bind_again(wire.sock, target)
            elif fault.errno not in PENDING_ERRORS:
                raise failed from fault
            try:
                wire.sock.sendto(packet, wire.sockaddr)
            except OSError as again:
                fault = again
            else:
                return
        raise send_error(fault, target) from fault

    def _bind_again(self, sock: socket.socket, target: WireTarget) -> None:
        """An interface that was made anew has another index; the socket knows the old one."""
        try:
            bind_to_interface(sock, target.interface)
        except OSError as error:
            raise send_error(error, target) from error

    def _read_packets(self, sock: socket.socket, replies: list[Reply]) -> None:
        for _ in range(MAX_PACKETS_PER_CALL):
            try:
                data, ancillary, _flags, peer = sock.recvmsg(_PACKET_BYTES, _ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # the errno of a queued ICMP error, which is read afterwards
            self._judge(data, ancillary, peer[:2], replies)

    def _judge(self, data: bytes, ancillary: Ancillary, peer: Peer, replies: list[Reply]) -> None:
        reflected = decode_reflector(data)
        if reflected is None:
            self.rejected[Rejection.CORRUPT] += 1
            return
        proof = data[PROOF_OFFSET : PROOF_OFFSET + PROOF_BYTES]
        probe = self._slots.find(reflected.sender_sequence)
        if probe is None or probe[1] != peer or probe[2] != proof:
            self._reject(reflected.sender_sequence, peer, proof)
            return
        probe_id, _peer, _proof, wall, mono, timeout_ns = probe
        total_ns = self._clock.rtt_ns(wall, mono, arrival_ns(ancillary))
        if total_ns > timeout_ns:
            self.rejected[Rejection.LATE] += 1
            return
        self._slots.settle(probe, mono + total_ns)
        rtt_ns = without_dwell(total_ns, reflected.dwell_ns)
        replies.append(Reply(probe_id, Outcome.ANSWERED, rtt_ns))

    def _read_error_queue(self, sock: socket.socket, replies: list[Reply]) -> None:
        for _ in range(MAX_PACKETS_PER_CALL):
            queued = next_queued_error(sock)
            if queued is None:
                return
            proof = queued.quoted[:PROOF_BYTES]
            if len(proof) < PROOF_BYTES:  # a router that quotes 8 bytes: no telling which probe
                self.rejected[Rejection.CORRUPT] += 1
                continue
            sequence = int.from_bytes(proof[:4], "big")
            probe = self._slots.find(sequence)
            if probe is None or probe[1] != queued.peer or probe[2] != proof:
                self._reject(sequence, queued.peer, proof)
                continue
            self._slots.settle(probe, self._clock.monotonic_ns())
            replies.append(Reply(probe[0], Outcome.REFUSED, None, queued.detail))

    def _reject(self, sequence: int, peer: Peer, proof: bytes) -> None:
        now_ns = self._clock.monotonic_ns()
        self.rejected[self._slots.explain(sequence, peer, proof, now_ns)] += 1


def without_dwell(total_ns: int, dwell_ns: int) -> int:
    """The network's share of a round trip: total time less the reflector's t3 − t2.

    A dwell that is negative or longer than the whole trip is the work of a
    stepped clock or a broken reflector and is left out.
    """
    return total_ns - dwell_ns if 0 <= dwell_ns <= total_ns else total_ns
