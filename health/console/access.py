"""Who may see a page: the rights of the person's groups, asked for with one query.

Everybody with an account but without the right gets a page that says so, never the content.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]


def may(user: AbstractBaseUser | AnonymousUser, permission: str) -> bool:
    """True when a role of the person gives the right; for links that others need not see."""
    person: Any = user
    return person.is_active and (
        person.is_superuser or permission in person.get_group_permissions()
    )


def needs(permission: str) -> Callable[[View[Arguments]], View[Arguments]]:
    """Let only people with ``permission`` see the page; others get 403."""

    def decorate(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def guarded(
            request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
        ) -> HttpResponse:
            # Rights given to the person alone are asked for last: roles are the common case.
            if not may(request.user, permission) and not request.user.has_perm(permission):
                raise PermissionDenied(f"This page needs the right {permission}.")
            return view(request, *args, **kwargs)

        return guarded

    return decorate
