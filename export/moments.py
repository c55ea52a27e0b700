"""Moments in requests and answers: ISO 8601 with Z, or seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_LAST_SECS = (LAST - EPOCH).total_seconds()
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


def iso(seconds: float | None) -> str | None:
    """``seconds`` since 1970 as ISO 8601 in UTC, to the millisecond; None stays None."""
    return None if seconds is None else utc_text(EPOCH + timedelta(seconds=seconds))


def utc_text(moment: datetime) -> str:
    """An aware ``moment`` as ISO 8601 in UTC with Z, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """ISO 8601 with Z or an offset, or seconds since 1970; before 1970 counts as 1970.

    Raises ``ValueError`` with the value and the cure. A time without a zone is
    refused: whose midnight it means is a guess that is wrong half of the time.
    """
    if _NUMBER.fullmatch(text):
        return EPOCH + timedelta(seconds=min(max(float(text), 0.0), _LAST_SECS))
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        hint = " Write + as %2B in an address." if " " in text else ""
        raise ValueError(
            f"{text!r} is no moment; write 2026-01-31T12:00:00Z or seconds since 1970.{hint}"
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; add Z for UTC, as in 2026-01-31T12:00:00Z.")
    # Compared before it is converted: the first and last days have no UTC in other zones.
    return LAST if moment >= LAST else EPOCH if moment <= EPOCH else moment.astimezone(UTC)
