"""The second thread of the monitor: everything the loop wants from the database.

The loop never waits for it. While the database is away batches come together
here, up to ``MAX_WAITING_SAMPLES`` and ``MAX_WAITING_CHANGES``; beyond that the
oldest are dropped and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection

from health.domain.path_spec import PathSpec
from health.monitoring.writer import Batch, write_batch
from health.selectors.configuration import configuration_fingerprint, path_specs

log = logging.getLogger(__name__)

POLL_SECS = 1.0
RELOAD_ANYWAY_SECS = 30.0
"""A fingerprint can miss concurrent edits on PostgreSQL or a clock set back; this can't."""
MAX_WAITING_SAMPLES = 200_000
MAX_WAITING_CHANGES = 50_000


class DatabaseThread:
    """Writes batches and watches the configuration, about once a second.

    ``configure`` receives the paths of the vantage whenever they may have
    changed.
    """

    def __init__(
        self,
        vantage_name: str,
        epoch: int,
        configure: Callable[[list[PathSpec]], None],
    ) -> None:
        self.dropped_samples = 0
        self.dropped_changes = 0
        self._vantage_name = vantage_name
        self._epoch = epoch
        self._configure = configure
        self._waiting = Batch()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._written_until: int | None = None
        self._fingerprint: object = None
        self._reload_at = 0.0
        self._thread = threading.Thread(target=self._run, name="database", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(self, batch: Batch) -> None:
        """Take a batch over; returns at once."""
        with self._lock:
            self._waiting.absorb(batch)
            self.dropped_samples += _drop_oldest(self._waiting.samples, MAX_WAITING_SAMPLES)
            self.dropped_changes += _drop_oldest(self._waiting.changes, MAX_WAITING_CHANGES)
        self._wake.set()

    def stop(self, timeout_secs: float) -> None:
        """Write what is waiting and end; give up after ``timeout_secs``."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout_secs)

    def _run(self) -> None:
        try:
            while True:
                last_turn = self._stopping
                self._turn(last_turn=last_turn)
                if last_turn:
                    return
                self._wake.wait(POLL_SECS)
                self._wake.clear()
        finally:
            connection.close()

    def _turn(self, *, last_turn: bool) -> None:
        # Apart: a batch that can't be written must not hide an edit.
        self._guarded(self._write)
        if not last_turn:
            self._guarded(self._watch_configuration)

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except DatabaseError as error:
            log.warning("the database is away, measuring goes on: %s", error)
            connection.close()
        except Exception:
            # A defect here must not silently end the writing of history.
            log.exception("the database thread met a defect; what it had is kept")

    def _write(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, Batch()
        if not batch:
            return
        try:
            write_batch(batch, epoch=self._epoch, written_until=self._written_until)
        except BaseException:
            with self._lock:
                batch.absorb(self._waiting)
                self._waiting = batch
            raise
        if batch.samples:
            newest = max(sample.timestamp for sample in batch.samples)
            self._written_until = max(newest, self._written_until or 0)

    def _watch_configuration(self) -> None:
        fingerprint = configuration_fingerprint()
        now = time.monotonic()
        if fingerprint == self._fingerprint and now < self._reload_at:
            return
        self._configure(path_specs(self._vantage_name))
        self._fingerprint = fingerprint
        self._reload_at = now + RELOAD_ANYWAY_SECS


def _drop_oldest(waiting: list[Any], limit: int) -> int:
    """Shorten ``waiting`` to ``limit``; returns how many fell out."""
    excess = max(0, len(waiting) - limit)
    del waiting[:excess]
    return excess
