"""Numbers, durations and ages as people read them. Pure; a missing value is a dash, never 0."""

from __future__ import annotations

MISSING = "–"
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def number(value: float | None, digits: int = 1) -> str:
    """``value`` with ``digits`` decimals; none from 100 on, one more below 1."""
    if value is None:
        return MISSING
    size = abs(value)
    if size >= 100:
        digits = 0
    elif 0 < size < 1:
        digits += 1
    return f"{value:.{digits}f}"


def score(value: float | None) -> str:
    """A score without decimals; 99.6 is not yet 100, and 49.9 not yet 50."""
    return MISSING if value is None else str(int(value + 1e-9))


def points(value: float | None) -> str:
    """A score with one decimal, where its size matters."""
    return MISSING if value is None else f"{value:.1f}".removesuffix(".0")


def duration(secs: float) -> str:
    """The two largest units: ``3 s``, ``22 min``, ``1 h 30 min``, ``9 d 2 h``."""
    whole = max(0, int(secs))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        minutes = whole % _HOUR // _MINUTE
        return f"{whole // _HOUR} h {minutes} min" if minutes else f"{whole // _HOUR} h"
    hours = whole % _DAY // _HOUR
    return f"{whole // _DAY} d {hours} h" if hours else f"{whole // _DAY} d"


def count(number_of: int, singular: str, plural: str = "") -> str:
    """``1 path``, ``2 paths``."""
    return f"{number_of} {singular if number_of == 1 else plural or singular + 's'}"


def rate(bps: float | None) -> str:
    """Bits per second in the largest unit that leaves a number of 1 or more."""
    return _scaled(bps, ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"))


def size(count_bytes: float | None) -> str:
    """Bytes in decimal units, as providers and disks count."""
    return _scaled(count_bytes, ("B", "kB", "MB", "GB", "TB", "PB"))


def share(pct: float | None) -> str:
    """A percentage without decimals from 10 on."""
    return MISSING if pct is None else f"{pct:.0f} %" if pct >= 10 else f"{pct:.1f} %"


def _scaled(value: float | None, units: tuple[str, ...]) -> str:
    if value is None:
        return MISSING
    for unit in units[:-1]:
        if abs(value) < 999.5:
            return (
                f"{value:.0f} {unit}" if unit == units[0] else f"{number(max(value, 1.0))} {unit}"
            )
        value /= 1000.0
    return f"{number(value)} {units[-1]}"
