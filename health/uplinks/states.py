"""From facts, plans and verdicts to the ``UplinkState`` that the engine sends by.

Pure, but of no use outside this package.
"""

from __future__ import annotations

from dataclasses import replace

from health.domain.probe_route import mark_of
from health.domain.probe_route_choice import configured
from health.domain.probe_route_facts import Link
from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.uplinks.verification import FamilyVerdict

MAX_DETAIL = 400


def first_states(specs: list[UplinkSpec]) -> dict[int, UplinkState]:
    """What the engine may know before the keeper has looked: no required route is usable yet."""
    return {
        spec.key: unmanaged_state(spec, None, LinkState.UNKNOWN)
        if spec.mode is ProbeRouteMode.NONE
        else UplinkState(
            spec.key,
            route=RouteState.PENDING,
            route6=RouteState.PENDING,
            interface=spec.interface,
            fwmark=spec.fwmark,
        )
        for spec in specs
    }


def link_state(link: Link | None) -> LinkState:
    """Up only with the administrator's will and a carrier."""
    return LinkState.UP if link is not None and link.up and link.running else LinkState.DOWN


def unmanaged_state(
    spec: UplinkSpec, link: Link | None, unseen: LinkState = LinkState.DOWN
) -> UplinkState:
    """Probe route mode ``none``: the kernel's routing chooses; only the link is watched.

    ``unseen`` is the state of a link of which nothing is known.
    """
    state = link_state(link) if link is not None else unseen
    return UplinkState(
        spec.key,
        state if spec.interface else LinkState.UNKNOWN,
        RouteState.NOT_NEEDED,
        RouteState.NOT_NEEDED,
        spec.interface,
        link.ifindex if link else 0,
        configured(spec.source),
        configured(spec.source6),
        fwmark=spec.fwmark,
        detail=link_problem(spec, link) if spec.interface and state is LinkState.DOWN else "",
    )


def pending_state(spec: UplinkSpec, link: Link | None, detail: str) -> UplinkState:
    """Nothing can be asked while the interface is down or gone."""
    return UplinkState(
        spec.key,
        link_state(link),
        RouteState.PENDING,
        RouteState.PENDING,
        spec.interface,
        link.ifindex if link else 0,
        fwmark=spec.fwmark,
        detail=detail,
    )


def unusable_state(spec: UplinkSpec, link: Link | None, detail: str) -> UplinkState:
    """No probe of this uplink may leave until somebody does what ``detail`` says."""
    return replace(
        pending_state(spec, link, detail[:MAX_DETAIL]),
        link=link_state(link) if spec.interface else LinkState.UNKNOWN,
        route=RouteState.UNUSABLE,
        route6=RouteState.UNUSABLE,
    )


def blind_state(spec: UplinkSpec, complaint: str) -> UplinkState:
    """The kernel cannot be asked at all; without a probe route that does not matter."""
    if spec.mode is ProbeRouteMode.NONE:
        return unmanaged_state(spec, None, LinkState.UNKNOWN)
    detail = (
        f"the kernel does not say how it routes ({complaint}): allow AF_NETLINK sockets "
        "(RestrictAddressFamilies= of the systemd unit)"
    )
    return replace(unusable_state(spec, None, detail), link=LinkState.UNKNOWN)


def routed_state(
    spec: UplinkSpec, link: Link, four: FamilyVerdict, six: FamilyVerdict
) -> UplinkState:
    """The state of an uplink whose interface is administratively up."""
    return UplinkState(
        spec.key,
        link_state(link),
        four.route,
        six.route,
        spec.interface,
        link.ifindex,
        four.source,
        six.source,
        four.gateway,
        six.gateway,
        mark_of(spec),
        _detail(four, six) or link_problem(spec, link),
        four.onlink,
        six.onlink,
    )


def _detail(four: FamilyVerdict, six: FamilyVerdict) -> str:
    """What is wrong; a family that nobody has set up here is not."""
    problems = [one.problem for one in (four, six) if one.problem and not one.absent]
    if not problems and RouteState.VERIFIED not in (four.route, six.route):
        problems = [one.problem for one in (four, six) if one.problem][:1]
    text = "; ".join(problems)
    return text if len(text) <= MAX_DETAIL else text[: MAX_DETAIL - 1] + "…"


def link_problem(spec: UplinkSpec, link: Link | None) -> str:
    """Why the interface carries nothing, with the cure; "" when it does."""
    name = spec.interface
    if link is None:
        return f"interface {name} does not exist: correct the uplink's interface, or bring it back"
    if not link.up:
        return f"interface {name} is administratively down: `ip link set {name} up`"
    if not link.running:
        return f"interface {name} has no carrier: check the cable, the modem or the tunnel"
    return ""
