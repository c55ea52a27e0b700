"""From where a person signs in, also behind a proxy: a lock-out must hit nobody else."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from export.access import client_address


def address_for_lockout(request: HttpRequest) -> str:
    """The client's address; that of the last hop when nobody trusted tells it."""
    remote: str = request.META.get("REMOTE_ADDR", "")
    trusted = settings.TRUSTED_PROXIES if settings.HTTPS == "proxy" else ()
    address = client_address(remote, request.META.get("HTTP_X_FORWARDED_FOR"), trusted)
    return remote if address is None else str(address)
