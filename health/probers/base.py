"""What every kind of prober is: the contract between the engine and the wire.

A prober owns sockets, builds packets and recognises answers. It knows nothing
of windows, scores or databases, reads no configuration, and keeps no statistics
but its counters. One kind per file beside this one; ``PROBERS`` in
``health.probers`` lists them.

Order of calls, all from the one thread of the engine::

    prober = IcmpProber()
    lane = prober.prepare(wire_target)    -> what sending needs (or raises SendError)
    prober.send(lane, timeout_ns)         -> probe id           (or raises SendError)
    prober.receive()                      -> answers that arrived since
    prober.forget(probe_id)                  when the engine settles it as lost
    prober.release(lane)                     when nothing is sent along it any more
    prober.close()
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from health.domain.measurement import Outcome, Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from health.domain.directions import DirectionStamps


class WireTarget(NamedTuple):
    """Where and how the probes of one target leave: resolved address and socket options.

    ``address`` is a literal IP address; ``port`` 0 for kinds without ports;
    ``source`` "" lets the kernel choose; ``interface`` "" binds to none, and
    ``interface_index`` is its index in the kernel (0: look it up by the name);
    ``fwmark`` 0 sets none; ``dscp`` 0–63 (RFC 2474).

    What is asked and what counts as an answer, for kinds that ask something:
    ``request`` is the name to resolve (dns) or the URL to fetch (http),
    ``expected_text`` what the answer must contain ("": anything),
    ``expected_status`` the HTTP status that counts (0: any from 200 to 399).
    """

    address: str
    port: int = 0
    source: str = ""
    interface: str = ""
    interface_index: int = 0
    fwmark: int = 0
    dscp: int = 0
    request: str = ""
    expected_text: str = ""
    expected_status: int = 0


Lane: TypeAlias = Any
"""A target made ready for sending; only the prober that made it looks inside."""


class Reply(NamedTuple):
    """What came back for one outstanding probe.

    ``rtt_ns`` is set for ``Outcome.ANSWERED`` only; ``detail`` is a sentence
    such as "Destination Host Unreachable from 192.0.2.1". ``directions`` is set
    by kinds that can tell the way there from the way back.
    """

    probe_id: int
    outcome: Outcome
    rtt_ns: int | None = None
    detail: str = ""
    directions: DirectionStamps | None = None


class ProberError(Exception):
    """A prober can't work at all; the message names the cause and the cure."""


class ProberPermissionError(ProberError):
    """The operating system forbids this kind of probe to this process."""


class SendError(Exception):
    """A probe could not be handed to the network.

    ``outcome`` says what that means for the path (``Outcome.LINK_DOWN``,
    ``MISCONFIGURED``, ``DENIED`` or ``CONGESTED``), the message says it in words.
    ``no_route`` marks the kernel's "no route" and "host unreachable": with a verified
    probe route these are the network's doing and count as loss. ``queue_full`` marks
    the kernel's "no buffer space": the uplink's own send queue takes nothing. No other
    shortage is the uplink's doing, however long it lasts.
    """

    def __init__(
        self,
        outcome: Outcome,
        message: str,
        *,
        no_route: bool = False,
        queue_full: bool = False,
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.no_route = no_route
        self.queue_full = queue_full


class Watchable(Protocol):
    """A socket, or an epoll over several."""

    def fileno(self) -> int:
        """The descriptor that becomes readable."""
        ...


class Prober(Protocol):
    """One kind of probe. Not thread-safe; one instance serves all paths of its kind."""

    kind: str
    rejected: Counter[Rejection]
    """How many received packets were not answers, by reason."""

    def sockets(self) -> Sequence[Watchable]:
        """The sockets whose answers the engine must read at once, as they are now.

        Only those of which nobody else stamps the time of arrival. Others the
        engine reads at its next turn: a wake-up costs more than a probe.
        """
        ...

    def prepare(self, target: WireTarget) -> Lane:
        """Everything that can be made ready ahead of sending to ``target``.

        Raises ``SendError`` when nothing can be sent to it as things are.
        """
        ...

    def send(self, lane: Lane, timeout_ns: int) -> int:
        """Send one probe now and return its id, never used before by this prober.

        An answer whose RTT exceeds ``timeout_ns`` is counted as late and not
        reported, however early or late the engine comes to read it. Raises
        ``SendError`` when the packet did not leave this host. Never blocks.
        """
        ...

    def receive(self) -> list[Reply]:
        """Replies that have arrived; never blocks.

        At most a few thousand packets per call, so that a flood cannot hold the
        engine; the rest stays in the socket.
        """
        ...

    def dropped(self) -> int:
        """Packets that the kernel dropped because a receive buffer was full, so far.

        An answer may have been among them; 0 for kinds whose answers can't be dropped so.
        """
        ...

    def forget(self, probe_id: int) -> None:
        """The engine has settled this probe; an answer from now on is late."""
        ...

    def release(self, lane: Lane) -> None:
        """Nothing more is sent along this lane; what it alone used may be closed.

        Answers to probes under way may be lost with it.
        """
        ...

    def close(self) -> None:
        """Release the sockets. Idempotent."""
        ...
