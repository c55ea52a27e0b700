"""Maintenance windows in the admin: planned once, or repeated by the clock on the wall."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format

from failover.forms.times import MaintenanceWindowForm
from failover.models import MaintenanceWindow
from failover.schedules import recurrence_of
from health.admin_base import ConsoleModelAdmin


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(ConsoleModelAdmin):
    """Planned times in which something is not to be used."""

    form = MaintenanceWindowForm
    list_display = ["name", "of_what", "starts_at", "ends_at", "repeats", "state"]
    list_filter = ["repeats"]
    list_select_related = ["site", "uplink__vantage", "path"]
    search_fields = ["name", "reason", "path__name", "uplink__name", "site__name"]
    autocomplete_fields = ["site", "uplink", "path"]
    fieldsets = [
        (None, {"fields": ["name", "reason"]}),
        (
            "Of exactly one",
            {
                "fields": ["path", "uplink", "site"],
                "description": "Traffic leaves its paths when the window begins, if another path "
                "can take over, and they are not used until it ends.",
            },
        ),
        ("Time", {"fields": ["starts_at", "ends_at"]}),
        ("Again", {"fields": ["repeats", "last_day", "time_zone"]}),
    ]

    @admin.display(description="Of")
    def of_what(self, window: MaintenanceWindow) -> str:
        """The one thing that it is about."""
        return str(window.path or window.uplink or window.site)

    @admin.display(description="Now")
    def state(self, window: MaintenanceWindow) -> str:
        """Under way until when, or when it comes next."""
        now, times = timezone.now(), recurrence_of(window)
        present = times.occurrence_at(now)
        if present is not None:
            return f"under way until {_moment(present[1])}"
        following = times.next_after(now)
        return "over" if following is None else f"next {_moment(following[0])}"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep who planned it."""
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)


def _moment(moment: Any) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT")
