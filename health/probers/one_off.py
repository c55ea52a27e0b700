"""Measure one target now, for a person who waits: a handful of probes, one after the other.

Not the engine's way of probing: echo requests go through icmplib here, STAMP
through the prober. Prints nothing and knows no Django; ``manage.py probe`` does
the talking.
"""

from __future__ import annotations

import itertools
import os
import select
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import icmplib

from health.domain.measurement import Outcome
from health.probers.base import ProberError, ProberPermissionError, SendError, WireTarget
from health.probers.icmp_socket import PERMISSION_CURE
from health.probers.stamp import StampProber

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NS_PER_MS = 1_000_000
_NS_PER_SEC = 1_000_000_000


class Attempt(NamedTuple):
    """One probe: ``rtt_ms`` in milliseconds when answered, else ``detail`` says why not."""

    number: int
    outcome: Outcome
    rtt_ms: float | None = None
    detail: str = ""


class Summary(NamedTuple):
    """All probes of a measurement. Times in milliseconds, None where nothing was measured.

    ``sent`` counts probes that left this host and ``packet_loss_pct`` refers to
    them. ``jitter_ms`` is the mean |RTTᵢ − RTTᵢ₋₁| of consecutive probes that
    were both answered (cf. RFC 3393); it is None without such a pair.
    """

    sent: int
    received: int
    packet_loss_pct: float | None
    min_ms: float | None
    avg_ms: float | None
    max_ms: float | None
    jitter_ms: float | None


class OneOff(Protocol):
    """A way to send one probe and wait for its end."""

    def probe(self, timeout_secs: float) -> Attempt:
        """Send the next probe; returns when it is settled. Blocks up to the timeout."""
        ...

    def close(self) -> None:
        """Release the sockets."""
        ...


class IcmpOneOff:
    """Echo requests by icmplib, privileged where possible, else unprivileged.

    Raises ``ProberPermissionError`` with the cure when neither is allowed.
    """

    def __init__(self, target: WireTarget) -> None:
        self._target = target
        self._identifier = int.from_bytes(os.urandom(2), "big")
        self._number = 0
        self._socket = _open_icmp(target)

    def probe(self, timeout_secs: float) -> Attempt:
        """One echo request and its end."""
        self._number += 1
        number = self._number
        request = icmplib.ICMPRequest(
            self._target.address,
            self._identifier,
            number,
            traffic_class=self._target.dscp << 2,
        )
        try:
            self._socket.send(request)
        except icmplib.ICMPLibError as error:
            return Attempt(number, Outcome.MISCONFIGURED, None, f"not sent: {error}")
        try:
            reply = self._socket.receive(request, timeout_secs)
            reply.raise_for_status()
        except icmplib.TimeoutExceeded:
            return Attempt(number, Outcome.LOST, None, f"no answer within {timeout_secs:g} s")
        except icmplib.ICMPError as error:
            detail = f"{error} from {error.reply.source}"
            return Attempt(number, Outcome.REFUSED, None, detail)
        except icmplib.ICMPLibError as error:
            return Attempt(number, Outcome.LOST, None, str(error))
        # icmplib reads the wall clock; a step back must not show as a negative time.
        return Attempt(number, Outcome.ANSWERED, max(0.0, (reply.time - request.time) * 1000))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class StampOneOff:
    """STAMP test packets by the prober of the engine."""

    def __init__(self, target: WireTarget) -> None:
        self._target = target
        self._prober = StampProber()
        self._number = 0

    def probe(self, timeout_secs: float) -> Attempt:
        """One test packet and its end."""
        self._number += 1
        number = self._number
        deadline = time.monotonic() + timeout_secs
        try:
            probe_id = self._prober.send(self._target, int(timeout_secs * _NS_PER_SEC))
        except SendError as error:
            return Attempt(number, error.outcome, None, f"not sent: {error}")
        while (left := deadline - time.monotonic()) > 0:
            select.select(self._prober.sockets(), [], [], left)
            for reply in self._prober.receive():
                if reply.probe_id == probe_id:
                    rtt_ms = None if reply.rtt_ns is None else reply.rtt_ns / _NS_PER_MS
                    return Attempt(number, reply.outcome, rtt_ms, reply.detail)
        self._prober.forget(probe_id)
        return Attempt(number, Outcome.LOST, None, f"no answer within {timeout_secs:g} s")

    def close(self) -> None:
        """Close the sockets."""
        self._prober.close()


ONE_OFF: dict[str, type[IcmpOneOff] | type[StampOneOff]] = {
    "icmp": IcmpOneOff,
    "stamp": StampOneOff,
}


def measure(
    one_off: OneOff, count: int, interval_secs: float, timeout_secs: float
) -> Iterator[Attempt]:
    """``count`` probes, one each ``interval_secs`` or as soon as the one before has ended."""
    for number in range(count):
        started = time.monotonic()
        yield one_off.probe(timeout_secs)
        wait = started + interval_secs - time.monotonic()
        if wait > 0 and number + 1 < count:
            time.sleep(wait)


def summarise(attempts: Sequence[Attempt]) -> Summary:
    """The figures of all attempts so far."""
    measured = [a for a in attempts if a.outcome.is_measurement]
    rtts = [a.rtt_ms for a in measured if a.rtt_ms is not None]
    steps = [
        abs(later.rtt_ms - earlier.rtt_ms)
        for earlier, later in itertools.pairwise(attempts)
        if later.rtt_ms is not None and earlier.rtt_ms is not None
    ]
    return Summary(
        sent=len(measured),
        received=len(rtts),
        packet_loss_pct=100 * (1 - len(rtts) / len(measured)) if measured else None,
        min_ms=min(rtts) if rtts else None,
        avg_ms=sum(rtts) / len(rtts) if rtts else None,
        max_ms=max(rtts) if rtts else None,
        jitter_ms=sum(steps) / len(steps) if steps else None,
    )


def _open_icmp(target: WireTarget) -> icmplib.ICMPv4Socket | icmplib.ICMPv6Socket:
    make = icmplib.ICMPv6Socket if ":" in target.address else icmplib.ICMPv4Socket
    for privileged in (True, False):
        try:
            return make(target.source or None, privileged)
        except icmplib.SocketPermissionError:
            continue
        except icmplib.ICMPLibError as error:
            raise ProberError(str(error)) from error
    raise ProberPermissionError(PERMISSION_CURE)
