"""Ordering a policy about in the console: the dialog, the order, and what came of it.

Thin: ``order_dialog`` says what would happen, ``failover.orders`` takes the order, and the
monitor alone carries it out. Works without scripts, then with the whole page around it.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from failover import orders, selectors
from failover.console.order_dialog import OrderDialog, order_dialog
from failover.console.order_forms import OrderForm
from failover.console.order_result import OrderResult, order_result
from failover.console.plans import plan_texts
from failover.console.policy_rows import PolicyRow
from failover.console.views import holds_of, policy_page, policy_row_of, reads_policies
from failover.models import FailoverPolicy, OperatorOrder, OrderKind
from health.console.access import needs
from health.console.live import is_poll, to_page

operates_policies = needs("failover.operate_failoverpolicy")

WAIT_SECS = 0.8
"""How long an answer waits for the monitor; the fragment asks again until there is an outcome."""
PAGE_WAIT_SECS = 3.0
"""The same for a browser without scripts, which does not ask again."""


@require_http_methods(["GET", "HEAD", "POST"])
@operates_policies
def policy_order(request: HttpRequest, policy_id: int, kind: str) -> HttpResponse:
    """The dialog of one order, and the order itself."""
    if kind not in OrderKind.values:
        raise Http404(f"There is no order {kind!r}.")
    wanted = OrderKind(kind)
    if request.method != "POST":
        return _shown(request, policy_id, _dialog(policy_id, wanted))
    form = OrderForm(wanted, request.POST)
    order = _placed(request, policy_id, form) if form.is_valid() else None
    if order is None:
        return _shown(request, policy_id, _dialog(policy_id, wanted, form))
    if is_poll(request):
        return _result(request, orders.wait_for(order, patience_secs=WAIT_SECS))
    orders.wait_for(order, patience_secs=PAGE_WAIT_SECS)
    return HttpResponseRedirect(reverse("policy-order-result", args=[policy_id, order.uid]))


@require_safe
@reads_policies
def policy_order_result(request: HttpRequest, policy_id: int, uid: uuid.UUID) -> HttpResponse:
    """How far an order is."""
    order = orders.order_of(policy_id, uid, now=_now())
    if order is None:
        if not is_poll(request):
            return to_page(reverse("policy", args=[policy_id]), request)
        raise Http404(f"Policy {policy_id} has no order {uid}; they are kept for a day.")
    if is_poll(request):
        return _result(request, orders.wait_for(order, patience_secs=WAIT_SECS))
    return policy_page(request, policy_id, {"result": order_result(order)})


def _now() -> dt.datetime:
    return timezone.now()  # noqa: TID251 - the edge: a request begins here


def _placed(request: HttpRequest, policy_id: int, form: OrderForm) -> OperatorOrder | None:
    """The order as it was taken; None when the form now says why not."""
    policy = get_object_or_404(FailoverPolicy, pk=policy_id)
    try:
        return orders.place_order(
            policy,
            form.wanted(),
            actor=request.user.get_username(),
            person_id=request.user.pk,
            now=_now(),
        )
    except orders.WrongField as refusal:
        form.take_refusal(refusal.field, str(refusal))
    except orders.OrderRefused as refusal:
        form.take_refusal("", str(refusal))
    return None


def _dialog(policy_id: int, kind: OrderKind, form: OrderForm | None = None) -> dict[str, Any]:
    row = policy_row_of(policy_id, _now().timestamp())
    dialog = _dialog_of(row, kind, form)
    if form is None:
        form = OrderForm(kind)
    return {"dialog": dialog, "form": form, "row": row}


def _dialog_of(row: PolicyRow, kind: OrderKind, form: OrderForm | None) -> OrderDialog:
    policy_id = row.policy.policy_id
    found = get_object_or_404(selectors.policies_with_members(), pk=policy_id)
    wished = form.data.get("path", "") if form is not None else ""
    return order_dialog(
        kind,
        row,
        holds_of(policy_id),
        plan_texts(found),
        wished=int(wished) if wished.isascii() and wished.isdigit() else None,
    )


def _shown(request: HttpRequest, policy_id: int, context: dict[str, Any]) -> HttpResponse:
    if is_poll(request):
        return render(request, "failover/_order_dialog.html", context)
    return policy_page(request, policy_id, context)


def _result(request: HttpRequest, order: OperatorOrder) -> HttpResponse:
    result: OrderResult = order_result(order)
    return render(request, "failover/_order_result.html", {"result": result})
