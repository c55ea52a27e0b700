"""What one probe can end as, and whose fault it was.

The vocabulary of the measuring side: probers report these values, windows and
liveness judge them. Nothing that needs a socket or a clock may enter.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How one probe ended.

    Only ``ANSWERED``, ``LOST`` and ``REFUSED`` say something about the network
    and enter the statistics; the rest are faults of this host and never count
    as packet loss.
    """

    ANSWERED = "answered"
    LOST = "lost"
    """No answer within the timeout of the probe profile."""
    REFUSED = "refused"
    """A router or the target reported an error (RFC 792, RFC 4443): loss with a reason."""
    LINK_DOWN = "link_down"
    """The uplink's interface is down or gone: proven locally, dead at once."""
    MISCONFIGURED = "misconfigured"
    """No route for the probe although the path needs one: says nothing about the path."""
    DENIED = "denied"
    """The operating system forbids the probe (EPERM, EACCES)."""
    CONGESTED = "congested"
    """The local send queue is full (ENOBUFS)."""
    VOID = "void"
    """The monitor itself was late; the slot was not used."""

    @property
    def is_loss(self) -> bool:
        """True when the outcome counts as a lost packet."""
        return self in _LOSSES

    @property
    def is_measurement(self) -> bool:
        """True when the outcome says something about the network."""
        return self is Outcome.ANSWERED or self in _LOSSES


_LOSSES = frozenset({Outcome.LOST, Outcome.REFUSED, Outcome.LINK_DOWN})


class Rejection(StrEnum):
    """Why a received packet is not the answer to an outstanding probe.

    Rejected packets are counted and shown; none of them is ever an answer.
    """

    FOREIGN = "foreign"
    """Not ours: other identifier, other source address, or a token we did not make."""
    DUPLICATE = "duplicate"
    """The probe had been answered before."""
    LATE = "late"
    """Ours, but after the probe was settled as lost."""
    CORRUPT = "corrupt"
    """Too short, malformed, or wrong checksum."""


class Settled(NamedTuple):
    """The end of one probe.

    ``rtt_ns`` is the round-trip time in nanoseconds (RFC 2681) of an answered
    probe and None otherwise; ``detail`` is a sentence for people, or empty.
    """

    outcome: Outcome
    rtt_ns: int | None = None
    detail: str = ""
