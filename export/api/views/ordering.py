"""People's orders to policies: take one, wait a little for the monitor, say what came of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
)
from rest_framework.exceptions import NotFound, Throttled, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from export.api.descriptions import ProblemSerializer
from export.api.order_shapes import (
    FailoverOrderSerializer,
    OrderResultSerializer,
    OrderSerializer,
    PauseOrderSerializer,
    PinOrderSerializer,
    order_result,
)
from export.api.permissions import OperatePermissions
from export.api.problems import PROBLEM_JSON, Conflict, Unavailable
from export.api.views.base import StrictApiView
from export.site_scope import policies_of
from failover import orders
from failover.models import FailoverPolicy, OperatorOrder, OrderKind, OrderStage
from failover.orders import DEFAULT_SECS, Wanted

WAIT_SECS = 3.0
"""How long an answer waits for the monitor, which looks for orders several times a second."""


def _problem(description: str) -> OpenApiResponse:
    return OpenApiResponse(ProblemSerializer, description)


_RESPONSES: dict[Any, OpenApiResponse] = {
    200: OpenApiResponse(OrderResultSerializer, "Carried out; see event and policy_state."),
    202: OpenApiResponse(OrderResultSerializer, "The monitor has not taken it yet: see url."),
    (409, PROBLEM_JSON): _problem("The rules refuse it, or the policy has switched since."),
    (415, PROBLEM_JSON): _problem("The body is not JSON."),
    (429, PROBLEM_JSON): _problem("Too many of one person within a minute."),
    (503, PROBLEM_JSON): _problem("No monitor decides about the policy; nothing was done."),
}


class _OnePolicyView(StrictApiView):
    queryset = FailoverPolicy.objects.none()
    permission_classes = [OperatePermissions]

    def policy(self, pk: int) -> FailoverPolicy:
        """The policy, if it exists for this caller."""
        found: FailoverPolicy = get_object_or_404(policies_of(self.site_id), pk=pk)
        return found

    def answer(self, order: OperatorOrder) -> Response:
        """What has come of it, and where more can be read."""
        url = reverse("api-policy-order", args=[order.policy_id, order.uid])
        headers = {"Location": url}
        if order.stage == OrderStage.QUEUED:
            headers["Retry-After"] = "1"
        return Response(order_result(order, url=url), headers=headers)


class _OrderView(_OnePolicyView):
    kind: ClassVar[OrderKind]
    body: ClassVar[type[OrderSerializer]] = OrderSerializer

    def post(self, request: Request, pk: int, **_: Any) -> Response:
        """Order it; the monitor decides at its next round and tells what came of it."""
        policy = self.policy(pk)
        order = orders.wait_for(self._place(policy, request), patience_secs=WAIT_SECS)
        if order.stage == OrderStage.REFUSED:
            raise Conflict(order.detail)
        if order.stage == OrderStage.EXPIRED:
            raise Unavailable(order.detail)
        answer = self.answer(order)
        answer.status_code = 202 if order.stage == OrderStage.QUEUED else 200
        return answer

    def _place(self, policy: FailoverPolicy, request: Request) -> OperatorOrder:
        user, now = request.user, timezone.now()
        try:
            return orders.place_order(
                policy,
                self._wanted(request),
                actor=user.get_username(),
                person_id=user.pk,
                now=now,
            )
        except orders.WrongField as refusal:
            raise ValidationError({refusal.field: [str(refusal)]}) from None
        except orders.TooManyOrders as refusal:
            raise Throttled(refusal.wait_secs, str(refusal)) from None
        except orders.NobodyDecides as refusal:
            raise Unavailable(str(refusal)) from None
        except orders.OrderRefused as refusal:
            raise Conflict(str(refusal)) from None

    def _wanted(self, request: Request) -> Wanted:
        body = self.body(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        return Wanted(
            kind=self.kind,
            reason=values["reason"],
            path_id=values.get("path"),
            lasts_secs=values.get("expires_in", DEFAULT_SECS),
            unless_dead=values.get("unless_dead", True),
            expected_generation=values["expected_generation"],
        )


def _described(
    kind: OrderKind,
    summary: str,
    example: dict[str, Any],
    body: type[OrderSerializer] = OrderSerializer,
) -> Callable[[type[_OrderView]], type[_OrderView]]:
    def decorate(view: type[_OrderView]) -> type[_OrderView]:
        view.kind, view.body = kind, body
        described: type[_OrderView] = extend_schema_view(
            post=extend_schema(
                operation_id=f"policies_{kind.value}",
                summary=summary,
                description=view.__doc__,
                request=body,
                responses=_RESPONSES,
                examples=[OpenApiExample(summary, example, request_only=True)],
            )
        )(view)
        return described

    return decorate


@_described(
    OrderKind.FAILOVER,
    "Move the traffic once",
    {"reason": "provider's line work", "path": 2, "expected_generation": 7},
    FailoverOrderSerializer,
)
class FailoverOrderView(_OrderView):
    """Move the traffic to a member, or to the best candidate; then normal rules apply."""


@_described(OrderKind.FAILBACK, "Return to the primary now", {"reason": "line is repaired"})
class FailbackOrderView(_OrderView):
    """Return the traffic to the primary without waiting for its return clock."""


@_described(
    OrderKind.PIN,
    "Hold the traffic on a path",
    {"reason": "call with the provider", "path": 2, "expires_in": 3600, "unless_dead": True},
    PinOrderSerializer,
)
class PinOrderView(_OrderView):
    """Move the traffic to a member and hold it there; an earlier pin is replaced."""


@_described(OrderKind.UNPIN, "Release a pin", {"reason": "call is over"})
class UnpinOrderView(_OrderView):
    """Release the pin: normal rules apply again."""


@_described(
    OrderKind.PAUSE,
    "Let nothing move",
    {"reason": "work on the router", "expires_in": 1800},
    PauseOrderSerializer,
)
class PauseOrderView(_OrderView):
    """Let nothing move, not even from a dead path; an earlier pause is replaced."""


@_described(OrderKind.RESUME, "End a pause", {"reason": "work is done"})
class ResumeOrderView(_OrderView):
    """End the pause: the rules act again from the next round on."""


class OrderResultView(_OnePolicyView):
    """What came of an order."""

    @extend_schema(
        operation_id="policies_order",
        summary="Outcome of an order",
        responses=OrderResultSerializer,
    )
    def get(self, request: Request, pk: int, order_id: uuid.UUID, **_: Any) -> Response:
        """How far the order is; kept for a day."""
        policy = self.policy(pk)
        order = orders.order_of(policy.pk, order_id, now=timezone.now())
        if order is None:
            raise NotFound("The policy has no such order; they are kept for a day.")
        return self.answer(order)


ORDER_VIEWS: dict[OrderKind, type[_OrderView]] = {
    OrderKind.FAILOVER: FailoverOrderView,
    OrderKind.FAILBACK: FailbackOrderView,
    OrderKind.PIN: PinOrderView,
    OrderKind.UNPIN: UnpinOrderView,
    OrderKind.PAUSE: PauseOrderView,
    OrderKind.RESUME: ResumeOrderView,
}
"""Each order is an address of its own below the policy."""
