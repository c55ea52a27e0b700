"""Sites and uplinks, and what the uplinks carry."""

from __future__ import annotations

import time
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from export.api.filters import SiteFilter, UplinkFilter
from export.api.serializers import SiteSerializer, UplinkSerializer
from export.api.uplink_descriptions import UplinkTrafficSerializer
from export.api.views.base import StrictViewSet
from export.api.views.spans import SPAN_PARAMETERS, asked_span
from export.site_scope import sites_of, uplinks_of
from export.uplink_snapshots import uplink_traffic
from health.models import Site, Uplink
from health.selectors.uplinks import RESOLUTIONS

_RESOLUTIONS = (*RESOLUTIONS, "auto")


class SiteViewSet(StrictViewSet):
    """The places of the company."""

    queryset = Site.objects.none()
    serializer_class = SiteSerializer
    filterset_class = SiteFilter

    def get_queryset(self) -> QuerySet[Site]:
        """One query for a page."""
        return sites_of(self.site_id)


class UplinkViewSet(StrictViewSet):
    """The WAN attachments of the probe hosts, with their state and traffic."""

    queryset = Uplink.objects.none()
    serializer_class = UplinkSerializer
    filterset_class = UplinkFilter

    def get_queryset(self) -> QuerySet[Uplink]:
        """One query for a page."""
        return uplinks_of(self.site_id).select_related("vantage__site", "current")

    def get_serializer_context(self) -> dict[str, Any]:
        """All rows of an answer are of one moment."""
        return {**super().get_serializer_context(), "now": time.time()}

    @extend_schema(
        operation_id="uplinks_traffic",
        summary="Traffic of an uplink",
        responses=UplinkTrafficSerializer,
        parameters=[
            *SPAN_PARAMETERS,
            OpenApiParameter(
                "resolution",
                {"type": "string", "enum": list(_RESOLUTIONS), "default": "auto"},
                description="raw: slots of ten seconds; auto: the finest that fits.",
            ),
        ],
    )
    @action(detail=True, filterset_class=None, pagination_class=None)
    def traffic(self, request: Request, pk: int) -> Response:
        """What an uplink carried between two moments, oldest first, 5,000 points at most."""
        uplink: Uplink = self.get_object()
        resolution = request.query_params.get("resolution", "auto")
        if resolution not in _RESOLUTIONS:
            known = ", ".join(_RESOLUTIONS)
            raise ValidationError(
                {"resolution": [f"{resolution!r} is not known; use one of: {known}."]}
            )
        since, until = asked_span(request, now=time.time())
        try:
            found = uplink_traffic(uplink, since=since, until=until, resolution=resolution)
        except ValueError as error:
            raise ValidationError({"since": [str(error)]}) from None
        return Response(found)

    def known_parameters(self) -> tuple[str, ...]:
        """The traffic alone has parameters of its own."""
        if self.action == "traffic":
            return ("since", "until", "resolution")
        return super().known_parameters()
