"""Who is told about measurements: the protocol by which others hang on to the loop.

health defines it, failover implements it, sdwan_site brings them together, so
that health never imports failover.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

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
    that an observer attends to, the base probes of each target that settled since its round before.
    """

    at_ns: int
    wall: float
    readings: Mapping[int, PathReading]
    judged: Sequence[int]
    changed: frozenset[int]
    overruns: int
    lag_ns: int
    probes: Mapping[int, Sequence[TargetProbes]] = field(default_factory=dict)


class RoundObserver(Protocol):
    """Called in the loop's own thread: must return at once and never touch a database."""

    def on_round(self, finished: Round) -> None:
        """Take note of a round. An exception is logged and stops nothing."""
        ...

    def attends(self) -> Collection[int]:
        """Keys of paths whose reading must be of this very second, however many there are.

        Their single probes come with each round as well.
        """
        ...

    def close(self) -> None:
        """The loop ends; finish what is under way within a second or two."""
        ...


class RecordingObserver:
    """Keeps every round; a public double for tests."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self.closed = False

    def on_round(self, finished: Round) -> None:
        """Keep it."""
        self.rounds.append(finished)

    def attends(self) -> Collection[int]:
        """None in particular."""
        return ()

    def close(self) -> None:
        """Remember that the loop has ended."""
        self.closed = True
