"""Validators of single values of ``failover``: time windows, time zones, role files.

What needs more than one value is in ``failover.validation``.
"""

from __future__ import annotations

import difflib
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError

from failover.domain.calendar import parse_windows


def validate_windows(value: str) -> None:
    """Weekly windows such as ``Mon-Fri 08:00-18:00; Sat 22:00-06:00``."""
    try:
        parse_windows(value)
    except ValueError as error:
        raise ValidationError(str(error), code="windows") from None


def validate_time_zone(value: str) -> None:
    """A name of the time zone database such as ``Europe/Berlin``."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        close = difflib.get_close_matches(value, available_timezones(), n=1)
        cure = f"did you mean {close[0]}?" if close else "use a name such as Europe/Berlin."
        raise ValidationError(f"{value!r} is no time zone: {cure}", code="time_zone") from None


def validate_role_source(value: str) -> None:
    """An absolute path of a file, without steps upwards."""
    path = PurePosixPath(value)
    if path.is_absolute() and ".." not in path.parts and "\0" not in value:
        return
    raise ValidationError(
        f"{value!r} is not the full path of a file: write one such as "
        "/run/keepalived/pathwarden.role.",
        code="role_source",
    )
