"""Django's description of the app."""

from __future__ import annotations

from django.apps import AppConfig


class FailoverConfig(AppConfig):
    """See the package's docstring."""

    name = "failover"
    verbose_name = "Failover"
