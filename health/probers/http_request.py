"""What the ``http`` kind asks for: a URL, taken apart and checked. Pure; no sockets."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from health.probers.asked import Asked, Problem

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
_PRINTABLE = re.compile(r"[!-~]*")


class UrlError(ValueError):
    """A request is not a URL that can be fetched; the message says the cure."""


class HttpUrl(NamedTuple):
    """Where a URL leads: ``host`` without brackets, ``authority`` as the Host header has it."""

    secure: bool
    host: str
    port: int
    authority: str
    resource: str


def parse_url(url: str) -> HttpUrl:
    """Take an http or https URL apart; raises ``UrlError``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UrlError(f"{url!r} is not a URL: {error}.") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise UrlError(
            f"{url!r} is not a URL that can be fetched: write one such as https://example.com/."
        )
    if "@" in parts.netloc:
        raise UrlError("A URL with a user name or password is shown to everybody: leave them out.")
    if parts.fragment:
        raise UrlError(f"'#{parts.fragment}' is never sent to a server: leave it out.")
    if _PRINTABLE.fullmatch(url) is None:
        raise UrlError(f"{url!r} has characters that must be written as %XX (punycode in names).")
    if port == 0:
        raise UrlError("Port 0 can't be connected to: use 1–65535.")
    default = DEFAULT_PORTS[parts.scheme]
    host = _host(parts)
    shown = f"[{host}]" if ":" in host else host
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    authority = shown if port in {None, default} else f"{shown}:{port}"
    return HttpUrl(parts.scheme == "https", host, port or default, authority, resource)


def url_of(address: str, port: int) -> HttpUrl:
    """The URL that is fetched when none is given: http://ADDRESS:PORT/."""
    address = address.partition("%")[0]
    shown = f"[{address}]" if ":" in address else address
    return HttpUrl(False, address, port, shown if port == 80 else f"{shown}:{port}", "/")


def http_problems(asked: Asked) -> list[Problem]:
    """What can't be fetched."""
    if not asked.request:
        return []
    try:
        parse_url(asked.request)
    except UrlError as error:
        return [("request", str(error))]
    if asked.port is not None:
        return [("port", "The URL says the port: leave this empty, and write it into the URL.")]
    return []


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if "[" in parts.netloc:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise UrlError(f"{host!r} is not an IPv6 address.") from None
    host = host.removesuffix(".")
    try:
        host.encode("idna")  # TLS will ask for it in this form: no empty or endless labels
    except UnicodeError:
        host = ""
    if _HOST_NAME.fullmatch(host) is None:
        raise UrlError(f"{parts.hostname!r} is not a host name.")
    return host
