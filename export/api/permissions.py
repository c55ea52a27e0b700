"""What a caller may do: the user's own rights, narrowed by the scope of the token.

The narrowing to a site is not here but in the querysets (``export.site_scope``): what
a token must not see does not exist for it.
"""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import SAFE_METHODS, DjangoModelPermissions
from rest_framework.request import Request

READ_SCOPE = "read"


class ModelPermissions(DjangoModelPermissions):
    """Django's model permissions; reading needs the view permission as well."""

    perms_map = {
        **DjangoModelPermissions.perms_map,
        "GET": ["%(app_label)s.view_%(model_name)s"],
        "HEAD": ["%(app_label)s.view_%(model_name)s"],
        "OPTIONS": [],
    }

    reads_by_post = False
    """True where a POST changes nothing: it has a body too long for an address."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """False where the token's scope, or the user's permissions, end."""
        scope = getattr(request.auth, "scope", None)
        changes = request.method not in SAFE_METHODS and not self.reads_by_post
        if scope == READ_SCOPE and changes:
            self.message = "The token may only read; this needs one of a wider scope."
            return False
        return bool(super().has_permission(request, view))


class ProbePermissions(ModelPermissions):
    """To probe a path is not to change it: it needs a right of its own."""

    perms_map = {**ModelPermissions.perms_map, "POST": ["health.probe_path"]}


class OperatePermissions(ModelPermissions):
    """To switch, pause and pin a policy is not to change it: it needs a right of its own."""

    perms_map = {**ModelPermissions.perms_map, "POST": ["failover.operate_failoverpolicy"]}


class ReplayPermissions(ModelPermissions):
    """A replay is sent as POST because of its body; it only reads."""

    perms_map = {**ModelPermissions.perms_map, "POST": ModelPermissions.perms_map["GET"]}
    reads_by_post = True
