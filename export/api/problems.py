"""Errors in the form of RFC 9457: one shape for all of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

PROBLEM_JSON = "application/problem+json"


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's answer to ``error`` as ``application/problem+json``; None for unexpected errors."""
    response = exception_handler(error, context)
    if response is None:
        return None
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
    }
    if isinstance(error, ValidationError):
        problem["detail"] = "The request has invalid values; see errors."
        problem["errors"] = response.data
    else:
        problem["detail"] = str(response.data.get("detail", ""))
    response.data = problem
    response.content_type = PROBLEM_JSON
    return response
