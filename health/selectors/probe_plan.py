"""What must be known to measure a path now: its targets with everything a prober needs.

Read from the configuration and from what the monitor last found out about the uplink, in
any process of the path's probe host. Disabled paths have a plan too: to look is no harm.
"""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet

from health.domain.measurement import Outcome
from health.domain.probe_route import mark_of
from health.domain.uplink_spec import AUTO, ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState, RouteState
from health.models import CurrentUplink, Path, PathTarget, Uplink
from health.models.validators import unprobeable_kind
from health.probers import PROBERS
from health.probers.base import WireTarget
from health.probers.resolve import ResolveError, resolve

FRESH_UPLINK_SECS = 30.0
"""What was found out about an uplink longer ago than this says nothing about now."""


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """One target: ``address`` as configured, perhaps a name; ``port`` None without ports."""

    key: int
    address: str
    port: int | None
    request: str
    expected_text: str
    expected_status: int


class Obstacle(NamedTuple):
    """Why no probe leaves: what that means for the path, and the sentence with the cure."""

    outcome: Outcome
    sentence: str


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """A path as a one-off measurement wants it; durations in ms.

    ``sources`` are the source addresses by family ("" lets the kernel choose);
    ``obstacles`` say, by family, why no probe can leave over its own uplink.
    """

    path_id: int
    name: str
    vantage: str
    kind: str
    targets: tuple[PlannedTarget, ...]
    quorum: int
    interval_ms: int
    timeout_ms: int
    interface: str
    sources: dict[int, str]
    fwmark: int
    dscp: int
    obstacles: dict[int, Obstacle]

    def wire(self, target: PlannedTarget, address: str) -> WireTarget:
        """How probes to ``target`` leave, once its name is the literal ``address``."""
        return WireTarget(
            address,
            target.port or 0,
            source=self.sources[family_of(address)],
            interface=self.interface,
            fwmark=self.fwmark,
            dscp=self.dscp,
            request=target.request,
            expected_text=target.expected_text,
            expected_status=target.expected_status,
        )


def family_of(address: str) -> int:
    """4 or 6, of a literal address."""
    return ipaddress.ip_address(address).version


def probeable_address(name: str) -> str:
    """The literal address of ``name``, by this host's own resolver. Blocks.

    Raises ``ResolveError`` when there is none, or one that the monitor would not probe
    either (multicast, cloud metadata, ...), whatever name leads there.
    """
    address = resolve(name)
    if kind := unprobeable_kind(address):
        raise ResolveError(f"{name!r} is {address}, a {kind} address: it is not probed")
    return address


def paths_named(word: str) -> list[Path]:
    """The path with that name, else that uid, else that id: none or one."""
    rows = Path.objects.select_related("uplink__vantage")
    found = list(rows.filter(name=word))
    if not found:
        found = list(rows.filter(uid=word)) if _is_uid(word) else []
    if not found and word.isascii() and word.isdecimal() and int(word) < 2**63:
        found = list(rows.filter(pk=int(word)))
    return found


def probe_plan(path_id: int, *, now: float) -> ProbePlan | None:
    """The plan of a path at ``now`` (seconds since 1970); None when there is no such path."""
    row = _rows().filter(pk=path_id).first()
    if row is None:
        return None
    uplink, current = row.uplink, _fresh(row.uplink, now)
    targets = tuple(_target(row, target) for target in row.targets.all())
    return ProbePlan(
        path_id=row.pk,
        name=row.name,
        vantage=uplink.vantage.name,
        kind=row.kind,
        targets=targets,
        quorum=min(row.quorum or (len(targets) + 1) // 2, len(targets)),
        interval_ms=row.probe_profile.interval_ms,
        timeout_ms=row.probe_profile.timeout_ms,
        interface=(current.interface if current else "") or uplink.interface,
        sources={
            4: _source(4, current.source if current else "", uplink.source),
            6: _source(6, current.source6 if current else "", uplink.source6),
        },
        fwmark=_mark(uplink),
        dscp=row.dscp,
        obstacles=_obstacles(uplink, current),
    )


def _rows() -> QuerySet[Path]:
    targets = Prefetch("targets", PathTarget.objects.order_by("id"))
    related = ("uplink__vantage", "uplink__current", "probe_profile")
    return Path.objects.select_related(*related).prefetch_related(targets)


def _fresh(uplink: Uplink, now: float) -> CurrentUplink | None:
    current: CurrentUplink | None = getattr(uplink, "current", None)
    if current is None or now - current.updated_at > FRESH_UPLINK_SECS:
        return None
    return current


def _target(path: Path, target: PathTarget) -> PlannedTarget:
    return PlannedTarget(
        target.pk,
        target.address,
        target.port or PROBERS[path.kind].default_port,
        target.request,
        target.expected_text,
        target.expected_status or 0,
    )


def _source(family: int, found: str, configured: str) -> str:
    if configured in {"", AUTO} or family_of(configured) != family:
        return found
    return configured


def _mark(uplink: Uplink) -> int:
    """As the monitor marks: a managed uplink has a mark of its own unless one is configured."""
    spec = UplinkSpec(
        uplink.pk,
        str(uplink.uid),
        uplink.name,
        mode=ProbeRouteMode(uplink.probe_route),
        fwmark=uplink.fwmark or 0,
    )
    return mark_of(spec)


def _obstacles(uplink: Uplink, current: CurrentUplink | None) -> dict[int, Obstacle]:
    """As in the monitor: a probe that might leave over another uplink does not leave."""
    if current is not None and current.link == LinkState.DOWN:
        down = Obstacle(Outcome.LINK_DOWN, current.detail or f"{uplink.interface} is down")
        return {4: down, 6: down}
    if ProbeRouteMode(uplink.probe_route) is ProbeRouteMode.NONE:
        return {}
    if current is None:
        sentence = (
            f"nobody verifies the probe route of uplink {uplink.name}: start `manage.py cluster "
            f"--name {uplink.vantage.name}` on its probe host"
        )
        unknown = Obstacle(Outcome.MISCONFIGURED, sentence)
        return {4: unknown, 6: unknown}
    routes = {4: current.route, 6: current.route6}
    why = current.detail or f"the probe route of uplink {uplink.name} is not verified yet"
    return {
        family: Obstacle(Outcome.MISCONFIGURED, why)
        for family, route in routes.items()
        if route in {RouteState.UNUSABLE, RouteState.PENDING}
    }


def _is_uid(word: str) -> bool:
    try:
        uuid.UUID(word)
    except ValueError:
        return False
    return True
