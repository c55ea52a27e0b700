"""Django's description of the app."""

from __future__ import annotations

from django.apps import AppConfig


class HealthConfig(AppConfig):
    """See the package's docstring."""

    name = "health"
    verbose_name = "Paths and health"
