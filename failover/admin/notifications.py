"""Admin pages of notification channels and hooks, with a test that tells at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from failover.models import HookKind, NotificationChannel, PolicyHook
from failover.notifiers import NOTIFIERS
from failover.notifiers.base import Message
from failover.outbound.errors import OutboundError
from failover.outbound.options import read_command, read_endpoint
from failover.tasks import send
from health.admin_base import ConsoleModelAdmin

if TYPE_CHECKING:
    BaseModelForm = forms.ModelForm[Any]
else:  # generic for the type checker only
    BaseModelForm = forms.ModelForm


class ChannelForm(BaseModelForm):
    """Refuses options that can't work, at their field."""

    class Meta:
        model = NotificationChannel
        fields = ("name", "enabled", "kind", "options", "policies", "event_types")

    def clean(self) -> dict[str, Any]:
        """The options must be those of the kind."""
        cleaned: dict[str, Any] = super().clean() or {}
        kind, options = cleaned.get("kind"), cleaned.get("options")
        if kind in NOTIFIERS and options is not None:
            _checked(lambda: NOTIFIERS[kind].make(send).check(options))
        return cleaned


class HookForm(BaseModelForm):
    """Refuses options that can't work, at their field."""

    class Meta:
        model = PolicyHook
        fields = (
            "policy", "name", "enabled", "kind", "options", "event_types", "delay_secs",
            "cooldown_secs",
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """The options must be those of the kind."""
        cleaned: dict[str, Any] = super().clean() or {}
        kind, options = cleaned.get("kind"), cleaned.get("options")
        if kind and options is not None:
            read = read_command if kind == HookKind.COMMAND else read_endpoint
            _checked(lambda: read(options))
        return cleaned


def _checked(read: Any) -> None:
    try:
        read()
    except OutboundError as error:
        raise ValidationError({"options": str(error)}) from None


@admin.register(NotificationChannel)
class NotificationChannelAdmin(ConsoleModelAdmin):
    """Who is told."""

    form = ChannelForm
    list_display = ("name", "kind", "enabled", "last_sent_at", "last_error")
    list_filter = ("enabled", "kind")
    readonly_fields = ("last_sent_at", "last_error")
    filter_horizontal = ("policies",)
    actions = ("send_test",)

    @admin.action(description="Send a test message", permissions=["change"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[NotificationChannel]) -> None:
        """Tell about nothing, to see whether it arrives."""
        now = timezone.now()
        message = Message(
            f"test-{now.timestamp():.0f}",
            int(now.timestamp()),
            "Test message",
            f"{request.user.get_username()} sent this to see whether messages arrive.",
            {"event_type": "test", "actor": request.user.get_username()},
        )
        for channel in queryset:
            try:
                NOTIFIERS[channel.kind].make(send).send(channel.options, [message])
            except OutboundError as error:
                self.message_user(request, f"{channel.name}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{channel.name}: the test message was taken.")


@admin.register(PolicyHook)
class PolicyHookAdmin(ConsoleModelAdmin):
    """What is run after events."""

    form = HookForm
    list_display = ("name", "policy", "kind", "enabled", "last_run_at", "last_error")
    list_filter = ("enabled", "kind", "policy")
    readonly_fields = ("last_run_at", "last_error")
