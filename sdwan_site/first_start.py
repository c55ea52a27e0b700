"""What a new installation needs before its processes can start. Every step is idempotent."""

from __future__ import annotations

import hashlib
import platform
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from health.models import Site, Vantage
from sdwan_site import __version__
from sdwan_site.env import env_str
from sdwan_site.models import User

ADMINISTRATOR = "admin"


@dataclass(frozen=True, slots=True)
class NewAdministrator:
    """A first administrator; ``password`` is known here only, and only now."""

    name: str
    password: str


def ensure_administrator() -> NewAdministrator | None:
    """Make the first administrator; None when there is one already.

    The password comes from PATHWARDEN_ADMIN_PASSWORD or is made up.
    """
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = env_str("PATHWARDEN_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
    user = User.objects.create_superuser(ADMINISTRATOR, password=password)
    user.groups.add(Group.objects.get(name="admin"))
    return NewAdministrator(ADMINISTRATOR, password)


def ensure_vantage(name: str) -> Vantage:
    """The row of the probe host ``name``; a new one stands at a site named after this host."""
    vantage = Vantage.objects.filter(name=name).first()
    if vantage is None:
        site, _ = Site.objects.get_or_create(name=platform.node() or "This host")
        vantage = Vantage.objects.create(name=name, site=site)
    return vantage


def ensure_static_files() -> bool:
    """Collect, hash and compress the static files if any has changed; True when that was done."""
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    wished = _static_fingerprint()
    if stamp.exists() and stamp.read_text(encoding="ascii") == wished:
        return False
    call_command("collectstatic", interactive=False, verbosity=0, clear=stamp.exists())
    stamp.write_text(wished, encoding="ascii")
    return True


def _static_fingerprint() -> str:
    digest = hashlib.sha256(__version__.encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()
