"""Sites and uplinks."""

from __future__ import annotations

from django.db.models import QuerySet

from export.api.filters import SiteFilter, UplinkFilter
from export.api.serializers import SiteSerializer, UplinkSerializer
from export.api.views.base import StrictViewSet
from export.site_scope import sites_of, uplinks_of
from health.models import Site, Uplink


class SiteViewSet(StrictViewSet):
    """The places of the company."""

    queryset = Site.objects.none()
    serializer_class = SiteSerializer
    filterset_class = SiteFilter

    def get_queryset(self) -> QuerySet[Site]:
        """One query for a page."""
        return sites_of(self.site_id)


class UplinkViewSet(StrictViewSet):
    """The WAN attachments of the probe hosts."""

    queryset = Uplink.objects.none()
    serializer_class = UplinkSerializer
    filterset_class = UplinkFilter

    def get_queryset(self) -> QuerySet[Uplink]:
        """One query for a page."""
        return uplinks_of(self.site_id).select_related("vantage")
