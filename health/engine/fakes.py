"""A prober without a network: answers as its script says, in the time of a ``FakeClock``.

A public double for tests and simulations of the engine. Nothing of it is random,
nothing of it waits, and no packet leaves this process.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from health.domain.measurement import Outcome, Rejection
from health.engine.clock import Clock
from health.probers.base import Lane, Reply, SendError, WireTarget

_NS_PER_MS = 1_000_000


class Behaviour(NamedTuple):
    """How an address treats the probes sent from now on.

    ``ANSWERED`` and ``REFUSED`` arrive ``after_ms`` milliseconds later, ``LOST``
    never; every other outcome is the failure of the sending itself, with ``queue_full``
    that of the uplink's send queue.
    """

    outcome: Outcome = Outcome.ANSWERED
    after_ms: float = 20.0
    detail: str = ""
    queue_full: bool = False


ANSWERS = Behaviour()
SILENCE = Behaviour(Outcome.LOST)


class SentProbe(NamedTuple):
    """One probe that was sent; ``at_ns`` is monotonic nanoseconds."""

    probe_id: int
    target: WireTarget
    at_ns: int


class _UnderWay(NamedTuple):
    arrives_ns: int
    reply: Reply


class ScriptedProber:
    """Implements ``Prober``. Every address answers after 20 ms until ``script`` says otherwise.

    Its one socket is always readable, so that an engine whose clock stands still
    never waits in real time.
    """

    def __init__(self, clock: Clock, kind: str = "scripted") -> None:
        self.kind = kind
        self.rejected: Counter[Rejection] = Counter()
        self.sent: list[SentProbe] = []
        self.forgotten: list[int] = []
        self._clock = clock
        self._behaviours: dict[str, Behaviour] = {}
        self._under_way: dict[int, _UnderWay] = {}
        self._next_id = 0
        self._readable, self._other_end = socket.socketpair()
        self._other_end.send(b"!")

    def script(self, address: str, behaviour: Behaviour) -> None:
        """Let ``address`` behave like that from the next probe on."""
        self._behaviours[address] = behaviour

    def sent_to(self, address: str) -> list[SentProbe]:
        """The probes that ``address`` was sent so far."""
        return [probe for probe in self.sent if probe.target.address == address]

    def sockets(self) -> Sequence[socket.socket]:
        """One socket that always has something to read."""
        return (self._readable,)

    def prepare(self, target: WireTarget) -> Lane:
        """A lane is the target itself."""
        return target

    def release(self, lane: Lane) -> None:
        """Nothing was made ready, nothing is undone."""

    def send(self, target: WireTarget, timeout_ns: int) -> int:
        """Note the probe and plan its end; raises ``SendError`` when the script says so."""
        behaviour = self._behaviours.get(target.address, ANSWERS)
        outcome = behaviour.outcome
        if not (outcome.is_measurement and outcome is not Outcome.LINK_DOWN):
            raise SendError(outcome, behaviour.detail, queue_full=behaviour.queue_full)
        now_ns, probe_id = self._clock.monotonic_ns(), self._next_id
        self._next_id += 1
        self.sent.append(SentProbe(probe_id, target, now_ns))
        after_ns = round(behaviour.after_ms * _NS_PER_MS)
        if outcome is not Outcome.LOST and after_ns <= timeout_ns:
            rtt_ns = after_ns if outcome is Outcome.ANSWERED else None
            reply = Reply(probe_id, outcome, rtt_ns, behaviour.detail)
            self._under_way[probe_id] = _UnderWay(now_ns + after_ns, reply)
        return probe_id

    def receive(self) -> list[Reply]:
        """What has arrived by now, in the order of arrival."""
        now_ns = self._clock.monotonic_ns()
        arrived = [one for one in self._under_way.values() if one.arrives_ns <= now_ns]
        for one in arrived:
            del self._under_way[one.reply.probe_id]
        return [one.reply for one in sorted(arrived, key=lambda one: one.arrives_ns)]

    def dropped(self) -> int:
        """None: nothing is lost in a receive buffer here."""
        return 0

    def forget(self, probe_id: int) -> None:
        """The engine gave the probe up; whatever arrives for it now is late."""
        self.forgotten.append(probe_id)
        if self._under_way.pop(probe_id, None) is not None:
            self.rejected[Rejection.LATE] += 1

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self._readable.close()
        self._other_end.close()
