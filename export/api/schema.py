"""How the OpenAPI document is made: security schemes, and the problems every route may answer."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from export.api.descriptions import ProblemSerializer
from export.api.problems import PROBLEM_JSON


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its metaclass
    """``Authorization: Token …`` in words of OpenAPI."""

    target_class = "export.api.authentication.ApiTokenAuthentication"
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """OpenAPI knows only Bearer and Basic by name, so the header is spelt out."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, made by `manage.py token USER`.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # its metaclass
    """The session of the console."""

    target_class = "rest_framework.authentication.SessionAuthentication"
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """A cookie; writes need Django's CSRF token as well."""
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


_PROBLEMS = {
    "400": "A parameter is unknown or has a value that makes no sense.",
    "401": "No valid token or session.",
    "403": "The user's role or the token's scope does not allow it.",
    "404": "Not there, or not visible with this token.",
}


class ApiSchema(AutoSchema):
    """Adds to every operation the problems that it may answer."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """As generated, with the problem answers."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            problem = self.resolve_serializer(ProblemSerializer, "response").ref
            for status, description in _PROBLEMS.items():
                operation["responses"].setdefault(
                    status,
                    {"description": description, "content": {PROBLEM_JSON: {"schema": problem}}},
                )
        return operation
