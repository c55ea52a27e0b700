"""The thread that keeps every uplink of this host ready for its probes.

Listens to the kernel, reconciles at once when something changes and every few
seconds anyway, and tells the engine how each uplink is. It never ends by itself:
whatever fails is told, logged once and tried again. What it made stays when it is
closed: a successor adopts it, and until then probes and answers keep their way.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from health.domain.probe_route_choice import PATHWARDEN_PROTOCOL
from health.domain.uplink_spec import UplinkSpec
from health.domain.uplink_state import LinkState, UplinkState
from health.uplinks import messages
from health.uplinks.kernel import Kernel
from health.uplinks.netlink import (
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_DELROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWROUTE,
    EventSocket,
    Message,
)
from health.uplinks.reconciler import Reconciler
from health.uplinks.states import blind_state, link_state

log = logging.getLogger(__name__)

RECONCILE_EVERY_SECS = 5.0
"""How often everything is looked at though nothing has been heard."""
CARRIER_EVERY_SECS = 0.05
"""How often links that are up are asked for their carrier.

The kernel's own message may be a second late: it collects changes of carriers and
sends at most one lot a second (net/core/link_watch.c). What it is asked is true at once.
"""
CARRIERS_AT_ONCE = 4
"""With more links than that they are asked less often, so that asking costs no more."""
RETRY_SECS = 1.0
"""Pause after a pass that failed."""
MAX_SHARE_OF_TIME = 0.2
"""How much of the time passes may take while events never end."""
_CLOSE_WITHIN_SECS = 5.0
_DEFAULTS_MAY_DIFFER = frozenset(
    {RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELADDR, RTM_NEWROUTE, RTM_DELROUTE}
)

States = dict[int, UplinkState]


class UplinkKeeper:
    """Follows and prepares the uplinks it is configured with, in a thread of its own.

    ``on_states`` receives the states of all uplinks, by key, whenever one of them
    has changed; it is called from the keeper's thread and must not block. The
    network namespace is that of the thread that calls ``start``.
    """

    def __init__(
        self,
        on_states: Callable[[States], None],
        *,
        reconcile_every_secs: float = RECONCILE_EVERY_SECS,
    ) -> None:
        self.passes = 0
        """How many times everything has been looked at."""
        self.lost_events = 0
        """How many times the kernel dropped events because we were slow."""
        self._on_states = on_states
        self._every_secs = reconcile_every_secs
        self._lock = threading.Lock()
        self._wished: list[UplinkSpec] = []
        self._configured = False
        self._stopping = False
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._specs: list[UplinkSpec] = []
        self._states: States = {}
        self._told = False
        self._complaint = ""
        self._thread = threading.Thread(target=self._run, name="uplinks", daemon=True)

    def start(self) -> None:
        """Begin to work; nothing is told before ``configure``."""
        self._thread.start()

    def configure(self, specs: list[UplinkSpec]) -> None:
        """Keep exactly these uplinks from now on. May be called from any thread, at any time."""
        with self._lock:
            if self._stopping:
                return
            self._wished = sorted(specs, key=lambda spec: spec.key)
            self._configured = True
            self._wake()

    def states(self) -> States:
        """The states as told last; a copy."""
        with self._lock:
            return dict(self._states)

    def close(self) -> None:
        """End the thread and leave the kernel as it is. Idempotent."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
            self._wake()
        if self._thread.ident is not None:
            self._thread.join(_CLOSE_WITHIN_SECS)
        if not self._thread.is_alive():
            os.close(self._wake_reader)
            os.close(self._wake_writer)

    def _wake(self) -> None:
        try:
            os.write(self._wake_writer, b"w")
        except BlockingIOError:
            return  # it has not even seen the last one

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._listen()
            except Exception as error:  # a thread that ends would freeze all states
                self._complain(error)
            if not self._stopping:
                self._pause(RETRY_SECS)

    def _listen(self) -> None:
        """Open the sockets and work until told to stop, or until they fail."""
        events = EventSocket(PATHWARDEN_PROTOCOL)
        try:
            kernel = Kernel()
            try:
                self._follow(events, kernel)
            finally:
                kernel.close()
        finally:
            events.close()

    def _follow(self, events: EventSocket, kernel: Kernel) -> None:
        reconciler = Reconciler(kernel)
        sources: list[EventSocket | int] = [events, self._wake_reader]
        due = earliest = time.monotonic()
        while not self._stopping:
            now = time.monotonic()
            if self._configured and now >= max(due, earliest):
                self._reconcile(reconciler, now)
                cost = time.monotonic() - now
                earliest = now + cost / MAX_SHARE_OF_TIME
                due = min(now + self._every_secs, reconciler.look_again_at())
                continue
            pause = max(due, earliest) - now if self._configured else self._every_secs
            readable, _, _ = select.select(sources, [], [], self._shorten(pause))
            if self._wake_reader in readable:
                os.read(self._wake_reader, 4096)
                due = now
            if (events in readable and self._hear(events, reconciler)) or (
                not readable and self._carrier_is_lost(kernel)
            ):
                due = now

    def _shorten(self, pause: float) -> float:
        """While a link is up its carrier is asked for between events."""
        up = sum(state.link is LinkState.UP for state in self._states.values())
        often = CARRIER_EVERY_SECS * max(1.0, up / CARRIERS_AT_ONCE)
        return max(0.0, min(pause, often) if up else pause)

    def _carrier_is_lost(self, kernel: Kernel) -> bool:
        states = {
            key: replace(state, link=LinkState.DOWN)
            if state.link is LinkState.UP and not kernel.has_carrier(state.index)
            else state
            for key, state in self._states.items()
        }
        if states == self._states:
            return False
        self._tell(states)
        return True

    def _hear(self, events: EventSocket, reconciler: Reconciler) -> bool:
        """Read the events; a link that went down is told before anything is looked at."""
        heard, lost = events.receive()
        self.lost_events += lost
        if lost or any(kind in _DEFAULTS_MAY_DIFFER for kind, _ in heard):
            reconciler.forget_defaults()
        if self._told:
            self._tell(self._after_link_events(heard))
        return lost or bool(heard)

    def _after_link_events(self, heard: list[Message]) -> States:
        states = dict(self._states)
        for kind, body in heard:
            if kind not in (RTM_NEWLINK, RTM_DELLINK) or body[0] != 0:
                continue  # a bridge port that leaves its bridge is no link that goes
            link = messages.parse_link(body)
            for key, state in states.items():
                if not state.index or state.index != link.ifindex:
                    continue
                gone = kind == RTM_DELLINK or link.name != state.interface
                if gone or link_state(link) is LinkState.DOWN:
                    states[key] = replace(state, link=LinkState.DOWN)
        return states

    def _reconcile(self, reconciler: Reconciler, now: float) -> None:
        with self._lock:
            specs = self._wished
        changed = set(self._specs) - set(specs)
        if changed:
            reconciler.forget({spec.key for spec in changed})
        self._specs = specs
        states = reconciler.run(specs, now)
        self.passes += 1
        self._complaint = ""
        self._tell(states)

    def _tell(self, states: States) -> None:
        if states == self._states and self._told:
            return
        with self._lock:
            self._states = states
        self._told = True
        try:
            self._on_states(dict(states))
        except Exception:
            log.exception("the states of the uplinks could not be handed over")

    def _complain(self, error: Exception) -> None:
        """Say once what is wrong.

        Uplinks that were told of keep their last states, which stay true longest; the
        others become unusable with the reason, and not pending for ever.
        """
        complaint = f"{type(error).__name__}: {error}"
        if complaint != self._complaint:
            self._complaint = complaint
            log.error("the uplinks cannot be followed (%s); trying again", complaint)
        with self._lock:
            wished = self._wished
        if self._configured:
            known = dict(self._states) if wished == self._specs else {}
            blind = {spec.key: blind_state(spec, complaint) for spec in wished}
            self._tell(blind | known)

    def _pause(self, secs: float) -> None:
        readable, _, _ = select.select([self._wake_reader], [], [], secs)
        if readable and not self._stopping:
            os.read(self._wake_reader, 4096)
