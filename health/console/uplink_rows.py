"""Rows of the table of uplinks: state in words, rates, the last hour, and the cure.

Pure: an ``UplinkNow`` and its traffic go in, final texts come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from health.console import words
from health.console.charts.traffic_spark import traffic_spark
from health.console.live import checksum
from health.domain.probe_budget import ProbeBudget, metered_warning
from health.domain.status import FACES, Face
from health.domain.uplink_state import LinkState, RouteState
from health.selectors.uplinks import TrafficPoint, UplinkNow

BUSY_PCT = 90.0
"""From here on a line is full: loss and latency have a cause."""

NO_ROUTE = FACES["failing"]._replace(label="No route")
CHECKING = FACES["unknown"]._replace(label="Checking")
SYSTEM = FACES["unknown"]._replace(label="By routing", icon="circle-info", tone="quiet")
_ROUTES = {
    RouteState.NOT_NEEDED: "not needed",
    RouteState.VERIFIED: "verified",
    RouteState.PENDING: "being checked",
    RouteState.UNUSABLE: "unusable",
}


@dataclass(frozen=True, slots=True)
class UplinkRow:
    """One row; texts are final."""

    dom_id: str
    face: Face
    name: str
    line: str
    addresses: tuple[tuple[str, str], ...]
    route: str
    detail: str
    down: str
    up: str
    down_share: str
    up_share: str
    down_is_busy: bool
    up_is_busy: bool
    totals: str
    faults: str
    spark: SafeString
    v: str


def uplink_row(
    uplink: UplinkNow,
    minutes: Sequence[TrafficPoint | None],
    budgets: Sequence[ProbeBudget] = (),
) -> UplinkRow:
    """The row of one uplink; ``budgets`` are those of its paths where bytes are paid for."""
    row = uplink.row
    down, up = uplink.receive_utilisation_pct, uplink.transmit_utilisation_pct
    kind = row.get_transport_display()
    shown = {
        "face": face_of_uplink(uplink),
        "name": row.name,
        "line": " · ".join(part for part in (row.interface, kind, row.provider) if part),
        "addresses": _addresses(uplink),
        "route": _route(uplink),
        "detail": " ".join(part for part in (_detail(uplink), _metered(budgets)) if part),
        "down": words.rate(uplink.receive_bps),
        "up": words.rate(uplink.transmit_bps),
        "down_share": "" if down is None else words.share(down),
        "up_share": "" if up is None else words.share(up),
        "down_is_busy": (down or 0.0) >= BUSY_PCT,
        "up_is_busy": (up or 0.0) >= BUSY_PCT,
        "totals": _totals(uplink),
        "faults": _faults(uplink),
        "spark": traffic_spark(
            [point.receive_bps if point else None for point in minutes],
            [point.transmit_bps if point else None for point in minutes],
        ),
    }
    return UplinkRow(dom_id=f"uplink-{row.pk}", v=checksum(*shown.values()), **shown)  # type: ignore[arg-type] # by name


def face_of_uplink(uplink: UplinkNow) -> Face:
    """Link and probe route as one state."""
    routes = {uplink.route, uplink.route6}
    if not uplink.is_known:
        return FACES["unknown"]
    if uplink.link is LinkState.DOWN:
        return FACES["down"]
    if RouteState.UNUSABLE in routes and RouteState.VERIFIED not in routes:
        return NO_ROUTE
    if RouteState.PENDING in routes and RouteState.VERIFIED not in routes:
        return CHECKING
    if uplink.link is LinkState.UNKNOWN:
        return SYSTEM if not uplink.row.interface else CHECKING
    return FACES["up"]


def _addresses(uplink: UplinkNow) -> tuple[tuple[str, str], ...]:
    """(source, gateway) of each family that has one."""
    pairs = ((uplink.source, uplink.gateway), (uplink.source6, uplink.gateway6))
    return tuple((source or words.MISSING, gateway or "") for source, gateway in pairs if source)


def _route(uplink: UplinkNow) -> str:
    if uplink.route is None or uplink.route6 is None:
        return words.MISSING
    if uplink.route is uplink.route6:
        return _ROUTES[uplink.route]
    families = (("IPv4", uplink.route), ("IPv6", uplink.route6))
    needed = [(name, state) for name, state in families if state is not RouteState.NOT_NEEDED]
    return ", ".join(f"{name} {_ROUTES[state]}" for name, state in needed)


def _detail(uplink: UplinkNow) -> str:
    if uplink.updated_at is None:
        return "Nobody has looked at this uplink yet."
    return uplink.detail if uplink.is_known else "The monitor of this host is silent."


def _metered(budgets: Sequence[ProbeBudget]) -> str:
    whole = ProbeBudget(
        sum(one.probes_per_sec for one in budgets),
        sum(one.bytes_per_month or 0.0 for one in budgets),
        is_exact=False,
    )
    return metered_warning(whole)


def _totals(uplink: UplinkNow) -> str:
    if uplink.totals is None:
        return words.MISSING
    received, sent = uplink.totals.receive_bytes, uplink.totals.transmit_bytes
    return f"{words.size(received)} down, {words.size(sent)} up"


def _faults(uplink: UplinkNow) -> str:
    if uplink.totals is None:
        return ""
    totals = uplink.totals
    errors = totals.receive_errors + totals.transmit_errors
    drops = totals.receive_drops + totals.transmit_drops
    found = [words.count(errors, "error")] if errors else []
    return ", ".join([*found, words.count(drops, "drop")] if drops else found)
