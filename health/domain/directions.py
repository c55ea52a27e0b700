"""The way there and the way back, told apart: what STAMP adds to a round trip.

Both ends stamp with clocks of their own that nobody synchronises, so a single
one-way time means nothing; differences of two, and counts, mean much.

A stateful reflector numbers the packets it answers (RFC 8762 §4.3). Between two
answers it has counted some packets; those among them that were not answered were
lost on the way back, the other lost ones never reached it. ``sequence_anchors``
does that counting; here are the words, the order of sending, the span and the
sums. Integers only; no clock: every call says what time it is.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from health.domain.sequence_anchors import SequenceAnchors, Slice

MIN_PROBES = 10
"""Fewer than this say nothing."""
MIN_WINDOW_PROBES = 60
"""A window always has room for this many probes, whatever their interval."""
SLICES = 20
"""Parts of the span; the oldest is dropped as a whole."""
STEP_ALLOWANCE_NS = 1_000_000
"""By how much a variation may exceed the round trip before it is a stepped clock: 1 ms."""

_NS_PER_MS = 1_000_000
_PENDING = None
_LOST = 0
_IGNORED = 1


class DirectionStamps(NamedTuple):
    """What one answered test packet says about each direction (RFC 8762 §4).

    ``sequence`` is the number our packet carried and ``reflector_sequence`` the
    reflector's own count of packets of this session (None from a stateless
    reflector, which repeats ours). ``forward_ns`` is the reflector's time of
    arrival minus our time of sending, ``backward_ns`` our time of arrival minus
    the reflector's time of sending; both contain the unknown offset of the clocks,
    which cancels in their sum, the round-trip time.
    """

    sequence: int
    reflector_sequence: int | None
    forward_ns: int
    backward_ns: int


class DirectionMetrics(NamedTuple):
    """Loss (percent) and delay variation (ms, RFC 3393) of each direction; None where unknown."""

    forward_loss_pct: float | None = None
    backward_loss_pct: float | None = None
    forward_jitter_ms: float | None = None
    backward_jitter_ms: float | None = None


NO_DIRECTIONS = DirectionMetrics()


class DirectionWindow:
    """What the probes of the last ``span_ns`` nanoseconds say about each direction.

    ``interval_ns`` is the usual spacing; the span is stretched so that it never
    holds fewer than ``MIN_WINDOW_PROBES`` probes, and it is forgotten in slices of
    a twentieth. ``timeout_ns`` is how late an answer may be, and so how far packets
    can have overtaken each other.

    Every packet of the session is entered in the order of sending, under any key of
    its own, and settles in any order: ``sent``, then exactly one of ``answered``,
    ``lost`` and ``ignored``. The reflector counts them all, so those that are in no
    statistic (confirmations of a loss) are needed too: ``counts`` False.
    """

    def __init__(self, span_ns: int, interval_ns: int, timeout_ns: int) -> None:
        self.span_ns = max(span_ns, MIN_WINDOW_PROBES * interval_ns)
        self._slice_ns = max(1, self.span_ns // SLICES)
        self._open: dict[int, tuple[int, bool, DirectionStamps | int | None]] = {}
        self._slices: deque[Slice] = deque()
        self._anchors = SequenceAnchors(timeout_ns)
        self._neighbour: DirectionStamps | None = None

    def sent(self, key: int, sent_ns: int, *, counts: bool = True) -> None:
        """A probe has left this host at ``sent_ns`` (monotonic); not for those that could not."""
        self._open[key] = (sent_ns, counts, _PENDING)

    def answered(self, key: int, stamps: DirectionStamps | None) -> None:
        """A probe was answered; ``stamps`` None when its answer tells no directions."""
        self._settle(key, _IGNORED if stamps is None else stamps)

    def lost(self, key: int) -> None:
        """A probe was lost, by silence or by refusal."""
        self._settle(key, _LOST)

    def ignored(self, key: int) -> None:
        """A probe that was sent says nothing, by a fault of this host."""
        self._settle(key, _IGNORED)

    def expire(self, now_ns: int) -> None:
        """Drop what was sent before the span."""
        oldest_ns = now_ns - self.span_ns
        slices = self._slices
        while slices and slices[0].end_ns <= oldest_ns:
            slices.popleft().expired = True
        while self._open:  # one that never settles would hold up all that follow
            oldest = next(iter(self._open))
            if self._open[oldest][0] >= oldest_ns:
                break
            self._settle(oldest, _IGNORED)

    def metrics(self) -> DirectionMetrics:
        """The figures; loss in percent of all probes whose direction is known.

        Forward and backward loss add up to the round-trip loss of those probes.
        Losses since the last answer are not among them: only a later answer tells.
        """
        probes = forward = backward = pairs = forward_sum = backward_sum = 0
        answered = 0
        for part in self._slices:
            probes += part.probes
            forward += part.forward
            backward += part.backward
            answered += part.answered
            pairs += part.pairs
            forward_sum += part.forward_variation_ns
            backward_sum += part.backward_variation_ns
        if max(probes, answered) < MIN_PROBES:
            return NO_DIRECTIONS
        lossy = probes >= MIN_PROBES
        varied = pairs > 0 and answered >= MIN_PROBES
        return DirectionMetrics(
            100.0 * forward / probes if lossy else None,
            100.0 * backward / probes if lossy else None,
            forward_sum / pairs / _NS_PER_MS if varied else None,
            backward_sum / pairs / _NS_PER_MS if varied else None,
        )

    def _settle(self, key: int, result: DirectionStamps | int) -> None:
        """Store the end of a probe, then take in all that have ended, in the order of sending."""
        probe = self._open.get(key)
        if probe is None or probe[2] is not _PENDING:
            return
        sent_ns, counts, _ = probe
        self._open[key] = (sent_ns, counts, result)
        while self._open:
            oldest = next(iter(self._open))
            sent_ns, counts, end = self._open[oldest]
            if end is _PENDING:
                return
            del self._open[oldest]
            self._take(sent_ns, counts, end)

    def _take(self, sent_ns: int, counts: bool, end: DirectionStamps | int) -> None:
        if not isinstance(end, DirectionStamps):
            if counts:
                self._neighbour = None
            if end == _LOST:
                self._anchors.lost(counts)
            else:
                self._anchors.ignored()
            return
        part = self._slice_of(sent_ns)
        same_session = self._anchors.answered(sent_ns, counts, end, part)
        if not counts:
            return
        part.answered += 1
        if same_session and self._neighbour is not None:
            _add_variation(part, self._neighbour, end)
        self._neighbour = end

    def _slice_of(self, sent_ns: int) -> Slice:
        slices = self._slices
        if not slices or sent_ns >= slices[-1].end_ns:
            slices.append(Slice((sent_ns // self._slice_ns + 1) * self._slice_ns))
        return slices[-1]


def _add_variation(part: Slice, before: DirectionStamps, after: DirectionStamps) -> None:
    """Add |Dᵢ − Dᵢ₋₁| of each direction (RFC 3393), unless a clock was stepped in between.

    A one-way delay lies between zero and the round-trip time, so it cannot vary
    by more than the longer of the two round trips. What exceeds that is the step
    of a clock, and both directions leave this pair out.
    """
    forward_ns = abs(after.forward_ns - before.forward_ns)
    backward_ns = abs(after.backward_ns - before.backward_ns)
    longest_ns = STEP_ALLOWANCE_NS + max(
        before.forward_ns + before.backward_ns, after.forward_ns + after.backward_ns
    )
    if forward_ns > longest_ns or backward_ns > longest_ns:
        return
    part.pairs += 1
    part.forward_variation_ns += forward_ns
    part.backward_variation_ns += backward_ns
