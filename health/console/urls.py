"""Addresses of ``health``: paths and system, and their live fragments.

Every view takes ``neighbours``; whoever includes this file passes it as an extra argument.
"""

from __future__ import annotations

from django.urls import path

from health.console import views

urlpatterns = [
    path("paths/", views.paths, name="paths"),
    path("paths/<int:path_id>/", views.path, name="path"),
    path("system/", views.system, name="system"),
    path("_/system/", views.system_live, name="system-live"),
    path("_/paths/", views.paths_live, name="paths-live"),
    path("_/paths/<int:path_id>/summary/", views.path_live, name="path-live"),
    path("_/paths/<int:path_id>/chart/", views.path_chart, name="path-chart"),
    path("_/paths/<int:path_id>/probe/", views.path_probe, name="path-probe"),
    path(
        "_/paths/<int:path_id>/probe/<uuid:uid>/",
        views.path_probe_result,
        name="path-probe-result",
    ),
]
