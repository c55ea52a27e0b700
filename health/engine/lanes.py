"""How a target's probes leave: from configuration, uplink state and name to a lane.

Also says what it means when they can't. Sends nothing; the loop does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from health.domain.measurement import Outcome
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.probers.base import Lane, SendError, WireTarget

if TYPE_CHECKING:
    from health.domain.path_spec import PathSpec
    from health.engine.resolver import NameResolver
    from health.engine.target_monitor import TargetMonitor
    from health.probers.base import Prober


def _why_not(route: RouteState, address: str) -> str:
    if route is RouteState.PENDING:
        return "the probe route is not verified yet"
    family = "IPv6" if ":" in address else "IPv4"
    return f"this uplink has no {family}: give it an {family} address or change the target"


_UNKNOWN_UPLINK = UplinkState(0)


class Lanes:
    """Makes and drops lanes. ``unavailable`` says of kinds without a prober why.

    ``note_defect`` is told (error, what was being done, kind) what a prober must not raise.
    """

    def __init__(
        self,
        probers: Mapping[str, Prober],
        unavailable: Mapping[str, str],
        resolver: NameResolver | None,
        note_defect: Callable[[Exception, str, str], None],
    ) -> None:
        self._probers = probers
        self._note_defect = note_defect
        self._unavailable = unavailable
        self._resolver = resolver
        self._uplinks: Mapping[int, UplinkState] = {}
        self.congested_since: dict[int, int] = {}
        """By uplink whose send queue is full, since when (monotonic ns); usually empty."""
        self._sent_over: dict[int, int] = {}

    def take_uplinks(self, states: Mapping[int, UplinkState]) -> list[UplinkState]:
        """Use these states from now on; returns those that differ from before."""
        before, self._uplinks = self._uplinks, states
        if self._resolver is not None:
            self._resolver.via(states)
        known = {key: states.get(key, UplinkState(key)) for key in (*before, *states)}
        return [state for key, state in known.items() if before.get(key) != state]

    def uplink_of(self, spec: PathSpec) -> UplinkState:
        """What is known of the path's uplink."""
        return self._uplinks.get(spec.uplink, _UNKNOWN_UPLINK)

    def make(self, target: TargetMonitor) -> Lane:
        """The lane of a target, prepared anew if anything about it has changed.

        Raises ``SendError`` when nothing can be sent to it as things are.
        """
        spec = target.path.spec
        prober = self._probers.get(spec.kind)
        if prober is None:
            why = self._unavailable.get(spec.kind, f"no prober of kind {spec.kind!r} is running")
            raise SendError(Outcome.DENIED, why)
        wire = self._wire_target(spec, target)
        if target.lane is None or wire != target.wire:
            self.drop(target)
            # Before it is prepared: a failure is judged by the address that was tried.
            target.wire, target.prober = wire, prober
            target.lane = prober.prepare(wire)
        return target.lane

    def drop(self, target: TargetMonitor) -> None:
        """Release what was prepared for a target, if anything was."""
        lane, prober = target.lane, target.prober
        target.lane = None
        if lane is None or prober is None:
            return
        try:
            prober.release(lane)
        except Exception as defect:
            self._note_defect(defect, "releasing", prober.kind)

    def _wire_target(self, spec: PathSpec, target: TargetMonitor) -> WireTarget:
        uplink = self.uplink_of(spec)
        if uplink.link is LinkState.DOWN:
            raise SendError(
                Outcome.LINK_DOWN, uplink.detail or f"interface {uplink.interface} is down"
            )
        address = self._address(spec, target)
        route = uplink.route_for(address)
        if route in {RouteState.UNUSABLE, RouteState.PENDING}:
            raise SendError(Outcome.MISCONFIGURED, uplink.detail or _why_not(route, address))
        return WireTarget(
            address,
            target.target.port or 0,
            spec.source or uplink.source_for(address),
            uplink.interface or spec.interface,
            uplink.index,
            uplink.fwmark or spec.fwmark,
            spec.dscp,
            target.target.request,
            target.target.expected_text,
            target.target.expected_status,
        )

    def _address(self, spec: PathSpec, target: TargetMonitor) -> str:
        name = target.target.address
        if self._resolver is None:
            return name
        address = self._resolver.address_of(name, spec.uplink)
        if address is None:
            error = self._resolver.error_of(name, spec.uplink)
            raise SendError(
                Outcome.MISCONFIGURED, error or f"the name {name!r} has not been resolved yet"
            )
        return address

    # --- what a failure means -----------------------------------------------------------
    def sent(self, spec: PathSpec, now_ns: int) -> None:
        """A probe left over the path's uplink; only told while some uplink is congested."""
        self._sent_over[spec.uplink] = now_ns
        self.congested_since.pop(spec.uplink, None)

    def outcome_of(self, error: SendError, target: TargetMonitor, now_ns: int) -> Outcome:
        """What a failed sending means: usually a fault of this host, sometimes a loss.

        No route although the probe route is verified, and a send queue that stays
        full for longer than hold while other uplinks send, are the uplink's doing. That
        this process has run out of sockets or slots is not.
        """
        spec = target.path.spec
        if error.no_route:
            address = target.wire.address if target.wire else target.target.address
            verified = self.uplink_of(spec).route_for(address)
            return Outcome.REFUSED if verified is RouteState.VERIFIED else error.outcome
        if not error.queue_full:
            return error.outcome
        since = self.congested_since.setdefault(spec.uplink, now_ns)
        lasting = now_ns - since > spec.timing.hold_ns
        others = any(
            at_ns > since for uplink, at_ns in self._sent_over.items() if uplink != spec.uplink
        )
        return Outcome.REFUSED if lasting and others else Outcome.CONGESTED
