"""What all API views share: strict parameters, 405 before 403, and the token's site."""

from __future__ import annotations

from typing import Any, ClassVar

from django_filters import FilterSet
from rest_framework.exceptions import MethodNotAllowed, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet

from export.api.pagination import CursorPagination
from export.api.renderers import AcceptNegotiation
from export.api.schema import ApiSchema

_PAGING = (CursorPagination.cursor_query_param, CursorPagination.page_size_query_param)


class StrictApiView(APIView):
    """Refuses parameters it does not know: a typo that is ignored gives wrong data in silence."""

    content_negotiation_class = AcceptNegotiation
    schema = ApiSchema()
    own_parameters: ClassVar[tuple[str, ...]] = ()

    @property
    def site_id(self) -> int | None:
        """The site that the caller's token is limited to; None for all sites."""
        request = getattr(self, "request", None)
        found: int | None = getattr(getattr(request, "auth", None), "site_id", None)
        return found

    def known_parameters(self) -> tuple[str, ...]:
        """Names of the query parameters that this request may have."""
        return self.own_parameters

    def check_permissions(self, request: Request) -> None:
        """A method that does not exist is 405 for everyone, whatever they may do."""
        if not hasattr(self, str(request.method).lower()):
            raise MethodNotAllowed(str(request.method))
        super().check_permissions(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After authentication and permissions, the parameters."""
        super().initial(request, *args, **kwargs)
        if request.method in {"GET", "HEAD"}:
            self._check_parameters(request)

    def _check_parameters(self, request: Request) -> None:
        known = self.known_parameters()
        errors = {}
        for name, values in request.query_params.lists():
            if name not in known:
                errors[name] = f"{name} is not a parameter here; {_sentence(known)}"
            elif len(values) > 1:
                errors[name] = f"{name} is given {len(values)} times; give it once."
            elif not values[0]:
                errors[name] = f"{name} is empty; give it a value or leave it out."
        if errors:
            raise ValidationError({name: [text] for name, text in errors.items()})


def _sentence(known: tuple[str, ...]) -> str:
    return f"known are: {', '.join(known)}." if known else "there are none."


class StrictViewSet(StrictApiView, ReadOnlyModelViewSet):
    """A list with filters and pages, and its rows by id."""

    lookup_value_converter = "int"
    pagination_class: type[CursorPagination] | None = CursorPagination
    filterset_class: type[FilterSet]

    def known_parameters(self) -> tuple[str, ...]:
        """Filters and paging for lists; a row takes none."""
        if self.action != "list":
            return self.own_parameters
        return (*self.filterset_class.base_filters, *_PAGING)
