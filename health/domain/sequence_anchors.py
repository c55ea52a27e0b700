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


class _Block(NamedTuple):
    """What lies between two anchors, the second included.

    ``seen`` are all answered probes, ``answered`` those among them that count;
    ``lost`` are those that count, ``lost_others`` the rest.
    """

    seen: int = 0
    answered: int = 0
    lost: int = 0
    lost_others: int = 0
    ignored: int = 0


class _Verdict(NamedTuple):
    """Probes that count and whose direction is known, and the lost ones among them."""

    probes: int
    forward: int
    backward: int


class _Anchor(NamedTuple):
    """An anchor, the block that ends with it, and what became of the block."""

    reflector_sequence: int
    sent_ns: int
    block: _Block
    part: Slice
    verdict: _Verdict


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
        self._seen = 0
        self._answered = 0
        self._lost = 0
        self._lost_others = 0
        self._ignored = 0

    def lost(self, counts: bool) -> None:
        """The next probe was lost."""
        self._gap += 1
        if counts:
            self._lost += 1
        else:
            self._lost_others += 1

    def ignored(self) -> None:
        """The next probe says nothing."""
        self._gap += 1
        self._ignored += 1

    def answered(self, sent_ns: int, counts: bool, stamps: DirectionStamps, part: Slice) -> bool:
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
        self._seen += 1
        self._answered += counts
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
            _, _, block, part, verdict = self._anchors.pop()
            self._seen += block.seen
            self._answered += block.answered
            self._lost += block.lost
            self._lost_others += block.lost_others
            self._ignored += block.ignored
            if not part.expired:
                part.probes -= verdict.probes
                part.forward -= verdict.forward
                part.backward -= verdict.backward

    def _close_block(self, number: int, sent_ns: int, part: Slice) -> None:
        anchors = self._anchors
        if self._lost or self._lost_others or self._ignored or self._seen > 1:
            block = _Block(self._seen, self._answered, self._lost, self._lost_others, self._ignored)
            verdict = self._verdict(number)
            self._clear_block()
        else:  # nearly always
            block = _UNDISTURBED[self._answered]
            verdict = _NOTHING_LOST[self._answered]
            self._seen = self._answered = 0
        part.probes += verdict.probes
        part.forward += verdict.forward
        part.backward += verdict.backward
        anchors.append(_Anchor(number, sent_ns, block, part, verdict))
        while len(anchors) > 1 and sent_ns - anchors[1].sent_ns >= self._timeout_ns:
            anchors.popleft()

    def _verdict(self, number: int) -> _Verdict:
        """What the reflector's number says of the block that ends with it."""
        nothing_known = _Verdict(self._answered, 0, 0)
        if not self._lost or not self._anchors:  # nothing to tell, or nothing to count from
            return nothing_known
        lost = self._lost + self._lost_others
        backward = _ahead(number, self._anchors[-1].reflector_sequence) - self._seen
        if self._ignored or not 0 <= backward <= lost:
            # More counted than sent: packets were doubled on the way, and nobody knows which.
            return nothing_known
        # In proportion where some were lost there and some back and not all of them count.
        ours = (2 * backward * self._lost + lost) // (2 * lost)
        return _Verdict(self._answered + self._lost, self._lost - ours, ours)


_UNDISTURBED = (_Block(1, 0), _Block(1, 1))
_NOTHING_LOST = (_Verdict(0, 0, 0), _Verdict(1, 0, 0))


def _ahead(number: int, other: int) -> int:
    """How far ``number`` is ahead of ``other``, across the wrap of 32 bits (cf. RFC 1982)."""
    return (number - other + _HALF) % _MODULUS - _HALF
