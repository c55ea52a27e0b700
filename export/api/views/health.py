"""Paths: their configuration, their present and their past."""

from __future__ import annotations

import time
from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from export.api.descriptions import (
    HealthSnapshotSerializer,
    HealthStatsSerializer,
    PathHealthSerializer,
    PathHistorySerializer,
)
from export.api.filters import PathFilter
from export.api.serializers import PathSerializer
from export.api.views.base import StrictApiView, StrictViewSet
from export.api.views.spans import SPAN_PARAMETERS, asked_span
from export.readings import with_status
from export.site_scope import paths_of
from export.snapshots import health_snapshot, health_stats, path_health, path_past
from health.models import Path, PathTarget
from health.selectors.current import current_paths

_LATER = ("1m", "1h", "1d")


class PathViewSet(StrictViewSet):
    """The ways over the uplinks."""

    queryset = Path.objects.none()
    serializer_class = PathSerializer
    filterset_class = PathFilter

    def get_queryset(self) -> QuerySet[Path]:
        """Two queries for a page."""
        rows = paths_of(self.site_id).select_related(
            "uplink__vantage", "probe_profile", "sla_profile"
        )
        targets = Prefetch("targets", PathTarget.objects.order_by("id"))
        return with_status(rows, now=time.time()).prefetch_related(targets)

    @extend_schema(
        operation_id="paths_health", summary="Present of a path", responses=PathHealthSerializer
    )
    @action(detail=True, filterset_class=None, pagination_class=None)
    def health(self, request: Request, pk: int) -> Response:
        """The latest health of one path and its targets; null where nothing was measured."""
        self.get_object()
        only = Path.objects.filter(pk=pk)
        return Response(path_health(current_paths(now=time.time(), only=only)[0]))

    @extend_schema(
        operation_id="paths_history",
        summary="Past of a path",
        responses=PathHistorySerializer,
        parameters=[
            *SPAN_PARAMETERS,
            OpenApiParameter(
                "resolution",
                {"type": "string", "enum": ["raw", "auto"], "default": "auto"},
                description="raw: slots of ten seconds; auto chooses.",
            ),
        ],
    )
    @action(detail=True, filterset_class=None, pagination_class=None)
    def history(self, request: Request, pk: int) -> Response:
        """The slots of a path between two moments, oldest first, 5,000 at most."""
        path: Path = self.get_object()
        _check_resolution(request.query_params.get("resolution", "auto"))
        since, until = asked_span(request, now=time.time())
        try:
            return Response(path_past(path, since=since, until=until))
        except ValueError as error:
            raise ValidationError({"since": [str(error)]}) from None

    def known_parameters(self) -> tuple[str, ...]:
        """The history alone has parameters of its own."""
        if self.action == "history":
            return ("since", "until", "resolution")
        return super().known_parameters()


def _check_resolution(text: str) -> None:
    if text in {"raw", "auto"}:
        return
    cure = "use raw or auto"
    if text in _LATER:
        cure += "; coarser ones come with roll-ups"
    raise ValidationError({"resolution": [f"{text!r} is not available: {cure}."]})


class HealthSnapshotView(StrictApiView):
    """All paths with their latest health in one answer."""

    queryset = Path.objects.none()

    @extend_schema(
        operation_id="health_snapshot",
        summary="Present of all paths",
        responses=HealthSnapshotSerializer,
        examples=[
            OpenApiExample(
                "One path that is measured, one that is not",
                {
                    "timestamp": "2026-01-31T12:00:00.000Z",
                    "paths": [
                        {
                            "path_id": 1,
                            "uid": "6f1c7b0e-5d0e-4d0a-9f0a-0d6c1f5a3b21",
                            "name": "Warsaw via fibre",
                            "latency_ms": 12.4,
                            "packet_loss_pct": 0.0,
                            "jitter_ms": 1.1,
                            "health_score": 100.0,
                            "status": "up",
                            "last_checked": "2026-01-31T11:59:59.812Z",
                        },
                        {
                            "path_id": 2,
                            "uid": "a3b0cf6a-2d52-4a39-8a7e-70d2f8a4c9de",
                            "name": "Warsaw via LTE",
                            "latency_ms": None,
                            "packet_loss_pct": None,
                            "jitter_ms": None,
                            "health_score": None,
                            "status": "unknown",
                            "last_checked": None,
                        },
                    ],
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, **_: Any) -> Response:
        """Every path by id; null where nothing was measured. One query."""
        return Response(health_snapshot(paths_of(self.site_id), now=time.time()))


class HealthStatsView(StrictApiView):
    """The paths in five numbers."""

    queryset = Path.objects.none()

    @extend_schema(
        operation_id="health_stats", summary="Paths by status", responses=HealthStatsSerializer
    )
    def get(self, request: Request, **_: Any) -> Response:
        """How many paths there are, and how many of each status. One query."""
        return Response(health_stats(paths_of(self.site_id), now=time.time()))
