"""Errors in the form of RFC 9457: one shape for all of them, the unexpected ones too."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.signals import got_request_exception
from django.http import Http404
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from export.api.renderers import OrjsonRenderer

PROBLEM_JSON = "application/problem+json"
_NOT_FOUND = "There is nothing here that you may see; check the address and the id."
_log = logging.getLogger(__name__)


class Conflict(APIException):
    """The row is not in a state that allows what is asked."""

    status_code = HTTPStatus.CONFLICT


class Unavailable(APIException):
    """Whoever would have to carry it out is not there or may not; the detail has the cure."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE


def problem_response(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's answer to ``error`` as ``application/problem+json``.

    An unexpected error is logged with its traceback and answered as 500 in the
    same form, so that a program never has to parse a page of HTML.
    """
    if isinstance(error, Http404 | PermissionDenied):
        error = NotFound(_NOT_FOUND) if isinstance(error, Http404) else error
    response = exception_handler(error, context)
    if response is None:
        response = _unexpected(error, context)
    response.data = _problem(error, response)
    # The view may answer in YAML or HTML; its errors are JSON all the same.
    context["request"].accepted_renderer = OrjsonRenderer()
    context["request"].accepted_media_type = OrjsonRenderer.media_type
    response.content_type = PROBLEM_JSON
    return response


def _problem(error: Exception, response: Response) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
    }
    if isinstance(error, ValidationError):
        problem["detail"] = "The request has invalid values; see errors."
        problem["errors"] = _by_field(response.data)
    else:
        problem["detail"] = str(response.data["detail"])
    return problem


def _by_field(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {"non_field_errors": data}


def _unexpected(error: Exception, context: dict[str, Any]) -> Response:
    request = getattr(context.get("request"), "_request", None)
    # What Django's own handler does: reporters and the test client listen here.
    got_request_exception.send(sender=None, request=request)
    set_rollback()
    # Django logs the answer as well, but without the traceback.
    _log.error("%s failed", getattr(request, "path", "A request"), exc_info=error)
    return Response(
        {"detail": "Pathwarden failed to answer; the cause is in its log."},
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
    )
