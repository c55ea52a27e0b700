"""Pins in the admin: ordered here, carried out by the monitor, released here.

Nothing is written but orders (``failover.orders``); the row of a pin is the monitor's.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from failover.forms.times import PinForm
from failover.models import FailoverPolicy, OperatorOrder, OrderKind, OrderStage, Override
from failover.orders import OrderRefused, Wanted, place_order, wait_for
from health.admin_base import RecordAdmin

RIGHT = "failover.operate_failoverpolicy"
PATIENCE_SECS = 3.0
"""A person waits so long for the monitor; the order goes on without him."""


class ReleaseForm(ActionForm):
    """The list's action asks why, as every order does."""

    reason = forms.CharField(
        required=False, label="Why:", widget=forms.TextInput(attrs={"maxlength": 200})
    )


@admin.register(Override)
class OverrideAdmin(RecordAdmin):
    """Pins, open and past."""

    form = PinForm
    actions = ["release"]  # type: ignore[assignment]  # records have none
    action_form = ReleaseForm
    list_display = ["policy", "path", "state", "reason", "created_by_name", "created_at"]
    list_filter = [("released_at", admin.EmptyFieldListFilter), "policy"]
    list_select_related = ["policy", "path"]
    fieldsets = [
        (None, {"fields": ["policy", "path", "reason"]}),
        (
            "How long",
            {
                "fields": ["expires_at", "unless_dead"],
                "description": "Traffic moves there at once and stays: no failover for "
                "degradation, no failback. 10 minutes before the end an event tells.",
            },
        ),
    ]

    @admin.display(description="State")
    def state(self, pin: Override) -> str:
        """Held until when, or since when no longer."""
        if pin.released_at is not None:
            return f"ended {timezone.localtime(pin.released_at):%Y-%m-%d %H:%M}"
        if pin.expires_at is None:
            return "held until released"
        return f"held until {timezone.localtime(pin.expires_at):%Y-%m-%d %H:%M}"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may operate a policy may pin it."""
        return bool(request.user.has_perm(RIGHT))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Of the action that releases."""
        return bool(request.user.has_perm(RIGHT))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Order after the form's transaction: nobody sees an order that is not committed."""
        response = super().add_view(request, form_url, extra_context)
        wish = getattr(request, "pin_wish", None)
        if wish is not None:
            level, text = _ordered(request, *wish)
            messages.add_message(request, level, text)
        return response

    def save_model(self, request: HttpRequest, obj: Override, form: Any, change: bool) -> None:
        """Only remember what is wanted: the row of the pin is the monitor's."""
        wanted = Wanted(
            OrderKind.PIN,
            obj.reason,
            path_id=obj.path_id,
            lasts_secs=form.lasts_secs,
            unless_dead=obj.unless_dead,
        )
        request.pin_wish = (obj.policy, wanted)  # type: ignore[attr-defined]  # for add_view

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """The audit trail is the event that the monitor writes, not the admin's log."""

    def response_add(
        self, request: HttpRequest, obj: Override, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Back to the list, where it is told what came of it."""
        return HttpResponseRedirect(reverse("admin:failover_override_changelist"))

    @admin.action(description="Release the selected pins", permissions=["operate"])
    def release(self, request: HttpRequest, queryset: models.QuerySet[Override]) -> None:
        """Order the release of each that is open; normal rules then apply."""
        reason = str(request.POST.get("reason", ""))
        for pin in queryset.select_related("policy", "path"):
            if pin.released_at is not None:
                self.message_user(request, f"{pin.policy.name}: the pin has ended.", messages.INFO)
                continue
            level, text = _ordered(request, pin.policy, Wanted(OrderKind.UNPIN, reason))
            self.message_user(request, text, level)


def _ordered(request: HttpRequest, policy: FailoverPolicy, wanted: Wanted) -> tuple[int, str]:
    """Order and wait; the level of the message and its text."""
    user = request.user
    try:
        order = place_order(
            policy, wanted, actor=user.get_username(), person_id=user.pk, now=timezone.now()
        )
    except OrderRefused as refused:
        return messages.ERROR, f"{policy.name}: {refused}"
    return _told(policy, wait_for(order, patience_secs=PATIENCE_SECS))


def _told(policy: FailoverPolicy, order: OperatorOrder) -> tuple[int, str]:
    if order.stage == OrderStage.DONE:
        done = "pinned" if order.kind == OrderKind.PIN else "the pin is released"
        return messages.SUCCESS, f"{policy.name}: {done}."
    if order.stage == OrderStage.QUEUED:
        return messages.WARNING, (
            f"{policy.name}: the monitor has not answered yet; look at the policy's page whether "
            "it does. An order that is not taken soon is never carried out."
        )
    return messages.ERROR, f"{policy.name}: {order.detail}"
