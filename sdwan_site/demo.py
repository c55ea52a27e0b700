"""The demo network: real packets on loopback, nothing simulated, no privilege needed.

Two sites, six STAMP paths to reflectors that delay and drop on purpose, two ICMP
paths, two dry-run policies. One path goes bad and recovers in a cycle of five
minutes, by loss, so that a visitor sees a failover and a failback. One loses in both
directions, so that its page tells them apart.
"""

from __future__ import annotations

import socket
from pathlib import Path as FilePath
from typing import NamedTuple

import orjson
from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from failover.models import FailoverPolicy, PolicyMember, PolicyRoute
from health.models import Path, PathTarget, ProbeProfile, Site, SlaProfile, Uplink, Vantage

REFLECTOR_HOST = "127.0.0.1"
FIRST_PORT = 18_620
LAST_FIRST_PORT = 19_620
CYCLE = (
    {"secs": 75, "loss_pct": 0},
    {"secs": 120, "loss_pct": 40},
    {"secs": 105, "loss_pct": 0},
)
"""Good, bad, good: five minutes. The bad phase alone brings the score below 50."""


class DemoPath(NamedTuple):
    """One STAMP path of the demo and how its reflector behaves (ms, percent).

    ``loss_pct`` is lost on the way there, ``loss_back_pct`` of the answers on the way back.
    """

    name: str
    uplink: str
    destination: str
    sla_profile: str
    delay_ms: float
    jitter_ms: float
    loss_pct: float
    loss_back_pct: float = 0
    cycles: bool = False


SITES = ("Frankfurt", "Warsaw")
# Gateways from the documentation networks (RFC 5737): the dry run shows routes over
# them, nothing is ever sent there.
UPLINKS = (
    ("Fibre", "fibre", "Example Telecom", "192.0.2.1"),
    ("Cable", "cable", "Example Cable", "198.51.100.1"),
    ("LTE", "lte", "Example Mobile", "203.0.113.1"),
)
PATHS = (
    DemoPath("Warsaw via fibre", "Fibre", "Warsaw", "terrestrial", 12, 1.5, 0, cycles=True),
    DemoPath("Warsaw via cable", "Cable", "Warsaw", "terrestrial", 24, 4, 0.2),
    DemoPath("Warsaw via LTE", "LTE", "Warsaw", "lte", 55, 14, 0.8),
    DemoPath("Internet via fibre", "Fibre", "", "terrestrial", 6, 0.8, 0),
    DemoPath("Internet via cable", "Cable", "", "terrestrial", 15, 5, 0.1),
    DemoPath("Internet via LTE", "LTE", "", "lte", 48, 12, 2.4, loss_back_pct=1.0),
)
PINGS = (("Loopback ping 1", "127.0.0.1"), ("Loopback ping 2", "127.0.0.53"))
POLICIES = (
    ("ERP to Warsaw", "10.20.0.0/16", ("Warsaw via fibre", "Warsaw via cable", "Warsaw via LTE")),
    ("Internet breakout", "default", ("Internet via fibre", "Internet via cable")),
)


def reflectors_file() -> FilePath:
    """Where ``seed`` describes the reflectors for ``manage.py reflector --cycle``."""
    return FilePath(settings.DATA_DIR) / "demo-reflectors.json"


@transaction.atomic
def seed() -> None:
    """Make the demo network, once: what people change of it or delete stays changed."""
    if reflectors_file().exists() and Path.objects.exists():
        return
    ports = _ports()
    _write_reflectors(ports)
    sites = {name: Site.objects.get_or_create(name=name)[0] for name in SITES}
    vantage, _ = Vantage.objects.get_or_create(
        name=settings.VANTAGE, defaults={"site": sites[SITES[0]]}
    )
    uplinks = {uplink[0]: _uplink(vantage, *uplink) for uplink in UPLINKS}
    for path, port in zip(PATHS, ports, strict=True):
        _stamp_path(path, uplinks[path.uplink], sites.get(path.destination), port)
    for name, address in PINGS:
        _ping_path(name, address, uplinks["Fibre"])
    for name, prefix, members in POLICIES:
        _policy(name, prefix, members)


def _ports() -> list[int]:
    """The reflectors' ports: those of an earlier start, else the first free neighbours."""
    if reflectors_file().exists():
        listeners = orjson.loads(reflectors_file().read_bytes())["listeners"]
        return [listener["port"] for listener in listeners]
    for first in range(FIRST_PORT, LAST_FIRST_PORT, len(PATHS)):
        ports = list(range(first, first + len(PATHS)))
        if all(_is_free(port) for port in ports):
            return ports
    raise CommandError(
        f"No {len(PATHS)} neighbouring UDP ports from {FIRST_PORT} to {LAST_FIRST_PORT} are free "
        "for the demo's reflectors; stop what uses them, or start without --demo."
    )


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((REFLECTOR_HOST, port))
        except OSError:
            return False
    return True


def _write_reflectors(ports: list[int]) -> None:
    listeners = [
        {
            "host": REFLECTOR_HOST,
            "port": port,
            "delay_ms": path.delay_ms,
            "jitter_ms": path.jitter_ms,
            "loss_pct": path.loss_pct,
            "loss_back_pct": path.loss_back_pct,
            **({"cycle": list(CYCLE)} if path.cycles else {}),
        }
        for path, port in zip(PATHS, ports, strict=True)
    ]
    reflectors_file().write_bytes(
        orjson.dumps({"listeners": listeners}, option=orjson.OPT_INDENT_2)
    )


def _uplink(vantage: Vantage, name: str, transport: str, provider: str, gateway: str) -> Uplink:
    return Uplink.objects.get_or_create(
        vantage=vantage,
        name=name,
        defaults={"transport": transport, "provider": provider, "gateway": gateway},
    )[0]


def _stamp_path(path: DemoPath, uplink: Uplink, destination: Site | None, port: int) -> None:
    row, created = Path.objects.get_or_create(
        name=path.name,
        defaults={
            "uplink": uplink,
            "destination": destination,
            "kind": "stamp",
            "probe_profile": ProbeProfile.objects.get(name="balanced"),
            "sla_profile": SlaProfile.objects.get(name=path.sla_profile),
            "notes": "Demo: a reflector on this host delays and drops on purpose.",
        },
    )
    if created:
        PathTarget.objects.create(path=row, address=REFLECTOR_HOST, port=port, role="reflector")


def _ping_path(name: str, address: str, uplink: Uplink) -> None:
    row, created = Path.objects.get_or_create(
        name=name,
        defaults={
            "uplink": uplink,
            "kind": "icmp",
            "probe_profile": ProbeProfile.objects.get(name="frugal"),
            "sla_profile": SlaProfile.objects.get(name="terrestrial"),
            "notes": "Demo: echo requests to this host.",
        },
    )
    if created:
        PathTarget.objects.create(path=row, address=address, role="this host")


def _policy(name: str, prefix: str, members: tuple[str, ...]) -> None:
    policy, created = FailoverPolicy.objects.get_or_create(
        name=name,
        defaults={
            "description": "Demo: a dry run, no route of this host is touched.",
            "failback_delay_secs": 15,
            "damping": False,
        },
    )
    if not created:
        return
    for position, member in enumerate(members):
        PolicyMember.objects.create(
            policy=policy, path=Path.objects.get(name=member), position=position
        )
    PolicyRoute.objects.create(policy=policy, prefix=prefix)
