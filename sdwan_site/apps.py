"""Django's description of the composition root."""

from __future__ import annotations

from django.apps import AppConfig


class SdwanSiteConfig(AppConfig):
    """Users, tokens, pages of the shell, processes."""

    name = "sdwan_site"
    verbose_name = "People and programs"

    def ready(self) -> None:
        """Hang the start of the monitor on django-q2's own signal of a new worker."""
        from django_q.signals import post_spawn

        from sdwan_site.worker_start import on_worker_spawn

        post_spawn.connect(on_worker_spawn, dispatch_uid="pathwarden.monitor")
