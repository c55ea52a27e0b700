"""A path probed because a program asks for it: take the order, wait a little, say how far it is."""

from __future__ import annotations

import time
import uuid
from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, Throttled
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from export.api.descriptions import ProblemSerializer
from export.api.permissions import ProbePermissions
from export.api.probe_shapes import ProbeResultSerializer, ProbeSerializer, probe_result
from export.api.problems import PROBLEM_JSON, Conflict, Unavailable
from export.api.views.base import StrictApiView
from export.site_scope import paths_of
from health.models import OrderState, Path, ProbeOrder
from health.on_demand import orders

WAIT_SECS = 5.0
"""How long an answer waits for the measurement: ten probes take two seconds where all is well."""

_EXAMPLE = {
    "probe_id": "3d6d5c0e-4a43-4c39-8a8e-0b8f1d1c7e52",
    "path_id": 1,
    "state": "done",
    "detail": None,
    "url": "/api/v1/paths/1/probe/3d6d5c0e-4a43-4c39-8a8e-0b8f1d1c7e52/",
    "vantage": "local",
    "count": 1,
    "asked_at": "2026-01-31T12:00:00.000Z",
    "started_at": "2026-01-31T12:00:00.180Z",
    "ended_at": "2026-01-31T12:00:00.197Z",
    "kind": "icmp",
    "reachable": True,
    "sent": 1,
    "received": 1,
    "packet_loss_pct": 0.0,
    "forward_loss_pct": None,
    "backward_loss_pct": None,
    "latency_ms": 12.4,
    "min_latency_ms": 12.4,
    "max_latency_ms": 12.4,
    "jitter_ms": None,
    "targets": [
        {
            "target_id": 1,
            "address": "192.0.2.1",
            "resolved": "192.0.2.1",
            "port": None,
            "sent": 1,
            "received": 1,
            "packet_loss_pct": 0.0,
            "forward_loss_pct": None,
            "backward_loss_pct": None,
            "latency_ms": 12.4,
            "min_latency_ms": 12.4,
            "max_latency_ms": 12.4,
            "jitter_ms": None,
            "probes": [{"number": 1, "outcome": "answered", "rtt_ms": 12.4, "detail": None}],
        }
    ],
}


def _problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description)


class _OnePathView(StrictApiView):
    queryset = Path.objects.none()
    permission_classes = [ProbePermissions]

    def path(self, pk: int) -> Path:
        """The path, if it exists for this caller."""
        rows = paths_of(self.site_id).select_related("uplink__vantage")
        found: Path = get_object_or_404(rows, pk=pk)
        return found

    def answer(self, order: ProbeOrder, path: Path) -> Response:
        """What has been measured, and where more can be read."""
        url = reverse("api-path-probe-result", args=[path.pk, order.uid])
        headers = {"Location": url}
        if order.state in orders.OPEN_STATES:
            headers["Retry-After"] = "1"
        return Response(probe_result(order, path, url=url), headers=headers)


class ProbeView(_OnePathView):
    """Probe a path now."""

    @extend_schema(
        operation_id="paths_probe",
        summary="Probe a path now",
        request=ProbeSerializer,
        responses={
            200: OpenApiResponse(ProbeResultSerializer, "Measured."),
            202: OpenApiResponse(ProbeResultSerializer, "Ordered, but not done yet: see url."),
            (409, PROBLEM_JSON): _problem("It has no target, or is being probed already."),
            (415, PROBLEM_JSON): _problem("The body is not JSON."),
            (429, PROBLEM_JSON): _problem("Too many of one person within a minute."),
            (503, PROBLEM_JSON): _problem("Its probe host does not measure, or may not."),
        },
        examples=[OpenApiExample("One probe", _EXAMPLE, response_only=True)],
    )
    def post(self, request: Request, pk: int, **_: Any) -> Response:
        """Let the path's probe host send a few probes; its statistics do not change."""
        path = self.path(pk)
        body = ProbeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        count, actor = body.validated_data["count"], request.user.get_username()
        try:
            order = orders.place_order(path, actor=actor, count=count, now=time.time())
        except orders.TooManyOrders as refusal:
            raise Throttled(refusal.wait_secs, str(refusal)) from None
        except orders.NobodyMeasures as refusal:
            raise Unavailable(str(refusal)) from None
        except orders.OrderRefused as refusal:
            raise Conflict(str(refusal)) from None
        order = orders.wait_for(order, patience_secs=WAIT_SECS)
        if order.state in {OrderState.FAILED, OrderState.EXPIRED}:
            raise Unavailable(order.detail)
        answer = self.answer(order, path)
        answer.status_code = 202 if order.state in orders.OPEN_STATES else 200
        return answer


class ProbeResultView(_OnePathView):
    """What came of an order."""

    @extend_schema(
        operation_id="paths_probe_result",
        summary="Result of a probe on demand",
        responses=ProbeResultSerializer,
    )
    def get(self, request: Request, pk: int, probe_id: uuid.UUID, **_: Any) -> Response:
        """How far the measurement is; kept for a day."""
        path = self.path(pk)
        order = orders.order_of(path.pk, probe_id, now=time.time())
        if order is None:
            raise NotFound("The path has no such measurement; they are kept for a day.")
        return self.answer(order, path)
