"""What a reflector listens on and how it impairs its answers on purpose.

Plain values, their JSON form and its validation; no socket, no clock, no
randomness. Every error names the field, the value and what is allowed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from health.probers.stamp_packet import DEFAULT_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DEFAULT_HOST = "127.0.0.1"
MAX_DELAY_MS = 60_000.0
IMPAIRMENTS = ("delay_ms", "jitter_ms", "loss_pct", "loss_back_pct")
"""The fields of ``Impairment`` in their order; a phase has the same."""
_NS_PER_SEC = 1_000_000_000


class ReflectorConfigError(ValueError):
    """A setting of the reflector makes no sense; the message names field and value."""


@dataclass(frozen=True, slots=True)
class Impairment:
    """How answers are spoiled: each is delayed by ``delay_ms`` ± ``jitter_ms`` or dropped.

    The delay is uniform in [delay − jitter, delay + jitter] and never negative.
    ``loss_pct`` is the chance in percent that a packet is dropped as if it had
    never arrived, ``loss_back_pct`` that its answer is, after it was counted.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss_pct: float = 0.0
    loss_back_pct: float = 0.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of ``secs`` seconds of a cycle; None keeps the listener's own value."""

    secs: float
    delay_ms: float | None = None
    jitter_ms: float | None = None
    loss_pct: float | None = None
    loss_back_pct: float | None = None

    def over(self, base: Impairment) -> Impairment:
        """The impairment of this phase on a listener with impairment ``base``."""
        return Impairment(
            base.delay_ms if self.delay_ms is None else self.delay_ms,
            base.jitter_ms if self.jitter_ms is None else self.jitter_ms,
            base.loss_pct if self.loss_pct is None else self.loss_pct,
            base.loss_back_pct if self.loss_back_pct is None else self.loss_back_pct,
        )


@dataclass(frozen=True, slots=True)
class Listener:
    """One address and port to answer on; port 0 lets the kernel choose."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    impairment: Impairment = field(default_factory=Impairment)
    cycle: tuple[Phase, ...] = ()

    def impairment_at(self, elapsed_ns: int) -> Impairment:
        """What applies ``elapsed_ns`` nanoseconds after the start; the cycle repeats for ever."""
        if not self.cycle:
            return self.impairment
        left = elapsed_ns % sum(_nanoseconds(phase) for phase in self.cycle)
        for phase in self.cycle:
            left -= _nanoseconds(phase)
            if left < 0:
                break
        return phase.over(self.impairment)


def load_listeners(path: Path, single: Listener) -> tuple[Listener, ...]:
    """The listeners of a JSON file; ``single`` is what the short form's cycle applies to.

    Raises ``ReflectorConfigError``, naming file, line and column for broken JSON.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ReflectorConfigError(f"cannot read {path}: {error}") from error
    except json.JSONDecodeError as error:
        raise ReflectorConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        ) from error
    return parse_listeners(data, single)


def parse_listeners(data: object, single: Listener) -> tuple[Listener, ...]:
    """``{"listeners": [...]}`` or the short ``{"cycle": [...]}``, already decoded from JSON."""
    fields = _object(data, "file", {"listeners", "cycle"})
    if len(fields) != 1:
        raise ReflectorConfigError('file: give exactly one of "listeners" and "cycle"')
    if "cycle" in fields:
        return (replace(single, cycle=_cycle(fields["cycle"], "cycle")),)
    entries = _list(fields["listeners"], "listeners")
    return tuple(_listener(entry, f"listeners[{i}]") for i, entry in enumerate(entries))


def make_impairment(
    fields: dict[str, Any], where: str = "", defaults: Impairment | None = None
) -> Impairment:
    """Checked impairment from the fields of ``Impairment``, each optional."""
    base = defaults or Impairment()
    return Impairment(
        _number(fields.get("delay_ms", base.delay_ms), f"{where}delay_ms", MAX_DELAY_MS),
        _number(fields.get("jitter_ms", base.jitter_ms), f"{where}jitter_ms", MAX_DELAY_MS),
        _number(fields.get("loss_pct", base.loss_pct), f"{where}loss_pct", 100.0),
        _number(fields.get("loss_back_pct", base.loss_back_pct), f"{where}loss_back_pct", 100.0),
    )


def check_rate(value: object, where: str = "max_pps_per_source") -> int:
    """Packets a second, 0 for no limit."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
        raise ReflectorConfigError(f"{where}: {value!r} is not a whole number from 0 to 1000000")
    return value


def check_port(value: object, where: str = "port") -> int:
    """A port number, 0 included."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65535:
        raise ReflectorConfigError(f"{where}: {value!r} is not a port (0–65535)")
    return value


def _listener(entry: object, where: str) -> Listener:
    allowed = {"host", "port", *IMPAIRMENTS, "cycle"}
    fields = _object(entry, where, allowed)
    host = fields.get("host", DEFAULT_HOST)
    if not isinstance(host, str) or not host:
        raise ReflectorConfigError(f"{where}.host: {host!r} is not an address")
    return Listener(
        host,
        check_port(fields.get("port", DEFAULT_PORT), f"{where}.port"),
        make_impairment(fields, f"{where}."),
        _cycle(fields["cycle"], f"{where}.cycle") if "cycle" in fields else (),
    )


def _cycle(value: object, where: str) -> tuple[Phase, ...]:
    return tuple(_phase(entry, f"{where}[{i}]") for i, entry in enumerate(_list(value, where)))


def _phase(entry: object, where: str) -> Phase:
    fields = _object(entry, where, {"secs", *IMPAIRMENTS})
    if "secs" not in fields:
        raise ReflectorConfigError(f"{where}.secs: missing; give the length in seconds")
    secs = _number(fields["secs"], f"{where}.secs", 7 * 86_400.0)
    if secs < 0.001:
        raise ReflectorConfigError(f"{where}.secs: {secs!r} is too short (at least 0.001)")
    checked = make_impairment(fields, f"{where}.")
    return Phase(
        secs,
        *(getattr(checked, name) if name in fields else None for name in IMPAIRMENTS),
    )


def _object(value: object, where: str, allowed: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ReflectorConfigError(f"{where}: {value!r} is not an object")
    for name in value:
        if name not in allowed:
            raise ReflectorConfigError(
                f"{where}: unknown field {name!r}; known are {', '.join(sorted(allowed))}"
            )
    return value


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list) or not value:
        raise ReflectorConfigError(f"{where}: {value!r} is not a list with at least one entry")
    return value


def _number(value: object, where: str, maximum: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= maximum:
        raise ReflectorConfigError(f"{where}: {value!r} is not a number from 0 to {maximum:g}")
    return float(value)


def _nanoseconds(phase: Phase) -> int:
    return int(phase.secs * _NS_PER_SEC)
