"""The faults of the lab by name: how each begins, how it ends, what a person would call it.

A fault acts on the network alone. What belongs to the product (its own routes) is never put
back here: to notice that is the product's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.lab.addresses import HEAD_OFFICE, HEAD_OFFICE6, LEASES
from tests.lab.two_providers import TwoProviders, Way

Step = Callable[[TwoProviders, int], None]
POLICED_PER_SEC = 2


class Fault(NamedTuple):
    """``begin`` and ``end`` take the network and the number of the uplink."""

    sentence: str
    begin: Step
    end: Step


def begin(net: TwoProviders, name: str, uplink: int = 1) -> int:
    """Break it; returns when that began, in ns of CLOCK_MONOTONIC, and notes it."""
    at_ns = net.truth.note("fault", name=name, uplink=uplink)
    FAULTS[name].begin(net, uplink)
    return at_ns


def end(net: TwoProviders, name: str, uplink: int = 1) -> int:
    """Repair it; returns when that was done, and notes it."""
    FAULTS[name].end(net, uplink)
    return net.truth.note("repaired", name=name, uplink=uplink)


def _impairing(way: Way = "both", **settings: float | bool) -> tuple[Step, Step]:
    def impair(net: TwoProviders, uplink: int) -> None:
        net.impair(uplink, way, **settings)

    def clean(net: TwoProviders, uplink: int) -> None:
        net.impair(uplink, way)

    return impair, clean


def _line_down(net: TwoProviders, uplink: int) -> None:
    net.isps[uplink].ip("link set line down")


def _line_up(net: TwoProviders, uplink: int) -> None:
    net.raise_line(uplink)


def _carrier_lost(net: TwoProviders, uplink: int) -> None:
    net.isps[uplink].ip("link set access down")


def _carrier_back(net: TwoProviders, uplink: int) -> None:
    net.isps[uplink].ip("link set access up")


def _set_down(net: TwoProviders, uplink: int) -> None:
    net.branch.ip(f"link set wan{uplink} down")


def _set_up(net: TwoProviders, uplink: int) -> None:
    """The DHCP client sees the link and puts its own routes back."""
    net.branch.ip(f"link set wan{uplink} up")
    net.give_default(uplink)


def _head_office_quiet(net: TwoProviders, uplink: int) -> None:
    net.quiet |= {HEAD_OFFICE, HEAD_OFFICE6}
    net.load_filter()


def _head_office_answers(net: TwoProviders, uplink: int) -> None:
    net.quiet -= {HEAD_OFFICE, HEAD_OFFICE6}
    net.load_filter()


def _head_office_polices(net: TwoProviders, uplink: int) -> None:
    net.policed |= {HEAD_OFFICE: POLICED_PER_SEC, HEAD_OFFICE6: POLICED_PER_SEC}
    net.load_filter()


def _head_office_patient(net: TwoProviders, uplink: int) -> None:
    for address in (HEAD_OFFICE, HEAD_OFFICE6):
        net.policed.pop(address, None)
    net.load_filter()


def _route_deleted(net: TwoProviders, uplink: int) -> None:
    """By a person: the default route that is in force, whoever owns it."""
    best = min(net.defaults(), key=lambda route: int(route.get("metric", 0)), default=None)
    if best is not None:
        words = f"via {best['gateway']} dev {best['dev']} metric {best.get('metric', 0)}"
        net.branch.ip(f"route del default {words}")


def _renewed(net: TwoProviders, uplink: int) -> None:
    net.give_lease(uplink, (net.leases[uplink].serial + 1) % LEASES)


def _nothing(net: TwoProviders, uplink: int) -> None:
    """What was done can't be undone by the network."""


FAULTS: dict[str, Fault] = {
    "blackhole": Fault(
        "Nothing passes the line; the gateway answers and the carrier stays",
        *_impairing(blackhole=True),
    ),
    "blackhole_up": Fault("Only what the branch sends is lost", *_impairing("up", blackhole=True)),
    "blackhole_down": Fault("Only what comes back is lost", *_impairing("down", blackhole=True)),
    "loss": Fault("Every third packet to head office is lost", *_impairing("up", loss_pct=33)),
    "bursts": Fault(
        "Packets are lost in bursts of ten, 17 % in all",
        *_impairing("down", burst_start_pct=2, burst_end_pct=10),
    ),
    "latency": Fault("Round trips take 400 ms longer", *_impairing(delay_ms=200)),
    "jitter": Fault("Round trips vary by ± 160 ms", *_impairing(delay_ms=85, jitter_ms=80)),
    "echo_policed": Fault(
        f"The provider lets {POLICED_PER_SEC} echo packets a second through each way",
        *_impairing(echo_per_sec=POLICED_PER_SEC),
    ),
    "line_down": Fault(
        "The provider's side of the line goes down: its router says unreachable",
        _line_down,
        _line_up,
    ),
    "carrier_lost": Fault("The cable is pulled out", _carrier_lost, _carrier_back),
    "set_down": Fault("The interface is set down by a person", _set_down, _set_up),
    "target_gone": Fault(
        "Head office's first address stops answering", _head_office_quiet, _head_office_answers
    ),
    "target_policed": Fault(
        f"Head office's first address answers {POLICED_PER_SEC} echo requests a second",
        _head_office_polices,
        _head_office_patient,
    ),
    "route_deleted": Fault(
        "A person deletes the default route that is in force", _route_deleted, _nothing
    ),
    "renewed": Fault("The provider gives another address and another gateway", _renewed, _nothing),
}
"""Every fault, by the name that tests, the demo and the truth use."""
