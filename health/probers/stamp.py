"""The ``stamp`` kind: the session-sender of RFC 8762, unauthenticated, over UDP.

RTT = (t4 − t1) − (t3 − t2), so the reflector's own delay does not count. Packets
are in ``stamp_packet``, sessions and sockets in ``stamp_session``, what was settled
lately in ``stamp_memory``. Also measures towards reflectors of TWAMP Light.
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from health.domain.directions import DirectionStamps
from health.domain.measurement import Outcome, Rejection
from health.probers.base import Reply, WireTarget
from health.probers.icmp_errors import (
    MAX_PENDING,
    PENDING_ERRORS,
    QueuedError,
    next_queued_error,
)
from health.probers.rtt_clock import RttClock
from health.probers.send_errors import send_error
from health.probers.socket_options import (
    Ancillary,
    arrival_ns,
    bind_to_interface,
    dropped_packets,
)
from health.probers.stamp_memory import SettledProbes
from health.probers.stamp_packet import (
    ERA_NS,
    NS_PER_SEC,
    NTP_EPOCH_NS,
    PROOF_BYTES,
    RANDOM_MASK,
    SENDER_ERROR_ESTIMATE,
    SEQUENCE_MASK,
    TWAMP_REFLECTOR_BYTES,
    pack_sender,
    unpack_reflected,
    wire_ns,
)
from health.probers.stamp_session import SessionPool, StampLane, StampLink, random_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from health.probers.stamp_socket import Peer

MAX_PACKETS_PER_CALL = 4096
_PACKET_BYTES = 64  # what follows the fields that are looked at is left in the kernel
_ANCILLARY_BYTES = 64
_TIMESTAMP_MASK = (1 << 64) - 1 & ~RANDOM_MASK

_Packet: TypeAlias = tuple[bytes, Ancillary, int, tuple[str, int]]


class StampProber:
    """STAMP probes over IPv4 and IPv6, one session for each lane.

    The timestamp's low 20 bits are random. A reply counts only if it repeats
    sequence number and timestamp and comes from the address and port that were
    probed. Whoever sends must ``forget`` what stays unanswered, or release the lane.
    """

    kind = "stamp"

    def __init__(self, clock: RttClock | None = None) -> None:
        self.rejected: Counter[Rejection] = Counter()
        self._clock = clock or RttClock()
        self._sessions = SessionPool()
        self._settled = SettledProbes()
        self._random = random_words()

    def sockets(self) -> Sequence[socket.socket]:
        """None: the kernel stamps arrivals, so the engine need not be woken by them."""
        return ()

    def prepare(self, target: WireTarget) -> StampLane:
        """A session with the target, and a socket for it; raises ``SendError``."""
        return self._sessions.open(target)

    def release(self, lane: StampLane) -> None:
        """End the session. Idempotent."""
        self._sessions.release(lane)

    def send(self, lane: StampLane, timeout_ns: int) -> int:
        """Send one test packet now and return its probe id; raises ``SendError``.

        A packet that did not leave takes no sequence number.
        """
        sequence, live, clock = lane.sequence, lane.live, self._clock
        while sequence in live:  # of a lane that shares the socket
            sequence = sequence + 1 & SEQUENCE_MASK
        disguise = next(self._random) & RANDOM_MASK
        mono = clock.monotonic_ns()
        wall = clock.wall_ns()
        timestamp = (wall + NTP_EPOCH_NS << 32) // NS_PER_SEC & _TIMESTAMP_MASK | disguise
        packet = pack_sender(sequence, timestamp, SENDER_ERROR_ESTIMATE, lane.session)
        try:
            lane.sock.sendto(packet, lane.sockaddr)
        except OSError as error:
            self._send_again(error, packet, lane)
        lane.sequence = sequence + 1 & SEQUENCE_MASK
        probe_id = lane.id_base | sequence
        live[sequence] = (timestamp, wall, mono, timeout_ns, probe_id)
        return probe_id

    def receive(self) -> list[Reply]:
        """Replies that have arrived on any socket; never blocks."""
        replies: list[Reply] = []
        self._settled.age(self._clock.monotonic_ns())
        for link in self._sessions.links:
            packets = self._read(link)
            if packets:
                self._judge(packets, link, replies)
            if link.troubled:
                self._read_error_queue(link, replies)
        return replies

    def forget(self, probe_id: int) -> None:
        """The engine has given this probe up; an answer from now on is late."""
        lane = self._sessions.lane_of(probe_id)
        probe = lane and lane.live.get(probe_id & SEQUENCE_MASK)
        if lane and probe and probe[4] == probe_id:
            del lane.live[probe_id & SEQUENCE_MASK]
            self._settled.given_up(probe[0], probe_id)

    def dropped(self) -> int:
        """Packets that found the receive buffers full, answers perhaps among them."""
        return sum(dropped_packets(link.sock) for link in self._sessions.links)

    def close(self) -> None:
        """Close the sockets. Idempotent."""
        self._sessions.close()

    # --- sending ------------------------------------------------------------------
    def _send_again(self, error: OSError, packet: bytes, lane: StampLane) -> None:
        """Raise the ``SendError``, unless the errno was that of an earlier packet.

        A socket with an error queue reports a pending ICMP error by whichever
        call comes next (ip(7)); a fault of this packet is reported again.
        """
        fault, target = error, lane.target
        for _ in range(MAX_PENDING):
            failed = send_error(fault, target)
            if failed.outcome is Outcome.LINK_DOWN and target.interface:
                self._bind_again(lane)
            elif fault.errno not in PENDING_ERRORS:
                raise failed from fault
            lane.link.troubled = True
            try:
                lane.sock.sendto(packet, lane.sockaddr)
            except OSError as again:
                fault = again
            else:
                return
        raise send_error(fault, target) from fault

    def _bind_again(self, lane: StampLane) -> None:
        """An interface that was made anew has another index; the socket knows the old one."""
        try:
            bind_to_interface(lane.sock, lane.target.interface)
        except OSError as error:
            raise send_error(error, lane.target) from error

    # --- receiving ----------------------------------------------------------------
    def _read(self, link: StampLink) -> list[_Packet]:
        """What lies in the socket; judged together, so that the clocks are read once."""
        packets: list[_Packet] = []
        receive = link.sock.recvmsg
        for _ in range(MAX_PACKETS_PER_CALL):
            try:
                packets.append(receive(_PACKET_BYTES, _ANCILLARY_BYTES))
            except BlockingIOError:
                break
            except OSError:  # the errno of a queued ICMP error, which is read afterwards
                link.troubled = True
        return packets

    def _judge(self, packets: list[_Packet], link: StampLink, replies: list[Reply]) -> None:
        """Turn packets into replies, or count why they are none."""
        self._clock.read()
        round_trip_ns, answered = self._clock.round_trip_ns, self._settled.answered
        for data, ancillary, _flags, sender in packets:
            if len(data) < TWAMP_REFLECTOR_BYTES:
                self.rejected[Rejection.CORRUPT] += 1
                continue
            reflected, t3, estimate, _, t2, sequence, timestamp = unpack_reflected(data)
            peer = sender[:2]
            live = link.live.get(peer)
            probe = None if live is None else live.get(sequence)
            if live is None or probe is None or probe[0] != timestamp:
                self._reject(sequence, timestamp, peer)
                continue
            _, wall, mono, timeout_ns, probe_id = probe
            total_ns = round_trip_ns(wall, mono, arrival_ns(ancillary))
            if total_ns > timeout_ns:
                self.rejected[Rejection.LATE] += 1
                continue
            del live[sequence]
            answered[timestamp] = probe_id
            received_ns = wire_ns(t2, estimate)
            rtt_ns = without_dwell(total_ns, (wire_ns(t3, estimate) - received_ns) % ERA_NS)
            directions = None
            if t2 and t3:  # else a reflector without a clock
                forward_ns = received_ns - NTP_EPOCH_NS - wall
                counted = None if reflected == sequence else reflected
                directions = DirectionStamps(sequence, counted, forward_ns, rtt_ns - forward_ns)
            replies.append(Reply(probe_id, Outcome.ANSWERED, rtt_ns, "", directions))

    def _reject(self, sequence: int, timestamp: int, peer: Peer) -> None:
        """Count a well-formed packet that answers no probe under way."""
        rejection = Rejection.FOREIGN
        settled = self._settled.find(timestamp)
        if settled is not None:
            probe_id, reason = settled
            lane = self._sessions.lane_of(probe_id)
            if lane and lane.peer == peer and probe_id & SEQUENCE_MASK == sequence:
                rejection = reason
        self.rejected[rejection] += 1

    def _read_error_queue(self, link: StampLink, replies: list[Reply]) -> None:
        link.troubled = False
        for _ in range(MAX_PACKETS_PER_CALL):
            queued = next_queued_error(link.sock)
            if queued is None:
                return
            self._refuse(queued, link, replies)
        link.troubled = True  # there may be more

    def _refuse(self, queued: QueuedError, link: StampLink, replies: list[Reply]) -> None:
        """End the probe that an ICMP error quotes.

        A router may quote no more than the ports (RFC 792); then it is known which
        probe it means only while no other is under way between them.
        """
        peer = queued.peer[:2]
        live = link.live.get(peer, {})
        if len(queued.quoted) >= PROOF_BYTES:
            sequence = int.from_bytes(queued.quoted[:4], "big")
            timestamp = int.from_bytes(queued.quoted[4:PROOF_BYTES], "big")
        elif queued.detail and len(live) == 1:
            ((sequence, (timestamp, *_)),) = live.items()
        else:
            self.rejected[Rejection.CORRUPT] += 1
            return
        probe = live.get(sequence)
        if probe is None or probe[0] != timestamp:
            self._reject(sequence, timestamp, peer)
            return
        del live[sequence]
        self._settled.answered[timestamp] = probe[4]
        replies.append(Reply(probe[4], Outcome.REFUSED, None, queued.detail))


def without_dwell(total_ns: int, dwell_ns: int) -> int:
    """The network's share of a round trip: total time less the reflector's t3 − t2.

    A dwell that is negative or longer than the whole trip is the work of a
    stepped clock or a broken reflector and is left out.
    """
    return total_ns - dwell_ns if 0 <= dwell_ns <= total_ns else total_ns
