"""The probe engine as every page shows it: one state, and since when it is silent.

Pure: the monitors go in, a box comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from health.console import words
from health.console.live import checksum
from health.domain.status import FACES, Face
from health.selectors.current import MonitorNow

JUST_NOW_SECS = 5.0


@dataclass(frozen=True, slots=True)
class EngineBox:
    """``silent_since`` (seconds since 1970) is None while a monitor runs or never ran."""

    face: Face
    label: str
    alive: bool
    ever_ran: bool
    is_recent: bool
    last_round_at: float | None
    silent_since: float | None
    probes_per_sec: str
    paths: int
    silent_hosts: tuple[str, ...]

    @property
    def v(self) -> str:
        """The checksum of what the box shows."""
        moment = None if self.is_recent else self.last_round_at
        return checksum(self.label, moment, self.probes_per_sec, self.paths, self.silent_hosts)


def engine_box(monitors: Sequence[MonitorNow], *, now: float) -> EngineBox:
    """All monitors as one box; alive while at least one of them is."""
    alive = [monitor for monitor in monitors if monitor.alive]
    ages = [monitor.age_secs for monitor in monitors if monitor.age_secs is not None]
    last_round_at = now - min(ages) if ages else None
    label = "Probe engine" if alive else "Probe engine silent" if ages else "Not started yet"
    return EngineBox(
        face=FACES["up" if alive else "down" if ages else "unknown"],
        label=label,
        alive=bool(alive),
        ever_ran=bool(ages),
        is_recent=bool(ages) and min(ages) < JUST_NOW_SECS,
        last_round_at=last_round_at,
        silent_since=None if alive else last_round_at,
        probes_per_sec=words.number(sum(monitor.probes_per_sec for monitor in alive)),
        paths=sum(monitor.paths for monitor in alive),
        silent_hosts=tuple(m.vantage for m in monitors if not m.alive) if alive else (),
    )
