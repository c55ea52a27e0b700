"""Turns rounds of the engine into batches for the writer.

Lives in the loop's thread: only arithmetic and lists, never a database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain, islice

import orjson

from health.domain.reading import PathReading
from health.domain.recent_history import PathPast, RecentHistory
from health.domain.sample import Sample
from health.domain.status import PathStatus
from health.engine.observers import Round, RoundObserver
from health.engine.path_monitor import PathMonitor
from health.monitoring.writer import Batch, Change, CurrentRow

HANDOVER_SECS = 5.0
MOST_ROWS = 2_000
"""Rows of current health handed over per second."""
ALMOST_A_SECOND_NS = 900_000_000
"""Rounds come each second, a little early or late; none may slip by."""


class Recorder(RoundObserver):
    """A ``RoundObserver`` that hands one batch a second to ``sink``.

    ``paths`` is the engine's own table, read in the loop's thread only; ``past``
    lets the recent history and the running totals go on after a restart.
    """

    def __init__(
        self,
        paths: Mapping[int, PathMonitor],
        sink: Callable[[Batch], None],
        past: Mapping[int, PathPast],
    ) -> None:
        self._paths = paths
        self._sink = sink
        self._past = past
        self._batch = Batch()
        self._last: dict[int, tuple[PathStatus, bool | None]] = {}
        self._histories = {key: RecentHistory.restored(before) for key, before in past.items()}
        self._judged: dict[int, None] = {}
        self._changed: set[int] = set()
        self._handed_ns = 0
        self._latest: Round | None = None

    def restore(self, monitor: PathMonitor) -> None:
        """Let the running totals of a new monitor go on where the path's past ended."""
        past = self._past.get(monitor.spec.key)
        if past is not None:
            monitor.continue_totals(past.probes_total, past.failures)

    def on_round(self, finished: Round) -> None:
        """Note every change; once a second note what was judged and hand the batch over."""
        self._latest = finished
        self._judged.update(dict.fromkeys(finished.judged))
        self._changed.update(finished.changed)
        for key in finished.changed:
            self._note_change(finished, finished.readings[key])
        if finished.at_ns - self._handed_ns < ALMOST_A_SECOND_NS:
            return
        self._handed_ns = finished.at_ns
        self._note_present(finished, MOST_ROWS)
        # Not those that no round has had yet: the loop begins before it knows its paths.
        for gone in self._last.keys() - finished.readings.keys():
            del self._last[gone]
            self._histories.pop(gone, None)
        self._hand_over()

    def on_samples(self, samples: list[Sample]) -> None:
        """Note closed slots; a slot in which nothing was sent or known is no sample."""
        for sample in samples:
            if sample.path in self._histories:
                self._histories[sample.path].note_slot(sample.timestamp, sample.latency_ms)
        self._batch.samples += [one for one in samples if one.sent or one.known_secs]

    def close(self) -> None:
        """Hand over what has come together since the last second, totals included."""
        if self._latest is not None:
            self._judged.update(dict.fromkeys(self._latest.readings))
            self._note_present(self._latest, len(self._judged))
        self._hand_over()

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, Batch()
        self._sink(batch)

    def _note_present(self, finished: Round, most: int) -> None:
        """Note up to ``most`` of the paths judged: what changed first, then who waits longest.

        With thousands of paths all of them at once (the first minute, a common outage)
        would keep this thread and the database busy for the whole second.
        """
        keys = list(islice(chain(self._changed, self._judged), most))
        for key in keys:
            self._changed.discard(key)
            self._judged.pop(key, None)
            reading = finished.readings.get(key)
            if reading is not None and key not in self._batch.current:
                self._batch.current[key] = self._current(finished, reading)

    def _note_change(self, finished: Round, reading: PathReading) -> None:
        key = reading.key
        before = self._last.get(key) or self._before_this_loop(key, finished.wall)
        self._last[key] = (reading.status, reading.reachable)
        if before != self._last[key]:
            self._batch.changes.append(Change(finished.wall, before[0], reading))

    def _before_this_loop(self, key: int, wall: float) -> tuple[PathStatus, bool | None]:
        """What the predecessor said, if it said it just now: a hand-over is no change."""
        past = self._past.get(key)
        if past is None or wall - past.updated_at > HANDOVER_SECS:
            return (PathStatus.UNKNOWN, None)
        return (past.status, past.reachable)

    def _current(self, finished: Round, reading: PathReading) -> CurrentRow:
        monitor = self._paths[reading.key]
        history = self._histories.get(reading.key)
        if history is None:
            history = self._histories[reading.key] = RecentHistory(finished.wall)
        history.note(reading, finished.wall)

        offset = finished.wall - finished.at_ns / 1e9
        checked_ns = reading.checked_ns
        return CurrentRow(
            reading,
            finished.wall,
            None if checked_ns is None else offset + checked_ns / 1e9,
            offset + reading.since_ns / 1e9,
            monitor.probes_total,
            _json(monitor.failures),
            history.spark_json(),
            history.strip_text(),
        )


def _json(failures: dict[str, int]) -> str:
    return orjson.dumps(failures).decode() if failures else "{}"
