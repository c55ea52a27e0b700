"""Renews a lease from a thread of its own, so that a slow write does not cost the lease."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, connection

from health.engine.clock import Clock
from health.monitoring import lease as leases
from health.monitoring.lease import Lease, Renewal
from health.monitoring.loop_figures import LoopFigures

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Holds on to one lease until it is lost or stopped.

    ``may_act`` is what everything that changes the outside world must ask: it
    turns False by itself when renewals stop, even if this thread hangs.
    """

    def __init__(self, lease: Lease, clock: Clock, figures: Callable[[], LoopFigures]) -> None:
        self.lease = lease
        self.lost = threading.Event()
        self.handover_asked = threading.Event()
        self._clock = clock
        self._figures = figures
        self._stop = threading.Event()
        self._renewed_ns = clock.monotonic_ns()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def may_act(self) -> bool:
        """True while the lease is certainly still ours; never again once it is given back."""
        age_secs = (self._clock.monotonic_ns() - self._renewed_ns) / 1e9
        ended = self.lost.is_set() or self._stop.is_set()
        return not ended and age_secs < leases.SELF_FENCE_SECS

    def stop(self) -> None:
        """End the thread and give the lease back if it is still ours."""
        self._stop.set()
        self._thread.join(timeout=leases.TTL_SECS)

    def _run(self) -> None:
        try:
            while not self._stop.wait(leases.RENEW_EVERY_SECS) and not self.lost.is_set():
                self._renew()
            self._give_back()
        finally:
            connection.close()

    def _renew(self) -> None:
        begun_ns = self._clock.monotonic_ns()
        try:
            renewal = leases.renew(self.lease, now=self._clock.wall(), figures=self._figures())
        except DatabaseError as error:
            # The database is away: probing goes on, acting stops by itself at
            # SELF_FENCE_SECS; the next renewal may find the same lease again.
            log.warning("the lease could not be renewed: %s", error)
            connection.close()
            return
        except Exception:
            # Never end this thread while the loop runs: two loops would go on side by side.
            log.exception("the lease could not be renewed")
            connection.close()
            return
        if renewal is Renewal.LOST:
            self.lost.set()
            return
        self._renewed_ns = begun_ns
        if renewal is Renewal.HANDOVER:
            self.handover_asked.set()

    def _give_back(self) -> None:
        try:
            leases.release(self.lease)
        except Exception as error:
            log.warning("the lease could not be released and will expire: %s", error)
