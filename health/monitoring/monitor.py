"""The monitor of one vantage: engine, lease, writer and observers in one process.

The only place where the engine and Django meet. Started by the vantage's
cluster (``sdwan_site.tasks.ensure_monitor``) or in the foreground
(``manage.py monitor``), always under the same lease.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path as FilePath

from django.conf import settings
from django.db import connection

from health.domain.path_spec import PathSpec
from health.domain.uplink_spec import UplinkSpec
from health.domain.uplink_state import UplinkState
from health.engine.clock import Clock, SystemClock
from health.engine.loop import ProbeEngine
from health.engine.observers import RoundObserver
from health.engine.path_monitor import PathMonitor
from health.engine.resolver import NameResolver
from health.models import Vantage
from health.models.validators import unprobeable_kind
from health.monitoring import handover
from health.monitoring import lease as leases
from health.monitoring.database_thread import DatabaseThread
from health.monitoring.lease import Lease
from health.monitoring.lease_keeper import LeaseKeeper
from health.monitoring.loop_figures import FigureKeeper, LoopFigures
from health.monitoring.process_identity import current_process
from health.monitoring.recorder import Recorder
from health.monitoring.traffic import TrafficKeeper
from health.probers import PROBERS
from health.probers.base import Prober, ProberError
from health.selectors.configuration import paths_past
from health.uplinks.keeper import UplinkKeeper
from health.uplinks.link_counters import counters_identity
from health.uplinks.states import first_states

log = logging.getLogger(__name__)

LAST_WRITE_SECS = 5.0
COLLECT_AFTER_OBJECTS = 50_000
SWITCH_SECS = 0.0005
CALL_AGAIN_SECS = 60.0
REFERENCE_KIND = "icmp"


@dataclass(frozen=True, slots=True)
class LoopContext:
    """What an observer may know about the loop it hangs on to."""

    vantage_id: int
    vantage_name: str
    lease: Lease
    may_act: Callable[[], bool]
    """True while the lease is certainly ours; asked before anything outside is changed."""
    clock: Clock
    uplink_states: Callable[[], Mapping[int, UplinkState]] = dict
    """The uplinks by key as they are now, with the next hops in force; from any thread."""


ObserverFactory = Callable[[LoopContext], Sequence[RoundObserver]]


def run_monitor(
    vantage_name: str,
    *,
    should_stop: Callable[[], bool],
    make_observers: ObserverFactory = lambda context: (),
    max_secs: float | None = None,
    call_successor: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
) -> str:
    """Run the monitor loop of a vantage until it is told to stop; returns why it ended.

    After ``max_secs`` it asks for a successor by ``call_successor`` (again each
    minute), goes on until that one asks for the lease, and leaves it its windows.

    Raises ``LeaseHeld`` when somebody else runs it, ``Vantage.DoesNotExist``
    when there is no such vantage.
    """
    clock = clock or SystemClock()
    vantage = Vantage.objects.get(name=vantage_name)
    lease = leases.acquire(vantage, me=current_process(), now=clock.wall())
    if lease is None:
        raise leases.LeaseHeld(
            f"The monitor of {vantage_name!r} is run by {leases.describe_holder(vantage)}."
        )
    log.info("monitor of %s begins, lease epoch %d", vantage_name, lease.epoch)
    life = _Life(should_stop, max_secs, call_successor)
    try:
        monitor = _Monitor(vantage, lease, make_observers, clock)
    except Exception:
        leases.release(lease)  # or everybody would wait for its end
        raise
    reason = monitor.run(life)
    log.info("monitor of %s ends: %s", vantage_name, reason)
    return reason


class _Life:
    """How long a loop may go on, and why it ended."""

    def __init__(
        self,
        should_stop: Callable[[], bool],
        max_secs: float | None,
        call_successor: Callable[[], None],
    ) -> None:
        self.reason = ""
        self._should_stop = should_stop
        self._call_successor = call_successor
        self._call_at = None if max_secs is None else time.monotonic() + max_secs

    def is_over(self, keeper: LeaseKeeper) -> bool:
        """True when the loop must end; asked several times a second."""
        if self._should_stop():
            self.reason = "told to stop"
        elif keeper.lost.is_set():
            self.reason = "the lease went to another process"
        elif keeper.handover_asked.is_set():
            self.reason = "handed over to a successor"
        elif self._call_at is not None and time.monotonic() >= self._call_at:
            self._call_at = time.monotonic() + CALL_AGAIN_SECS
            # Not in the loop's own thread: the call goes through the database.
            threading.Thread(target=self._call, name="successor", daemon=True).start()
        return bool(self.reason)

    def _call(self) -> None:
        try:
            self._call_successor()
        except Exception:
            # Without a successor this loop simply goes on.
            log.exception("no successor could be called; trying again")
        finally:
            connection.close()


class _Monitor:
    """One life of the loop, from the taking of the lease to its end."""

    def __init__(
        self, vantage: Vantage, lease: Lease, make_observers: ObserverFactory, clock: Clock
    ) -> None:
        self._clock = clock
        self._checkpoint = FilePath(settings.DATA_DIR) / f"handover-{vantage.name}.json"
        self._names = FilePath(settings.DATA_DIR) / f"names-{vantage.name}.json"
        self._boot_id = current_process().boot_id
        self._keeper = LeaseKeeper(lease, clock, self._figures)
        probers, unavailable = open_probers()
        self._resolver = NameResolver(refuse=unprobeable_kind)
        self._resolver.restore(handover.take_up_names(self._names))
        self._legacy = handover.take_up(
            self._checkpoint, now_ns=clock.monotonic_ns(), boot_id=self._boot_id
        )
        self._engine = ProbeEngine(
            probers,
            on_samples=lambda samples: self._recorder.on_samples(samples),
            unavailable=unavailable,
            resolver=self._resolver,
            clock=clock,
            restore=self._restore,
            reference_kind=REFERENCE_KIND,
        )
        self._uplinks = UplinkKeeper(self._engine.submit_uplinks)
        self._traffic = TrafficKeeper(
            lease.epoch,
            states=self._uplinks.states,
            clock=clock,
            identity=counters_identity(self._boot_id),
        )
        self._database = DatabaseThread(vantage.name, lease.epoch, self._configure, clock.wall)
        self._recorder = Recorder(
            self._engine.paths, self._database.submit, paths_past(vantage.name)
        )
        self._figures_kept = FigureKeeper(self._engine, self._database.ring, unavailable)
        # Last: observers may start threads, which nobody would end if this failed.
        context = LoopContext(
            vantage.pk, vantage.name, lease, self._keeper.may_act, clock, self._uplinks.states
        )
        try:
            self._others = make_observers(context)
        except BaseException:
            for prober in probers.values():
                prober.close()
            raise
        self._legacy.restore_observers(self._others)
        self._engine.observers = (self._figures_kept, self._recorder, *self._others)

    def run(self, life: _Life) -> str:
        # A probe is garbage soon after it was made, and never part of a cycle: looking for
        # cycles among all that a loop of 10,000 paths holds costs a tenth of its time.
        gc.freeze()
        thresholds = gc.get_threshold()
        gc.set_threshold(COLLECT_AFTER_OBJECTS, *thresholds[1:])
        # After each system call the loop waits so long for a busy thread of ours (10,000
        # rows to read, to write) to let go of the interpreter; 5 ms is the default.
        switch_secs = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECS)
        try:
            self._keeper.start()
            self._uplinks.start()
            self._traffic.start()
            self._database.start()
            self._engine.run(lambda: life.is_over(self._keeper))
        finally:
            self._finish()
            sys.setswitchinterval(switch_secs)
            gc.set_threshold(*thresholds)
            gc.unfreeze()
        return life.reason

    def _finish(self) -> None:
        """Leave the windows, write the last samples, finish, give the lease back.

        Every step is tried: a lease that is renewed without a loop stops all measuring.
        """
        steps: list[Callable[[], object]] = [
            self._leave_windows,
            lambda: handover.leave_names(self._names, self._resolver.known()),
            self._engine.close_open_slot,
            self._recorder.close,
            *(observer.close for observer in self._others),
            partial(self._database.stop, LAST_WRITE_SECS),
            self._traffic.close,
            self._uplinks.close,
            self._keeper.stop,
            self._resolver.close,
            *(prober.close for prober in self._engine.probers.values()),
            self._engine.close,
        ]
        for step in steps:
            try:
                step()
            except Exception:
                log.exception("the monitor could not finish in order; it goes on ending")

    def _configure(self, paths: list[PathSpec], uplinks: list[UplinkSpec]) -> None:
        """Take an edited configuration over; called in the database thread."""
        known = self._uplinks.states()
        # Until the keeper has looked, a probe that needs its route must not leave without.
        self._engine.submit_uplinks(
            {key: known.get(key, first) for key, first in first_states(uplinks).items()}
        )
        self._uplinks.configure(uplinks)
        self._traffic.configure(uplinks)
        self._engine.submit(paths)

    def _restore(self, monitor: PathMonitor) -> None:
        """Fill a new path's monitor from what is left of its past."""
        self._legacy.restore(monitor)
        self._recorder.restore(monitor)

    def _leave_windows(self) -> None:
        handover.leave(
            self._checkpoint,
            self._engine.paths,
            self._others,
            now_ns=self._clock.monotonic_ns(),
            boot_id=self._boot_id,
        )

    def _figures(self) -> LoopFigures:
        return self._figures_kept.figures


def open_probers() -> tuple[dict[str, Prober], dict[str, str]]:
    """A prober of every kind that works here, and for the others the sentence why not."""
    ready: dict[str, Prober] = {}
    unavailable: dict[str, str] = {}
    for kind, row in PROBERS.items():
        try:
            ready[kind] = row.make()
        except ProberError as error:
            log.warning("no %s probes from this process: %s", row.label, error)
            unavailable[kind] = str(error)
    return ready, unavailable
