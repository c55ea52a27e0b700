"""EMAIL_URL → Django's settings of the mail server; without it mails are not sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SCHEMES = {"smtp": (25, False, False), "smtp+tls": (587, True, False), "smtps": (465, False, True)}
"""Port, STARTTLS, TLS from the beginning (RFC 8314)."""
TIMEOUT_SECS = 20


def email_from_url(url: str) -> dict[str, Any]:
    """The settings for ``url``, an empty one means no mail server: sending then fails and says so.

    Understands ``smtp[+tls]://user:password@host:port/?from=address`` and ``smtps://…``.
    """
    if not url:
        return {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": ""}
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ImproperlyConfigured(
            "EMAIL_URL: write smtp+tls://user:password@host:587/?from=address, or smtp:// or "
            f"smtps://; the scheme {parts.scheme!r} or the host {parts.hostname or ''!r} is not "
            "understood."
        )
    options = dict(parse_qsl(parts.query))
    sender = options.pop("from", "")
    if not sender or options:
        wrong = f"unknown: {', '.join(options)}" if options else "from is missing"
        raise ImproperlyConfigured(f"EMAIL_URL: end it with ?from=address ({wrong}).")
    port, starttls, tls = SCHEMES[parts.scheme]
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or port,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": starttls,
        "EMAIL_USE_SSL": tls,
        "EMAIL_TIMEOUT": TIMEOUT_SECS,
        "DEFAULT_FROM_EMAIL": sender,
        "SERVER_EMAIL": sender,
    }
