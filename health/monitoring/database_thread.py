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

from django.db import DatabaseError, InterfaceError, OperationalError, connection

from health.domain.path_spec import PathSpec
from health.domain.uplink_spec import UplinkSpec
from health.monitoring.writer import Batch, write_batch
from health.selectors.configuration import (
    configuration_fingerprint,
    path_specs,
    uplink_specs,
)

log = logging.getLogger(__name__)

POLL_SECS = 1.0
RELOAD_ANYWAY_SECS = 30.0
"""A fingerprint can miss concurrent edits on PostgreSQL or a clock set back; this can't."""
RELOAD_SHARE = 0.01
"""How much of the time such reloads may take; with 10,000 paths they come more seldom."""
LONGEST_REST_SECS = 0.05
REFUSALS = 3
"""How often a batch is tried that the database refuses, or that meets a defect here."""
MAX_WAITING_SAMPLES = 200_000
MAX_WAITING_CHANGES = 50_000


class DatabaseThread:
    """Writes batches and watches the configuration, about once a second.

    ``configure`` receives the paths and the uplinks of the vantage whenever they may
    have changed. ``wall`` is the time in seconds since 1970, UTC.
    """

    def __init__(
        self,
        vantage_name: str,
        epoch: int,
        configure: Callable[[list[PathSpec], list[UplinkSpec]], None],
        wall: Callable[[], float],
    ) -> None:
        self.dropped_samples = 0
        self.dropped_changes = 0
        self._vantage_name = vantage_name
        self._epoch = epoch
        self._configure = configure
        self._wall = wall
        self._waiting = Batch()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._written_until: int | None = None
        self._specs: dict[int, PathSpec] = {}
        self._refusals = 0
        self._last_write_secs: float | None = None
        self._away_since: float | None = None
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

    def ring(self) -> dict[str, Any]:
        """How full the store of what is not yet written is; JSON values, from any thread."""
        with self._lock:
            waiting_samples, waiting_changes = (
                len(self._waiting.samples),
                len(self._waiting.changes),
            )
        return {
            "waiting_samples": waiting_samples,
            "max_samples": MAX_WAITING_SAMPLES,
            "waiting_changes": waiting_changes,
            "dropped_samples": self.dropped_samples,
            "dropped_changes": self.dropped_changes,
            "last_write_secs": self._last_write_secs,
            "database_away_since": self._away_since,
        }

    def _write(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, Batch()
        if not batch:
            return
        began = time.monotonic()
        try:
            write_batch(batch, epoch=self._epoch, written_until=self._written_until)
        except (OperationalError, InterfaceError):
            self._keep(batch)
            if self._away_since is None:
                self._away_since = self._wall()
            raise
        except Exception as error:
            self._refused(batch, error)
            raise
        self._refusals, self._away_since = 0, None
        self._last_write_secs = round(time.monotonic() - began, 4)
        if batch.samples:
            newest = max(sample.timestamp for sample in batch.samples)
            self._written_until = max(newest, self._written_until or 0)

    def _keep(self, batch: Batch) -> None:
        with self._lock:
            batch.absorb(self._waiting)
            self._waiting = batch

    def _refused(self, batch: Batch, error: Exception) -> None:
        """Try a few times, then let go of it: what comes after must not wait for ever."""
        self._refusals += 1
        if self._refusals < REFUSALS:
            self._keep(batch)
            return
        self._refusals = 0
        self.dropped_samples += len(batch.samples)
        self.dropped_changes += len(batch.changes)
        log.error("a batch can't be written; it is dropped: %s", error)

    def _watch_configuration(self) -> None:
        fingerprint = configuration_fingerprint()
        now = time.monotonic()
        if fingerprint == self._fingerprint and now < self._reload_at:
            return
        specs = self._known_again(path_specs(self._vantage_name, _Rest()))
        self._configure(specs, uplink_specs(self._vantage_name))
        self._fingerprint = fingerprint
        took_secs = time.monotonic() - now
        self._reload_at = now + max(RELOAD_ANYWAY_SECS, took_secs / RELOAD_SHARE)

    def _known_again(self, specs: list[PathSpec]) -> list[PathSpec]:
        """The same objects for what is unchanged, so that the loop need not compare them."""
        before, self._specs = self._specs, {}
        for spec in specs:
            known = before.get(spec.key)
            self._specs[spec.key] = spec if known is None or known != spec else known
        return list(self._specs.values())


class _Rest:
    """Sleeps as long as its caller has worked since: the loop needs the interpreter, too."""

    def __init__(self) -> None:
        self._worked_since = time.monotonic()

    def __call__(self) -> None:
        time.sleep(min(LONGEST_REST_SECS, time.monotonic() - self._worked_since))
        self._worked_since = time.monotonic()


def _drop_oldest(waiting: list[Any], limit: int) -> int:
    """Shorten ``waiting`` to ``limit``; returns how many fell out."""
    excess = max(0, len(waiting) - limit)
    del waiting[:excess]
    return excess
