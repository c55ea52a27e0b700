"""The page about the product itself: probe hosts with their uplinks, queues, database, versions.

Made from what selectors say; templates decide little. What is not told is a dash, never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from health.console import words
from health.console.charts.small import score_bar
from health.console.live import checksum
from health.console.uplink_rows import UplinkRow
from health.domain.status import FACES, Face
from health.probers import PROBERS
from health.selectors.figures import Figures
from health.selectors.system import HostNow, QueueNow, SystemNow

LOW_DISK_BYTES = 1_000_000_000
RUNNING = FACES["up"]._replace(label="Running")
SILENT = FACES["down"]._replace(label="Silent")
NEVER = FACES["unknown"]._replace(label="Never ran")
POSSIBLE = FACES["up"]._replace(label="Possible")
NOT_POSSIBLE = FACES["down"]._replace(label="Not possible")
LATE = FACES["down"]._replace(label="Not working")
WORKING = FACES["up"]._replace(label="Working")


@dataclass(frozen=True, slots=True)
class Line:
    """A name with its value; ``tone`` "" unless it deserves a look."""

    name: str
    value: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that costs measurements now; ``since`` in seconds since 1970, UTC, or None."""

    tone: str
    icon: str
    title: str
    text: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class KindLine:
    """A kind of probe on a host: possible and how, or why not; and replies that were not taken."""

    name: str
    face: Face
    text: str
    rejected: str


@dataclass(frozen=True, slots=True)
class HostCard:
    """One probe host as a card; moments in seconds since 1970, UTC."""

    dom_id: str
    name: str
    site: str
    face: Face
    holder: str
    epoch: int | None
    acquired_at: float | None
    renewed_at: float | None
    loop: tuple[Line, ...]
    store: tuple[Line, ...]
    fill: SafeString
    kinds: tuple[KindLine, ...]
    notes: tuple[str, ...]
    uplinks: tuple[UplinkRow, ...]
    v: str


def host_card(host: HostNow, uplinks: Sequence[UplinkRow]) -> HostCard:
    """The card of one probe host."""
    monitor = host.monitor
    figures = monitor.figures if monitor else Figures()
    alive = monitor is not None and monitor.alive
    face = RUNNING if alive else SILENT if host.renewed_at else NEVER
    shown = (
        host.name, host.site, face, monitor and monitor.holder, monitor and monitor.epoch,
        _loop(host), _store(figures), _kinds(figures), host.notes,
        None if alive else host.renewed_at, [row.v for row in uplinks],
    )  # fmt: skip
    return HostCard(
        dom_id=f"host-{host.key}",
        name=host.name,
        site=host.site,
        face=face,
        holder=monitor.holder if monitor else "",
        epoch=monitor.epoch if monitor else None,
        acquired_at=host.acquired_at,
        renewed_at=host.renewed_at,
        loop=_loop(host),
        store=_store(figures),
        fill=_fill(figures),
        kinds=_kinds(figures),
        notes=host.notes,
        uplinks=tuple(uplinks),
        v=checksum(*shown),
    )


def _loop(host: HostNow) -> tuple[Line, ...]:
    monitor = host.monitor
    if monitor is None:
        return ()
    figures = monitor.figures
    lag = words.MISSING if not monitor.alive else f"{monitor.lag_secs * 1000:.0f} ms"
    rate = words.number(monitor.probes_per_sec) if monitor.alive else words.MISSING
    return (
        Line("Paths", str(monitor.paths) if monitor.alive else words.MISSING),
        Line("Probes/s", rate),
        Line("Lag, last second", lag, "warn" if monitor.alive and monitor.lag_secs > 0.1 else ""),
        Line("Overruns", f"{monitor.overruns_total:,}"),
        Line("Stalls", _number(figures.stalls), "warn" if figures.stalls else ""),
        Line("Blind", _secs(figures.blind_secs), "warn" if figures.blind_secs else ""),
    )


def _store(figures: Figures) -> tuple[Line, ...]:
    waiting = _number(figures.waiting_samples)
    if figures.max_samples is not None:
        waiting += f" of {figures.max_samples:,}"
    slow = (figures.last_write_secs or 0.0) > 1.0
    lost = figures.dropped_samples
    return (
        Line("Waiting samples", waiting, "bad" if figures.is_nearly_full else ""),
        Line("Waiting changes", _number(figures.waiting_changes)),
        Line("Lost samples", _number(lost), "bad" if lost else ""),
        Line(
            "Lost changes",
            _number(figures.dropped_changes),
            "bad" if figures.dropped_changes else "",
        ),
        Line("Last write", _secs(figures.last_write_secs), "warn" if slow else ""),
    )


def _fill(figures: Figures) -> SafeString:
    if figures.fill is None:
        return SafeString("")
    return score_bar(100.0 * figures.fill, "bad" if figures.is_nearly_full else "ok")


def _kinds(figures: Figures) -> tuple[KindLine, ...]:
    told = figures.modes.keys() | figures.unavailable.keys() | figures.rejected.keys()
    return tuple(
        KindLine(
            name=_label(kind),
            face=NOT_POSSIBLE if kind in figures.unavailable else POSSIBLE,
            text=figures.unavailable.get(kind) or _mode(figures.modes.get(kind)),
            rejected=", ".join(
                f"{count:,} {reason}" for reason, count in figures.rejected.get(kind, {}).items()
            ),
        )
        for kind in sorted(told)
    )


def _mode(mode: str | None) -> str:
    return f"{mode} sockets" if mode else ""


def _label(kind: str) -> str:
    return PROBERS[kind].label if kind in PROBERS else kind


def _number(value: int | None) -> str:
    return words.MISSING if value is None else f"{value:,}"


def _secs(value: float | None) -> str:
    if value is None:
        return words.MISSING
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def alarms(hosts: Iterable[HostNow], system: SystemNow) -> list[Alarm]:
    """What costs measurements, worst first."""
    found = [alarm for host in hosts for alarm in _alarms_of(host)]
    if system.disk_free_bytes is not None and system.disk_free_bytes < LOW_DISK_BYTES:
        found.append(
            Alarm(
                "warn",
                "triangle",
                f"Only {words.size(system.disk_free_bytes)} of disk are free.",
                "Free some space or shorten PATHWARDEN_RETENTION_RAW.",
            )
        )
    found += [
        Alarm(
            "warn",
            "triangle",
            f"Nobody works on the tasks of {queue.name}.",
            f"On that host start manage.py cluster --name {queue.name}, or manage.py up.",
        )
        for queue in system.queues
        if queue.is_late
    ]
    return sorted(found, key=lambda alarm: alarm.tone)


def _alarms_of(host: HostNow) -> Iterable[Alarm]:
    figures = host.monitor.figures if host.monitor else Figures()
    if figures.has_lost:
        lost = [
            f"{count:,} {word}"
            for count, word in (
                (figures.dropped_samples, "samples"),
                (figures.dropped_changes, "changes"),
            )
            if count
        ]
        yield Alarm(
            "bad",
            "octagon-x",
            f"{' and '.join(lost)} of {host.name} lost.",
            "The database was away longer than measurements can wait for it; history has a gap.",
        )
    if figures.is_nearly_full:
        yield Alarm(
            "bad",
            "octagon-x",
            f"{figures.waiting_samples:,} samples of {host.name} wait for the database.",
            f"At {figures.max_samples:,} the oldest are lost. Check DATABASE_URL and its server.",
        )
    if figures.database_away_since is not None and host.monitor and host.monitor.alive:
        yield Alarm(
            "warn",
            "triangle",
            f"{host.name} can't reach the database",
            "It measures on and writes everything when the database is back.",
            figures.database_away_since,
        )


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A cluster's queue in words; ``since`` in seconds since 1970, UTC."""

    name: str
    face: Face
    waiting: str
    note: str


def queue_rows(queues: Iterable[QueueNow]) -> tuple[QueueRow, ...]:
    """The clusters with what waits for them."""
    return tuple(
        QueueRow(
            name=queue.name,
            face=LATE if queue.is_late else WORKING,
            waiting=words.MISSING if queue.waiting is None else str(queue.waiting),
            note=(
                f"schedules are {words.duration(queue.late_secs)} late"
                if queue.is_late
                else words.count(queue.schedules, "schedule")
            ),
        )
        for queue in queues
    )


def facts(system: SystemNow) -> tuple[Line, ...]:
    """Database, disk and versions."""
    free, total = system.disk_free_bytes, system.disk_bytes
    low = free is not None and free < LOW_DISK_BYTES
    return (
        Line("Database", system.database),
        Line("Its size", words.size(system.database_bytes)),
        Line("Disk", f"{words.size(free)} of {words.size(total)} free", "warn" if low else ""),
        Line("Failed tasks, 24 h", str(system.failed_tasks), "warn" if system.failed_tasks else ""),
        *(Line(name, version or words.MISSING) for name, version in system.versions),
    )
