"""Typed readers of environment variables, loud on nonsense.

Every variable may also be given as ``NAME_FILE``, the path of a file that holds
the value (the habit of container and systemd secrets). Nothing but reading and
checking may enter.
"""

from __future__ import annotations

import ipaddress
import os
import re
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def env_str(name: str, default: str = "") -> str:
    """The value of ``name``, or the content of the file named by ``name_FILE``.

    An empty value is no value: environment files list names they leave unset.
    """
    file_name = os.environ.get(f"{name}_FILE")
    if file_name:
        if os.environ.get(name):
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; unset one of them.")
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE={file_name!r} can't be read: {error}"
            ) from None
    return os.environ.get(name) or default


def env_bool(name: str, *, default: bool = False) -> bool:
    """A switch: 1/true/yes/on or 0/false/no/off."""
    value = env_str(name).lower()
    if not value:
        return default
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is not a switch; use on or off.")


def env_choice(name: str, choices: tuple[str, ...], default: str) -> str:
    """One of ``choices``."""
    value = env_str(name, default)
    if value not in choices:
        raise ImproperlyConfigured(f"{name}={value!r} is none of: {', '.join(choices)}.")
    return value


def env_list(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list; blanks around and empty items are dropped."""
    value = env_str(name)
    if not value:
        return list(default)
    return [item.strip() for item in value.split(",") if item.strip()]


def env_networks(
    name: str, default: tuple[str, ...]
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """A comma-separated list of IP networks in CIDR form."""
    networks = []
    for item in env_list(name, default):
        try:
            networks.append(ipaddress.ip_network(item))
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {item!r} is not a network: {error}") from None
    return networks


def env_duration(name: str, default: str) -> timedelta:
    """A duration such as 90s, 15m, 48h, 14d or 5y (a year counts 365 days)."""
    value = env_str(name, default)
    match = re.fullmatch(r"(\d+)([smhdy])", value)
    if match is None or int(match[1]) == 0:
        raise ImproperlyConfigured(
            f"{name}={value!r} is not a duration; write a positive number and a unit: "
            "90s, 15m, 48h, 14d or 5y."
        )
    count, unit = int(match[1]), match[2]
    if unit == "y":
        return timedelta(days=365 * count)
    return timedelta(**{_DURATION_UNITS[unit]: count})


def env_name(name: str, default: str) -> str:
    """A short machine name: letters, digits, dash and underscore, at most 40 characters."""
    value = env_str(name, default)
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", value) is None:
        raise ImproperlyConfigured(
            f"{name}={value!r} must be 1–40 letters, digits, dashes or underscores."
        )
    return value
