"""The routes of ``/api/v1/``."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from export.api.views.docs import DocsView, NothingHereView, SchemaView
from export.api.views.failover import EventViewSet, FailoverSnapshotView, PolicyViewSet
from export.api.views.health import HealthSnapshotView, HealthStatsView, PathViewSet
from export.api.views.inventory import SiteViewSet, UplinkViewSet
from export.api.views.ordering import ORDER_VIEWS, OrderResultView
from export.api.views.probing import ProbeResultView, ProbeView
from export.api.views.replay import ReplayView

router = SimpleRouter(use_regex_path=False)
router.register("sites", SiteViewSet, basename="api-site")
router.register("uplinks", UplinkViewSet, basename="api-uplink")
router.register("paths", PathViewSet, basename="api-path")
router.register("policies", PolicyViewSet, basename="api-policy")
router.register("events", EventViewSet, basename="api-event")

urlpatterns = [
    path("health/snapshot/", HealthSnapshotView.as_view(), name="api-health-snapshot"),
    path("health/stats/", HealthStatsView.as_view(), name="api-health-stats"),
    path("failover/snapshot/", FailoverSnapshotView.as_view(), name="api-failover-snapshot"),
    path("paths/<int:pk>/probe/", ProbeView.as_view(), name="api-path-probe"),
    path(
        "paths/<int:pk>/probe/<uuid:probe_id>/",
        ProbeResultView.as_view(),
        name="api-path-probe-result",
    ),
    *(
        path(f"policies/<int:pk>/{kind.value}/", view.as_view(), name=f"api-policy-{kind.value}")
        for kind, view in ORDER_VIEWS.items()
    ),
    path(
        "policies/<int:pk>/orders/<uuid:order_id>/",
        OrderResultView.as_view(),
        name="api-policy-order",
    ),
    path("policies/<int:pk>/replay/", ReplayView.as_view(), name="api-policy-replay"),
    path("", include(router.urls)),
    path("schema/", SchemaView.as_view(), name="api-schema"),
    # A person without a session is sent to the login page, not answered by JSON.
    path("docs/", login_required(DocsView.as_view()), name="api-docs"),
    # Last: whatever is left is answered by the API, not by a page of HTML. An empty
    # expression, because even "<path:…>" does not match a line feed.
    re_path("", NothingHereView.as_view()),
]
