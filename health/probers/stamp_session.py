"""STAMP sessions: which socket a target's packets use, and what is under way on each.

A session is an address and port of ours, an address and port of theirs (RFC 8762
§3), and a number in the packets for reflectors that know RFC 8972. Each target has
one of its own, because a reflector counts by session. Sends and receives nothing.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

from health.probers.stamp_packet import SEQUENCE_MASK
from health.probers.stamp_socket import (
    Peer,
    SessionKey,
    numeric_sockaddr,
    open_session_socket,
    session_key,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from health.probers.base import WireTarget

LANE_SHIFT = 32
"""A probe id is the number of its lane and, in the low 32 bits, its sequence number."""
MAX_TWINS = 4
"""Sockets with the same options; so many targets may have the same address and port alone."""
MAX_SESSION = 0xFFFF
_RANDOMS_AT_ONCE = 1024

UnderWay: TypeAlias = tuple[int, int, int, int, int]
"""(timestamp on the wire, sent wall ns, sent monotonic ns, timeout ns, probe id)."""


class StampLane:
    """One target's session. ``live`` holds the probes under way by their sequence number.

    The first sequence number is random, not zero: a reflector that repeats our
    numbers can then be told from one that counts its own, which starts at zero, and
    a forger has 31 more bits to guess.
    """

    __slots__ = (
        "id_base",
        "link",
        "live",
        "peer",
        "sequence",
        "session",
        "sock",
        "sockaddr",
        "target",
    )

    def __init__(self, number: int, target: WireTarget, link: StampLink) -> None:
        self.target = target
        self.link = link
        self.sock = link.sock
        self.sockaddr = numeric_sockaddr(target)
        self.peer: Peer = self.sockaddr[:2]
        self.id_base = number << LANE_SHIFT
        """What the ids of this lane's probes have in common."""
        self.session = number % MAX_SESSION + 1
        self.sequence = int.from_bytes(os.urandom(4), "big") >> 1 or 1
        self.live = link.live.setdefault(self.peer, {})


class StampLink:
    """One socket, and the probes under way on it: by who must answer, then by sequence number.

    ``troubled``: the kernel has reported an ICMP error, which waits in the error queue.
    """

    __slots__ = ("lanes", "live", "sock", "troubled")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.lanes: Counter[Peer] = Counter()
        self.live: dict[Peer, dict[int, UnderWay]] = {}
        self.troubled = False


class SessionPool:
    """All lanes, and the sockets they need: opened with the first lane, closed with the last.

    Two targets with the same options, address and port get two sockets, since a
    reflector that does not know session numbers counts by address and port. Beyond
    ``MAX_TWINS`` they share, and only the session number tells them apart.
    """

    def __init__(self) -> None:
        self.links: list[StampLink] = []
        self._twins: dict[SessionKey, list[StampLink]] = {}
        self._numbers = itertools.count()
        self._lanes: dict[int, StampLane] = {}

    def open(self, target: WireTarget) -> StampLane:
        """A session of its own for ``target``; raises ``SendError``."""
        link = self._link_for(target)
        lane = StampLane(next(self._numbers), target, link)
        link.lanes[lane.peer] += 1
        self._lanes[lane.id_base] = lane
        return lane

    def lane_of(self, probe_id: int) -> StampLane | None:
        """The lane along which this probe was sent, while it is open."""
        return self._lanes.get(probe_id & ~SEQUENCE_MASK)

    def release(self, lane: StampLane) -> None:
        """Close the lane, and its socket when no other lane uses it. Idempotent."""
        if self._lanes.pop(lane.id_base, None) is None:
            return
        link, peer = lane.link, lane.peer
        for sequence in [seq for seq, probe in lane.live.items() if self._is_of(probe, lane)]:
            del lane.live[sequence]
        link.lanes[peer] -= 1
        if not link.lanes[peer]:
            del link.lanes[peer], link.live[peer]
        if not link.lanes:
            self._close(link)

    def close(self) -> None:
        """Close everything. Idempotent."""
        for link in list(self.links):
            self._close(link)
        self._lanes.clear()

    def _link_for(self, target: WireTarget) -> StampLink:
        """A socket with the target's options; if possible none that talks to the same address."""
        key, peer = session_key(target), numeric_sockaddr(target)[:2]
        twins = self._twins.get(key, [])
        for link in twins:
            if peer not in link.lanes:
                return link
        if len(twins) >= MAX_TWINS:
            return min(twins, key=lambda link: link.lanes[peer])
        link = StampLink(open_session_socket(target, key))
        self._twins.setdefault(key, twins).append(link)
        self.links.append(link)
        return link

    def _close(self, link: StampLink) -> None:
        link.sock.close()
        self.links.remove(link)
        for key, twins in list(self._twins.items()):
            if link in twins:
                twins.remove(link)
                if not twins:
                    del self._twins[key]

    @staticmethod
    def _is_of(probe: UnderWay, lane: StampLane) -> bool:
        return probe[4] & ~SEQUENCE_MASK == lane.id_base


def random_words() -> Iterator[int]:
    """Unpredictable 32-bit numbers without end, fetched from the system by the thousand."""
    while True:
        yield from memoryview(os.urandom(4 * _RANDOMS_AT_ONCE)).cast("I")
