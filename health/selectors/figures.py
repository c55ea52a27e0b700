"""What a monitor's loop tells about itself, read from the JSON of its lease.

Written by whatever release runs on the probe host: any key may be absent or odd, and
what is not told is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NEARLY_FULL = 0.8


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts are since the monitor started; ``database_away_since`` in seconds since 1970, UTC.

    ``rejected`` counts replies that were none of ours by kind and reason, ``unavailable``
    says by kind why it can't be sent, ``modes`` how the others are.
    """

    waiting_samples: int | None = None
    max_samples: int | None = None
    waiting_changes: int | None = None
    dropped_samples: int | None = None
    dropped_changes: int | None = None
    last_write_secs: float | None = None
    database_away_since: float | None = None
    stalls: int | None = None
    blind_secs: float | None = None
    rejected: dict[str, dict[str, int]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    modes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, told: object) -> Figures:
        """The figures in ``told``; never raises."""
        top = _mapping(told)
        ring = _mapping(top.get("ring"))
        return cls(
            waiting_samples=_count(ring.get("waiting_samples")),
            max_samples=_count(ring.get("max_samples")),
            waiting_changes=_count(ring.get("waiting_changes")),
            dropped_samples=_count(ring.get("dropped_samples")),
            dropped_changes=_count(ring.get("dropped_changes")),
            last_write_secs=_number(ring.get("last_write_secs")),
            database_away_since=_number(ring.get("database_away_since")) or None,
            stalls=_count(top.get("stalls")),
            blind_secs=_number(top.get("blind_secs")),
            rejected=_rejected(top.get("rejected")),
            unavailable=_texts(top.get("unavailable")),
            modes=_texts(top.get("modes")),
        )

    @property
    def fill(self) -> float | None:
        """How full the ring of waiting samples is, 0 to 1."""
        if self.waiting_samples is None or not self.max_samples:
            return None
        return min(1.0, self.waiting_samples / self.max_samples)

    @property
    def is_nearly_full(self) -> bool:
        """Samples will be lost soon."""
        return (self.fill or 0.0) >= NEARLY_FULL

    @property
    def has_lost(self) -> bool:
        """Something that was measured is gone."""
        return bool(self.dropped_samples or self.dropped_changes)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and value >= 0 else None  # type: ignore[arg-type,operator] # it is one


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _texts(value: object) -> dict[str, str]:
    return {str(key): str(text) for key, text in sorted(_mapping(value).items()) if text}


def _rejected(value: object) -> dict[str, dict[str, int]]:
    kinds = {
        str(kind): {
            str(reason): count
            for reason, told in sorted(_mapping(reasons).items())
            if (count := _count(told))
        }
        for kind, reasons in sorted(_mapping(value).items())
    }
    return {kind: reasons for kind, reasons in kinds.items() if reasons}
