"""Is this installation able to work? Each check says what is wrong and what cures it.

A check is a function without arguments but the time that returns findings; add
one to ``CHECKS``. Checks only look; they repair nothing.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path as FilePath

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django_q.models import OrmQ, Schedule

from failover.control.by_hand import NotHere, mismatches
from failover.control.enabling import doctor_findings
from health.models import CurrentHealth, Path, ProbeRoute, Uplink, Vantage
from health.monitoring.monitor import open_probers
from health.probers.icmp import IcmpProber
from health.selectors.configuration import uplink_specs
from health.selectors.current import current_monitors
from health.uplinks.examination import examine_uplinks
from sdwan_site import permissions
from sdwan_site.permissions import Capability
from sdwan_site.schedules import wished_schedules

NET_ADMIN, NET_RAW = Capability.NET_ADMIN, Capability.NET_RAW
_POSSIBLE = {
    "": "Possible.",
    "raw": "Possible (raw sockets).",
    "unprivileged": "Possible without privileges (echo sockets by net.ipv4.ping_group_range): "
    "the same measurements; firewall marks still need a capability.",
}
LOW_DISK_BYTES = 1_000_000_000
NO_DISK_BYTES = 100_000_000
LATE_TASK_SECS = 60.0
# Older than the software itself: a router without a battery-backed clock that
# has not reached its time server yet.
PLAUSIBLE_FROM = datetime(2026, 1, 1, tzinfo=UTC)


class Verdict(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; ``cure`` is empty when nothing is wrong."""

    check: str
    verdict: Verdict
    sentence: str
    cure: str = ""


def examine(*, now: datetime) -> list[Finding]:
    """Run all checks; a database that is away ends those that need it."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings += check(now)
        except DatabaseError as error:
            findings.append(
                Finding(
                    "database",
                    Verdict.FAULT,
                    f"The database does not answer: {error}",
                    "Check DATABASE_URL and that the server runs; then `manage.py migrate`.",
                )
            )
            break
    return findings


def check_data_directory(now: datetime) -> Iterator[Finding]:
    """The data directory can be written, and the key in it is private."""
    directory = FilePath(settings.DATA_DIR)
    free = shutil.disk_usage(directory).free
    verdict = Verdict.OK
    if free < LOW_DISK_BYTES:
        verdict = Verdict.FAULT if free < NO_DISK_BYTES else Verdict.WARNING
    yield Finding(
        "disk",
        verdict,
        f"{free / 1e9:.1f} GB are free for {directory}.",
        "" if verdict is Verdict.OK else "Free some space or shorten PATHWARDEN_RETENTION_RAW.",
    )
    key = directory / "secret_key"
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        yield Finding("secret key", Verdict.FAULT, f"Others can read {key}.", f"chmod 600 {key}")


def check_clock(now: datetime) -> Iterator[Finding]:
    """The wall clock is plausible."""
    if now < PLAUSIBLE_FROM:
        yield Finding(
            "clock",
            Verdict.FAULT,
            f"This host believes it is {now:%Y-%m-%d %H:%M} UTC.",
            "Set the clock (timedatectl set-ntp true); until then events have wrong times.",
        )
    else:
        yield Finding("clock", Verdict.OK, f"It is {now:%Y-%m-%d %H:%M:%S} UTC.")


def check_probe_permissions(now: datetime) -> Iterator[Finding]:
    """Every kind of probe can be sent by this user; a fault only where a path needs it."""
    ready, unavailable = open_probers()
    for kind, prober in ready.items():
        mode = prober.mode if isinstance(prober, IcmpProber) else ""
        yield Finding(f"{kind} probes", Verdict.OK, _POSSIBLE[mode])
        prober.close()
    wanted = set(Path.objects.filter(enabled=True).values_list("kind", flat=True))
    for kind, why in unavailable.items():
        verdict = Verdict.FAULT if kind in wanted else Verdict.WARNING
        sentence = f"Not possible for this user: {why.partition('. ')[0]}."
        yield Finding(f"{kind} probes", verdict, sentence, _cure_of(kind))


def check_uplink_permissions(now: datetime) -> Iterator[Finding]:
    """What the uplinks of this probe host ask of the kernel is allowed to this user."""
    uplinks = Uplink.objects.filter(vantage__name=settings.VANTAGE)
    for check, wanted, enough in (
        ("firewall marks", uplinks.filter(fwmark__gt=0), (NET_ADMIN, NET_RAW)),
        ("probe routes", uplinks.filter(probe_route=ProbeRoute.MANAGED), (NET_ADMIN,)),
    ):
        names = ", ".join(wanted.values_list("name", flat=True))
        if not names:
            continue
        if any(permissions.has(one) for one in enough):
            yield Finding(check, Verdict.OK, f"May be set for {names}.")
        else:
            yield Finding(
                check,
                Verdict.FAULT,
                f"This user may not set them, and {names} must have them: "
                "its paths cannot be measured.",
                permissions.cure_by_capability(NET_ADMIN, NET_RAW),
            )


def check_uplinks(now: datetime) -> Iterator[Finding]:
    """Probes of this probe host leave over their own uplinks, and nothing will hinder them."""
    for found in examine_uplinks(uplink_specs(settings.VANTAGE)):
        check = f"uplink {found.uplink}" if found.uplink else "routing of this host"
        yield Finding(check, Verdict(found.severity), found.sentence, found.cure)


def check_policies(now: datetime) -> Iterator[Finding]:
    """The executors of this probe host's policies can do what they will be asked for."""
    for policy, problem in doctor_findings(carried_here=True):
        verdict = Verdict.FAULT if problem.blocks else Verdict.WARNING
        yield Finding(f"policy {policy}", verdict, problem.sentence, problem.cure)


def check_obeyed_orders(now: datetime) -> Iterator[Finding]:
    """No executor of this probe host has obeyed newer orders than the database knows."""
    vantage = Vantage.objects.filter(name=settings.VANTAGE).first()
    if vantage is None:
        return
    try:
        for found in mismatches(vantage, now=now):
            cure = "After a restore of an older database: manage.py reconcile --adopt"
            yield Finding(f"policy {found.policy.name}", Verdict.FAULT, found.sentence, cure)
    except NotHere:
        return  # its routes are on another host


def check_database(now: datetime) -> Iterator[Finding]:
    """The database answers and has the tables of this release."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        yield Finding(
            "database",
            Verdict.FAULT,
            f"{len(missing)} migrations have not been applied.",
            "manage.py migrate",
        )
    else:
        yield Finding("database", Verdict.OK, f"{connection.vendor}, tables up to date.")


def check_monitors(now: datetime) -> Iterator[Finding]:
    """Every probe host has a living monitor, and every path is being measured."""
    monitors = {monitor.vantage: monitor for monitor in current_monitors(now=now.timestamp())}
    for name in Vantage.objects.values_list("name", flat=True):
        monitor = monitors.get(name)
        if monitor is not None and monitor.alive:
            yield Finding(
                f"monitor of {name}",
                Verdict.OK,
                f"Run by {monitor.holder}: {monitor.paths} paths, "
                f"{monitor.probes_per_sec:.0f} probes/s.",
            )
        else:
            yield Finding(
                f"monitor of {name}",
                Verdict.FAULT,
                "Nobody measures; its paths are unknown and its policies hold still.",
                f"Start `manage.py cluster --name {name}` (or `manage.py monitor "
                f"--vantage {name}`) on that host.",
            )
    denied = CurrentHealth.objects.filter(reason="permission").count()
    if denied:
        yield Finding(
            "paths",
            Verdict.WARNING,
            f"{denied} paths can't be probed by the monitor for want of a permission.",
            "See the page of such a path, and `icmp probes` above.",
        )


def check_schedules(now: datetime) -> Iterator[Finding]:
    """The schedule has every row it needs, and the clusters keep up with it."""
    present = set(Schedule.objects.values_list("name", flat=True))
    missing = sorted({one.name for one in wished_schedules()} - present)
    if missing:
        yield Finding(
            "schedule", Verdict.FAULT, f"Rows are missing: {', '.join(missing)}.", "manage.py up"
        )
    else:
        yield Finding("schedule", Verdict.OK, "Complete.")
    if settings.REDIS_URL:
        return
    oldest = OrmQ.objects.order_by("lock").values_list("key", "lock").first()
    if oldest is not None and (now - oldest[1]).total_seconds() > LATE_TASK_SECS:
        yield Finding(
            "clusters",
            Verdict.FAULT,
            f"Tasks wait in queue {oldest[0]!r} since {oldest[1]:%H:%M:%S} UTC.",
            f"Start `manage.py cluster --name {oldest[0]}`.",
        )
    else:
        yield Finding("clusters", Verdict.OK, "No task waits.")


def _cure_of(kind: str) -> str:
    cure = permissions.cure_by_capability(NET_RAW)
    if kind == "icmp":
        cure = f"{cure}; or without any capability: {permissions.cure_by_ping_groups()}"
    return f"Any one of: {cure}"


Check = Callable[[datetime], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    check_clock,
    check_data_directory,
    check_database,
    check_probe_permissions,
    check_uplink_permissions,
    check_uplinks,
    check_policies,
    check_obeyed_orders,
    check_monitors,
    check_schedules,
)
