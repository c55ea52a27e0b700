"""The addresses of ``export``: metrics for Prometheus, REST for programs."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("export.api.urls")),
]
