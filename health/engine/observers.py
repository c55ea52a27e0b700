"""Who is told about measurements: the protocol by which others hang on to the loop.

health defines it, failover implements it, sdwan_site brings them together, so
that health never imports failover.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from health.domain.reading import PathReading, TargetProbes


@dataclass(frozen=True, slots=True)
class Round:
    """What the engine knows at one moment.

    ``at_ns`` is monotonic nanoseconds, ``wall`` seconds since 1970 (UTC).
    ``readings`` has every path by its key, ``judged`` the keys that were judged in this
    round (with thousands of paths calm ones take turns), ``changed`` those whose status
    or reachability differs from before. ``overruns`` counts probes that
    were not sent since the round before because the loop was late;
    ``lag_ns`` is the worst lateness in that time. ``probes`` has, for every judged path
    that an observer attends to, the base probes of each target that settled since its round
    before. ``reference_answers`` says whether this host reaches itself, None when unknown.
    """

    at_ns: int
    wall: float
    readings: Mapping[int, PathReading]
    judged: Sequence[int]
    changed: frozenset[int]
    overruns: int
    lag_ns: int
    probes: Mapping[int, Sequence[TargetProbes]] = field(default_factory=dict)
    reference_answers: bool | None = None


class RoundObserver(Protocol):
    """Called in the loop's own thread: must return at once and never touch a database.

    Who inherits needs only ``on_round``: the rest wants nothing and leaves nothing.
    """

    def on_round(self, finished: Round) -> None:
        """Take note of a round. An exception is logged and stops nothing."""
        ...

    def attends(self) -> Collection[int]:
        """Keys of paths whose reading must be of this very second, however many there are.

        Their single probes come with each round as well.
        """
        return ()

    def doubts(self) -> Collection[int]:
        """Keys of paths of which it must be known now whether they still answer.

        Asked after each round. Each target is sent three probes at once, once for as long as
        the path stays in doubt; ``PathReading.in_doubt`` until they have been answered.
        """
        return ()

    def record(self) -> Any:
        """JSON values for the ``restore`` of a successor, taken when the loop ends."""
        return None

    def restore(self, record: Any) -> None:
        """Go on where a predecessor's ``record`` was taken; before the first round."""
        return

    def close(self) -> None:
        """The loop ends; finish what is under way within a second or two."""
        return


class RecordingObserver(RoundObserver):
    """Keeps every round; a public double for tests."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self.closed = False

    def on_round(self, finished: Round) -> None:
        """Keep it."""
        self.rounds.append(finished)

    def close(self) -> None:
        """Remember that the loop has ended."""
        self.closed = True
