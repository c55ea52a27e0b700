"""The addresses of ``export``: metrics for Prometheus, REST for programs."""

from __future__ import annotations

from django.urls import include, path

from export.views import app_metrics, metrics

urlpatterns = [
    path("metrics", metrics, name="metrics"),
    path("metrics/app", app_metrics, name="metrics-app"),
    path("api/v1/", include("export.api.urls")),
]
