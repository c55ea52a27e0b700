"""What the controller writes, to be looked at: events, states, what events still cause."""

from __future__ import annotations

from django.contrib import admin

from failover.models import FailoverEvent, FailoverState, OutboxMessage
from health.admin_base import RecordAdmin, UncountedPaginator


@admin.register(FailoverEvent)
class FailoverEventAdmin(RecordAdmin):
    """The audit trail."""

    list_display = ["timestamp", "policy_name", "event_type", "direction", "to_path_name", "actor"]
    list_filter = ["event_type", "direction"]
    search_fields = ["policy_name", "from_path_name", "to_path_name", "reason"]
    paginator = UncountedPaginator


@admin.register(FailoverState)
class FailoverStateAdmin(RecordAdmin):
    """Where each policy stands."""

    list_display = ["policy", "active_path", "phase", "generation", "evaluated_at"]
    list_select_related = ["policy", "active_path"]


@admin.register(OutboxMessage)
class OutboxMessageAdmin(RecordAdmin):
    """What events still have to cause."""

    list_display = ["id", "event", "topic", "created_at", "attempts", "done_at", "last_error"]
    list_select_related = ["event"]
    paginator = UncountedPaginator
