"""What every kind of prober is: the contract between the engine and the wire.

A prober owns sockets, builds packets and recognises answers. It knows nothing
of windows, scores or databases, reads no configuration, and keeps no statistics
but its counters. One kind per file beside this one; ``PROBERS`` in
``health.probers`` lists them.

Order of calls, all from the one thread of the engine::

    prober = IcmpProber()
    prober.send(wire_target, timeout_ns)  -> probe id      (or raises SendError)
    prober.receive()                      -> answers that arrived since
    prober.forget(probe_id)                  when the engine settles it as lost
    prober.close()
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from health.domain.measurement import Outcome, Rejection

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence


class WireTarget(NamedTuple):
    """Where and how one probe leaves: resolved address and the path's socket options.

    ``address`` is a literal IP address; ``port`` 0 for kinds without ports;
    ``source`` "" lets the kernel choose; ``interface`` "" binds to none;
    ``fwmark`` 0 sets none; ``dscp`` 0–63 (RFC 2474).

    A tuple because every send looks its socket options up by it: hashing one is
    three times cheaper than hashing a dataclass.
    """

    address: str
    port: int = 0
    source: str = ""
    interface: str = ""
    fwmark: int = 0
    dscp: int = 0


class Reply(NamedTuple):
    """What came back for one outstanding probe.

    ``rtt_ns`` is set for ``Outcome.ANSWERED`` only; ``detail`` is a sentence
    such as "Destination Host Unreachable from 192.0.2.1".
    """

    probe_id: int
    outcome: Outcome
    rtt_ns: int | None = None
    detail: str = ""


class ProberError(Exception):
    """A prober can't work at all; the message names the cause and the cure."""


class ProberPermissionError(ProberError):
    """The operating system forbids this kind of probe to this process."""


class SendError(Exception):
    """A probe could not be handed to the network.

    ``outcome`` says what that means for the path (``Outcome.LINK_DOWN``,
    ``MISCONFIGURED``, ``DENIED`` or ``CONGESTED``), the message says it in words.
    """

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome


class Prober(Protocol):
    """One kind of probe. Not thread-safe; one instance serves all paths of its kind."""

    kind: str
    rejected: Counter[Rejection]
    """How many received packets were not answers, by reason."""

    def sockets(self) -> Sequence[socket.socket]:
        """The sockets the engine must watch for reading; may grow after a send."""
        ...

    def send(self, target: WireTarget, timeout_ns: int) -> int:
        """Send one probe now and return its id, never used before by this prober.

        An answer whose RTT exceeds ``timeout_ns`` is counted as late and not
        reported, however early or late the engine comes to read it. Raises
        ``SendError`` when the packet did not leave this host.
        """
        ...

    def receive(self) -> list[Reply]:
        """Replies that have arrived; never blocks.

        At most a few thousand packets per call, so that a flood cannot hold the
        engine; the rest stays in the socket and keeps it readable.
        """
        ...

    def forget(self, probe_id: int) -> None:
        """The engine has settled this probe; an answer from now on is late."""
        ...

    def close(self) -> None:
        """Release the sockets. Idempotent."""
        ...
