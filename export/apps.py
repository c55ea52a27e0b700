"""Django's description of the app."""

from __future__ import annotations

from django.apps import AppConfig


class ExportConfig(AppConfig):
    """See the package's docstring."""

    name = "export"
    verbose_name = "Export"
