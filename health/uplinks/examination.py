"""What ``doctor`` says about uplinks: everything that can keep a probe from its own path.

Only looks. Judges the kernel as it is, whether or not a monitor runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from health.domain.probe_route import mark_of, table_of
from health.domain.probe_route_facts import Facts, Link
from health.domain.probe_route_neighbours import Severity, UplinkFinding, examine_rules
from health.domain.uplink_spec import ProbeRouteMode, UplinkSpec
from health.domain.uplink_state import LinkState, RouteState, UplinkState
from health.uplinks.kernel import Kernel
from health.uplinks.reconciler import Reconciler

_CONFIGURATION = Path("/proc/sys/net/ipv4/conf")
_NETWORKD = Path("/run/systemd/netif")
_STRICT = 1


def examine_uplinks(specs: list[UplinkSpec]) -> list[UplinkFinding]:
    """Findings about these uplinks and about the host: one line per uplink at least.

    Returns one fault instead of raising when the kernel cannot be asked.
    """
    if not specs:
        return []
    try:
        kernel = Kernel()
    except OSError as error:
        return [_unanswered(error)]
    try:
        return list(_examine(kernel, specs))
    except OSError as error:
        return [_unanswered(error)]
    finally:
        kernel.close()


def _unanswered(error: OSError) -> UplinkFinding:
    return UplinkFinding(
        "",
        Severity.FAULT,
        f"The kernel does not say how it routes ({os.strerror(error.errno or 0)}).",
        "allow AF_NETLINK sockets (RestrictAddressFamilies= of the systemd unit)",
    )


def _examine(kernel: Kernel, specs: list[UplinkSpec]) -> Iterator[UplinkFinding]:
    routed = [spec for spec in specs if spec.mode is not ProbeRouteMode.NONE]
    managed = [spec for spec in specs if spec.mode is ProbeRouteMode.MANAGED]
    facts = Facts(
        {link.name: link for link in kernel.links()},
        kernel.addresses(),
    )
    states = Reconciler(kernel, read_only=True).run(specs, time.monotonic())
    for spec in specs:
        yield _state_finding(spec, states[spec.key])
    for spec in routed:
        link = facts.links.get(spec.interface)
        if link is not None:
            yield from _traps_of(spec, link, states, facts)
    if managed and _NETWORKD.exists():
        yield UplinkFinding(
            "",
            Severity.WARNING,
            "systemd-networkd removes routes and rules it does not know when it restarts; "
            "Pathwarden puts them back.",
            "ManageForeignRoutes=no and ManageForeignRoutingPolicyRules=no in networkd.conf",
        )
    rules = [*kernel.rules(4), *kernel.rules(6)]
    tables = {table_of(spec) for spec in routed}
    yield from examine_rules(rules, tables, {mark_of(spec) for spec in managed})


def _state_finding(spec: UplinkSpec, state: UplinkState) -> UplinkFinding:
    sentence, _, cure = state.detail.partition(": ")
    if state.link is LinkState.DOWN:
        return UplinkFinding(spec.name, Severity.FAULT, f"{_capital(sentence)}.", cure)
    if RouteState.UNUSABLE in (state.route, state.route6) and state.detail:
        return UplinkFinding(spec.name, Severity.FAULT, f"{_capital(sentence)}.", cure)
    if state.route is RouteState.NOT_NEEDED:
        return UplinkFinding(
            spec.name, Severity.OK, "No probe route; the kernel's routing chooses."
        )
    ways = [
        f"from {source} by {gateway or 'the link itself'}"
        for source, gateway, route in (
            (state.source, state.gateway, state.route),
            (state.source6, state.gateway6, state.route6),
        )
        if route is RouteState.VERIFIED
    ]
    return UplinkFinding(
        spec.name, Severity.OK, f"Probes leave over {spec.interface} {' and '.join(ways)}."
    )


def _traps_of(
    spec: UplinkSpec, link: Link, states: dict[int, UplinkState], facts: Facts
) -> Iterator[UplinkFinding]:
    """Settings that do no harm now and will when routes move."""
    state = states[spec.key]
    shared = bool(state.source) and facts.holders_of(state.source) > 1
    if shared and _setting(spec.interface, "rp_filter") == _STRICT:
        yield UplinkFinding(
            spec.name,
            Severity.WARNING,
            f"Reverse path filtering of {spec.interface} is strict and its address is also on "
            "another interface: answers will be dropped when the default route moves away.",
            f"sysctl -w net.ipv4.conf.{spec.interface}.rp_filter=2",
        )
    if shared and _setting(spec.interface, "arp_filter") > 0:
        yield UplinkFinding(
            spec.name,
            Severity.WARNING,
            f"arp_filter is on for {spec.interface}, whose address is also on another interface: "
            "its gateway may get no answer to ARP.",
            f"sysctl -w net.ipv4.conf.{spec.interface}.arp_filter=0",
        )
    master = next((one for one in facts.links.values() if one.ifindex == link.master), None)
    if master is not None and master.vrf and spec.mode is ProbeRouteMode.MANAGED:
        yield UplinkFinding(
            spec.name,
            Severity.WARNING,
            f"{spec.interface} belongs to the VRF {master.name}, which routes by itself.",
            "set the probe route of the uplink to 'external'",
        )


def _setting(interface: str, name: str) -> int:
    """The larger of the interface's value and that of ``all``, as the kernel takes it."""
    values = []
    for directory in ("all", interface):
        try:
            values.append(int((_CONFIGURATION / directory / name).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    return max(values, default=0)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
