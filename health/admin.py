"""Configuration and records of ``health`` in the admin.

Thin: forms ask ``health.validation``; records are read-only.
"""

from __future__ import annotations

import time
from typing import Any

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.utils.safestring import SafeString

from health.admin_base import (
    ConsoleModelAdmin,
    CountedDeletion,
    RecordAdmin,
    UncountedPaginator,
    moment,
)
from health.console.path_page import budget_text
from health.domain.status import face_of
from health.forms import PathForm, TargetFormSet
from health.models import (
    CurrentHealth,
    CurrentUplink,
    HealthSample,
    MonitorLease,
    Path,
    PathTarget,
    ProbeProfile,
    Site,
    SlaProfile,
    StatusChange,
    Uplink,
    UplinkTraffic,
    Vantage,
)
from health.selectors.budgets import path_budget
from health.selectors.current import STALE_ROW_SECS
from health.services import copy_profile
from health.templatetags.console import state


@admin.register(Site)
class SiteAdmin(ConsoleModelAdmin):
    """Places."""

    list_display = ["name", "location"]
    search_fields = ["name", "location"]
    fields = ["name", "location", "notes"]


@admin.register(Vantage)
class VantageAdmin(ConsoleModelAdmin):
    """Hosts that probe."""

    list_display = ["name", "site"]
    search_fields = ["name"]
    autocomplete_fields = ["site"]

    def get_readonly_fields(self, request: HttpRequest, obj: Vantage | None = None) -> list[str]:
        """The name is the task queue of a running host: fixed once it is there."""
        return ["name"] if obj is not None else []


@admin.register(Uplink)
class UplinkAdmin(ConsoleModelAdmin):
    """WAN lines of a host."""

    list_display = ["name", "vantage", "interface", "transport", "provider", "circuit_id"]
    list_filter = ["vantage", "transport"]
    list_select_related = ["vantage"]
    search_fields = ["name", "provider", "circuit_id", "interface"]
    autocomplete_fields = ["vantage"]
    fieldsets = [
        (None, {"fields": ["name", "vantage", "interface"]}),
        ("Addresses", {"fields": ["gateway", "source", "gateway6", "source6"]}),
        ("Line", {"fields": ["transport", "provider", "circuit_id", "metered", "cost"]}),
        ("Bandwidth", {"fields": ["bandwidth_down_mbps", "bandwidth_up_mbps"]}),
        ("Probe route", {"fields": ["probe_route", "table", "fwmark"]}),
    ]


class ProfileAdmin(ConsoleModelAdmin):
    """Profiles; built-in ones may be edited and copied, but stay."""

    search_fields = ["name", "use"]
    readonly_fields = ["built_in"]
    actions = ["copy"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Built-in profiles can't be deleted."""
        return super().has_delete_permission(request, obj) and not getattr(obj, "built_in", False)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The list's delete action refuses built-in profiles as well."""
        rows, counts, lacking, protected = super().get_deleted_objects(objs, request)
        kept = [f"{one.name} is built in and can't be deleted" for one in objs if one.built_in]
        return rows, counts, lacking, [*protected, *kept]

    @admin.action(description="Copy the selected profiles", permissions=["add"])
    def copy(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """Make an editable copy of each."""
        names = [copy_profile(profile).name for profile in queryset]
        self.message_user(request, f"Copied as {', '.join(names)}.", messages.SUCCESS)


@admin.register(ProbeProfile)
class ProbeProfileAdmin(ProfileAdmin):
    """How often to probe."""

    list_display = ["name", "use", "interval_ms", "timeout_ms", "window_secs", "built_in"]
    fieldsets = [
        (None, {"fields": ["name", "use", "built_in"]}),
        ("Rhythm", {"fields": ["interval_ms", "timeout_ms", "window_secs"]}),
        ("Confirmation of losses", {"fields": ["burst_ms", "hold_ms", "bad_seconds"]}),
    ]


@admin.register(SlaProfile)
class SlaProfileAdmin(ProfileAdmin):
    """What is good enough."""

    list_display = ["name", "use", "latency_ms", "packet_loss_pct", "jitter_ms", "built_in"]
    fieldsets = [
        (None, {"fields": ["name", "use", "built_in"]}),
        ("Limits", {"fields": ["latency_ms", "packet_loss_pct", "jitter_ms"]}),
        ("Weights", {"fields": ["latency_weight", "packet_loss_weight", "jitter_weight"]}),
    ]


class TargetInline(admin.TabularInline):
    """The targets of a path."""

    model = PathTarget
    formset = TargetFormSet
    fields = ["address", "port", "request", "expected_text", "expected_status", "role"]
    extra = 1


@admin.register(Path)
class PathAdmin(CountedDeletion):
    """What is measured."""

    form = PathForm
    inlines = [TargetInline]
    list_display = ["name", "state", "uplink", "destination", "kind", "sla_profile", "enabled"]
    list_filter = ["enabled", "kind", "uplink__vantage", "uplink__transport", "sla_profile"]
    list_select_related = ["uplink__vantage", "destination", "sla_profile", "current"]
    search_fields = ["name", "targets__address", "uplink__name", "uplink__provider"]
    autocomplete_fields = ["uplink", "destination", "rides_on", "probe_profile", "sla_profile"]
    fieldsets = [
        (None, {"fields": ["name", "uplink", "destination", "rides_on", "enabled"]}),
        ("Probing", {"fields": ["kind", "probe_profile", "budget", "quorum", "dscp"]}),
        ("Limits", {"fields": ["sla_profile"]}),
        ("Notes", {"fields": ["notes"]}),
    ]

    readonly_fields = ["budget"]

    @admin.display(description="Probe budget")
    def budget(self, path: Path) -> str:
        """What probing the path as saved costs its uplink."""
        return budget_text(path_budget(path)) if path.pk else "known when the path is saved"

    @admin.display(description="Status")
    def state(self, path: Path) -> SafeString:
        """As in the console; a row that nobody renews is no data."""
        current: CurrentHealth | None = getattr(path, "current", None)
        if current is None or time.time() - current.updated_at > STALE_ROW_SECS:
            return state(face_of("unknown", reachable=None, paused=not path.enabled))
        paused = not path.enabled
        return state(face_of(current.status, reachable=current.reachable, paused=paused))


@admin.register(CurrentHealth)
class CurrentHealthAdmin(RecordAdmin):
    """The latest judgement about each path."""

    list_display = ["path", "status", "health_score", "latency_ms", "packet_loss_pct", "checked"]
    list_filter = ["status"]
    list_select_related = ["path"]
    search_fields = ["path__name"]

    @admin.display(description="Last probe", ordering="last_checked")
    def checked(self, row: CurrentHealth) -> Any:
        """When a probe was last settled."""
        return moment(row.last_checked)


@admin.register(HealthSample)
class HealthSampleAdmin(RecordAdmin):
    """Ten-second samples, newest first; found by the time index only."""

    list_display = ["at", "path_id", "health_score", "latency_ms", "packet_loss_pct", "jitter_ms"]
    ordering = ["-timestamp", "-path_id"]
    sortable_by = ()
    paginator = UncountedPaginator

    @admin.display(description="Slot")
    def at(self, row: HealthSample) -> Any:
        """Start of the slot."""
        return moment(row.timestamp)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[HealthSample]:
        """Without the sketch, which nobody reads here."""
        return super().get_queryset(request).defer("sketch")


@admin.register(StatusChange)
class StatusChangeAdmin(RecordAdmin):
    """When paths changed their state."""

    list_display = ["at", "path", "old_status", "new_status", "reason", "health_score"]
    list_filter = ["new_status"]
    list_select_related = ["path"]
    search_fields = ["path__name"]
    paginator = UncountedPaginator

    @admin.display(description="Time", ordering="timestamp")
    def at(self, row: StatusChange) -> Any:
        """The moment of the change."""
        return moment(row.timestamp)


@admin.register(CurrentUplink)
class CurrentUplinkAdmin(RecordAdmin):
    """What each uplink is now."""

    list_display = ["uplink", "link", "route", "route6", "source", "gateway", "detail", "updated"]
    list_filter = ["link", "route"]
    list_select_related = ["uplink__vantage"]
    search_fields = ["uplink__name", "interface"]

    @admin.display(description="Updated", ordering="updated_at")
    def updated(self, row: CurrentUplink) -> Any:
        """When the probe host last told."""
        return moment(row.updated_at)


@admin.register(UplinkTraffic)
class UplinkTrafficAdmin(RecordAdmin):
    """What each uplink carried in slots of ten seconds; found by the time index only."""

    list_display = ["at", "uplink_id", "secs", "receive_bytes", "transmit_bytes", "receive_drops"]
    ordering = ["-timestamp", "-uplink_id"]
    sortable_by = ()
    paginator = UncountedPaginator

    @admin.display(description="Slot")
    def at(self, row: UplinkTraffic) -> Any:
        """Start of the slot."""
        return moment(row.timestamp)


@admin.register(MonitorLease)
class MonitorLeaseAdmin(RecordAdmin):
    """Who runs the monitor of each host."""

    list_display = ["vantage", "holder", "epoch", "paths", "probes_per_sec", "renewed"]
    list_select_related = ["vantage"]

    @admin.display(description="Renewed", ordering="renewed_at")
    def renewed(self, row: MonitorLease) -> Any:
        """When the holder last reported."""
        return moment(row.renewed_at)
