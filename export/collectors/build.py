"""What is running: versions, for a panel and for bug reports."""

from __future__ import annotations

import platform
from collections.abc import Iterator

import django
from django.apps import apps
from django.db import connection

from export.collectors.family import Family, family


def build_families(now: float) -> Iterator[Family]:
    """One series; no query, and nothing that depends on ``now``."""
    # By way of Django's registry: export must not import the composition root.
    version = getattr(apps.get_app_config("sdwan_site").module, "__version__", "")
    labels = (version, platform.python_version(), django.get_version(), connection.vendor)
    yield family("pathwarden_build_info", [(labels, 1)])
