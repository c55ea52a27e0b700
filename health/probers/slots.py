"""The table of outstanding probes: which received packet answers which probe.

65,536 slots because an echo request has a 16-bit sequence number (RFC 792) and
that number is the slot. Knows no packets and no sockets; a prober says who must
answer (``Peer``) and what only the true answer can carry (the proof).
"""

from __future__ import annotations

from array import array
from typing import TypeAlias

from health.domain.measurement import Outcome, Rejection
from health.probers.base import SendError

SLOTS = 65_536
SLOT_MASK = SLOTS - 1
REMEMBER_NS = 10_000_000_000
"""For how long an answer to a settled probe is still recognised: 10 s."""
MAX_SCAN = 64
"""Occupied slots to pass over before the table counts as full."""

_DUPLICATE = Rejection.DUPLICATE

Peer: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""Address and port a reply must come from, as the socket reports it (ip(7), ipv6(7))."""

Proof: TypeAlias = int | bytes
"""What only a host that received the probe can send back."""

Outstanding: TypeAlias = tuple[int, Peer, Proof, int, int, int]
"""(probe id, peer, proof, sent wall ns, sent monotonic ns, timeout ns).

A plain tuple: one is made for each probe, and a class costs four times as much.
"""


class SlotTable:
    """Outstanding probes by slot, and the last settled probe of each slot."""

    def __init__(self) -> None:
        self.live: list[Outstanding | None] = [None] * SLOTS
        """The outstanding probe of each slot; to be read, not written."""
        # The memory of settled probes keeps no objects of its own: 65,536 dead tuples
        # would push everything else out of the processor's cache at every turn.
        self._settled_as: list[Rejection | None] = [None] * SLOTS
        self._settled_peer: list[Peer | None] = [None] * SLOTS
        self._settled_proof = array("q", bytes(8 * SLOTS))
        self._settled_ns = array("q", bytes(8 * SLOTS))
        self._next_id = 0
        self.exhausted = 0
        """How often no slot was free."""

    def claim(self, now_ns: int) -> int:
        """The next probe id whose slot (its low 16 bits) is free; ``now_ns`` is monotonic.

        A live slot is never used again; a probe that was never settled counts
        as abandoned 10 s after its timeout. Raises ``SendError`` (congested)
        when no slot is free.
        """
        first = self._next_id
        if self.live[first & SLOT_MASK] is None:  # nearly always
            self._next_id = first + 1
            return first
        for probe_id in range(first, first + MAX_SCAN):
            live = self.live[probe_id & SLOT_MASK]
            if live is None or now_ns > live[4] + live[5] + REMEMBER_NS:
                self._next_id = probe_id + 1
                return probe_id
        self._next_id = first + MAX_SCAN
        self.exhausted += 1
        raise SendError(
            Outcome.CONGESTED,
            f"no free slot: {SLOTS} probes are outstanding; "
            "use longer intervals or shorter timeouts",
        )

    def open(self, probe: Outstanding) -> None:
        """The probe has left; answers to it are expected from now on."""
        self.live[probe[0] & SLOT_MASK] = probe

    def find(self, sequence: int) -> Outstanding | None:
        """The outstanding probe with these low 16 bits, if any."""
        return self.live[sequence & SLOT_MASK]

    def settle(self, probe: Outstanding, now_ns: int) -> None:
        """The probe was answered or refused: any further answer is a duplicate."""
        slot = probe[0] & SLOT_MASK
        self.live[slot] = None
        self._settled_as[slot] = _DUPLICATE
        self._settled_peer[slot] = probe[1]
        self._settled_proof[slot] = hash(probe[2])
        self._settled_ns[slot] = now_ns

    def forget(self, probe_id: int, now_ns: int) -> None:
        """The probe was given up: an answer from now on is late. Unknown ids are ignored."""
        probe = self.live[probe_id & SLOT_MASK]
        if probe is not None and probe[0] == probe_id:
            self.settle(probe, now_ns)
            self._settled_as[probe_id & SLOT_MASK] = Rejection.LATE

    def explain(self, sequence: int, peer: Peer, proof: Proof, now_ns: int) -> Rejection:
        """Why a well-formed packet answers no outstanding probe."""
        slot = sequence & SLOT_MASK
        rejection = self._settled_as[slot]
        if self._settled_proof[slot] != hash(proof) or self._settled_peer[slot] != peer:
            return Rejection.FOREIGN
        if rejection is None or now_ns - self._settled_ns[slot] > REMEMBER_NS:
            return Rejection.FOREIGN
        return rejection
