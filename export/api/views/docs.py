"""The description of the API for programs and people, and the answer where nothing is."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request

from export.api.views.base import StrictApiView


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, for whoever is logged in."""

    permission_classes = [IsAuthenticated]


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI from this host, without inline script or style."""

    permission_classes = [IsAuthenticated]
    template_name = "export/api_docs.html"
    url_name = "api-schema"


class NothingHereView(StrictApiView):
    """Any address below the API that is no route."""

    permission_classes = [AllowAny]

    def check_permissions(self, request: Request) -> None:
        """404 as a problem with the likely cure, for any method: what is not there has none."""
        raise NotFound(_cure(request.path))


def _cure(path: str) -> str:
    if not path.endswith("/"):
        return f"Addresses of the API end in a slash; try {path}/"
    return "There is no such route; all routes are at /api/v1/docs/."
