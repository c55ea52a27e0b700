"""The span of time that a request asks for: ``since`` and ``until``, read and described once."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from export.api.filters import MOMENT_SCHEMA
from export.moments import parse_moment

DEFAULT_SPAN_SECS = 3600
SPAN_PARAMETERS = (
    OpenApiParameter(
        "since",
        MOMENT_SCHEMA,
        description="First moment: ISO 8601 with a zone, or seconds since 1970; "
        "an hour before until unless given.",
    ),
    OpenApiParameter(
        "until", MOMENT_SCHEMA, description="Moment after the last; now unless given."
    ),
)


def asked_span(request: Request, *, now: float) -> tuple[float, float]:
    """(since, until) in seconds since 1970, UTC; ``ValidationError`` for what is no moment."""
    until = _moment(request, "until", now)
    return _moment(request, "since", max(0.0, until - DEFAULT_SPAN_SECS)), until


def _moment(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return parse_moment(text).timestamp()
    except ValueError as error:
        raise ValidationError({name: [str(error)]}) from None
