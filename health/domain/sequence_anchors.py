"""Which way packets were lost, from the reflector's own numbers.

An *anchor* is an answered probe that no other has overtaken. Between two anchors
everything sent was either answered, lost on the way there, or lost on the way
back, and the reflector has counted the first and the last kind: its two numbers
say how many of the lost ones it had counted. Each such block is judged for
itself, so that an error never outlives its block. Pure and integer.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from health.domain.directions import DirectionStamps

_HALF = 1 << 31
_MODULUS = 1 << 32


class Slice:
    """Sums over the probes of a part of the window, up to ``end_ns``."""

    __slots__ = (
        "answered",
        "backward",
        "backward_variation_ns",
        "end_ns",
        "expired",
        "forward",
        "forward_variation_ns",
        "pairs",
        "probes",
    )

    def __init__(self, end_ns: int) -> None:
        self.end_ns = end_ns
        self.expired = False
        self.probes = 0
        """Those whose direction is known, answered ones included."""
        self.forward = 0
        self.backward = 0
        self.answered = 0
        self.pairs = 0
        self.forward_variation_ns = 0
        self.backward_variation_ns = 0


class _Anchor(NamedTuple):
    """An anchor, and the block that ends with it as it was judged."""

    reflector_sequence: int
    sent_ns: int
    answered: int
    lost: int
    ignored: int
    part: Slice
    probes: int
    forward: int
    backward: int


class SequenceAnchors:
    """Judges the blocks between anchors; fed with settled probes in the order of sending.

    ``timeout_ns``: packets sent further apart than this cannot have overtaken each
    other, or the answer of one would have been too late. A reflector's number that
    falls back over a longer time means that it counts anew.
    """

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        # Numbers rise from left to right; those younger than the timeout, and one more.
        self._anchors: deque[_Anchor] = deque()
        self._highest: tuple[int, int] | None = None
        self._last_sequence: int | None = None
        self._gap = 0
        self._clear_block()

    def _clear_block(self) -> None:
        """Nothing has been taken in since the last anchor."""
        self._answered = 0
        self._lost = 0
        self._ignored = 0

    def lost(self) -> None:
        """The next probe was lost."""
        self._lost += 1
        self._gap += 1

    def ignored(self) -> None:
        """The next probe says nothing."""
        self._ignored += 1
        self._gap += 1

    def answered(self, sent_ns: int, stamps: DirectionStamps, part: Slice) -> bool:
        """The next probe was answered; the verdict on its block is added to ``part``.

        False when our own numbers show that it belongs to another session than
        the one before.
        """
        same_session = self._belongs_to_the_session(stamps.sequence)
        number = stamps.reflector_sequence
        if number is None or not same_session or self._counts_anew(number, sent_ns):
            self._forget()
        if number is None:
            return same_session
        self._undo_overtaken(number)
        self._answered += 1
        if self._highest is None or _ahead(number, self._highest[0]) > 0:
            self._highest = (number, sent_ns)
            self._close_block(number, sent_ns, part)
        return same_session

    def _belongs_to_the_session(self, sequence: int) -> bool:
        expected = None if self._last_sequence is None else self._last_sequence + self._gap + 1
        self._last_sequence = sequence
        self._gap = 0
        return expected is None or (sequence - expected) % _MODULUS == 0

    def _counts_anew(self, number: int, sent_ns: int) -> bool:
        """The number fell back although too much time has passed for an overtaking."""
        if self._highest is None:
            return False
        highest, highest_sent_ns = self._highest
        return _ahead(number, highest) <= 0 and sent_ns - highest_sent_ns >= self._timeout_ns

    def _forget(self) -> None:
        """What was lost since the last anchor stays without a direction."""
        self._anchors.clear()
        self._highest = None
        self._clear_block()

    def _undo_overtaken(self, number: int) -> None:
        """Reopen the blocks of anchors that this probe, sent later, has overtaken."""
        while self._anchors and _ahead(number, self._anchors[-1].reflector_sequence) <= 0:
            anchor = self._anchors.pop()
            self._answered += anchor.answered
            self._lost += anchor.lost
            self._ignored += anchor.ignored
            if not anchor.part.expired:
                anchor.part.probes -= anchor.probes
                anchor.part.forward -= anchor.forward
                anchor.part.backward -= anchor.backward

    def _close_block(self, number: int, sent_ns: int, part: Slice) -> None:
        verdict = self._verdict(number)
        probes, forward, backward = verdict
        part.probes += probes
        part.forward += forward
        part.backward += backward
        anchors = self._anchors
        anchors.append(
            _Anchor(number, sent_ns, self._answered, self._lost, self._ignored, part, *verdict)
        )
        while len(anchors) > 1 and sent_ns - anchors[1].sent_ns >= self._timeout_ns:
            anchors.popleft()
        self._clear_block()

    def _verdict(self, number: int) -> tuple[int, int, int]:
        """Probes whose direction is known, lost there, lost back, in the block that ends here."""
        if self._lost == 0 or not self._anchors:  # nothing to tell, or nothing to count from
            return self._answered, 0, 0
        counted = _ahead(number, self._anchors[-1].reflector_sequence)
        backward = counted - self._answered
        if self._ignored or not 0 <= backward <= self._lost:
            # More counted than sent: packets were doubled on the way, and nobody knows which.
            return self._answered, 0, 0
        return self._answered + self._lost, self._lost - backward, backward


def _ahead(number: int, other: int) -> int:
    """How far ``number`` is ahead of ``other``, across the wrap of 32 bits (cf. RFC 1982)."""
    return (number - other + _HALF) % _MODULUS - _HALF
