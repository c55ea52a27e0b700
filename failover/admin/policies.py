"""Policies, their members and routes in the admin, and what policies say about paths.

Thin: ``failover.validation`` judges, ``failover.edits`` keeps who changed what.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest
from django.utils import timezone

from failover import edits, services
from failover.forms.policies import MemberForm, MemberFormSet, PolicyForm, PolicyForms, RouteFormSet
from failover.models import FailoverPolicy, PolicyMember, PolicyRoute
from failover.validation import why_path_must_stay
from health import admin as health_admin
from health.admin_base import ConsoleModelAdmin
from health.models import Path


class MemberInline(admin.TabularInline):
    """The paths of a policy in their order."""

    model = PolicyMember
    form = MemberForm
    formset = MemberFormSet  # type: ignore[assignment]  # the stubs want a form of any model
    fields = ["order", "path", "schedule"]
    autocomplete_fields = ["path"]
    extra = 2


class RouteInline(admin.StackedInline):
    """What a policy steers."""

    model = PolicyRoute
    formset = RouteFormSet
    extra = 0
    fieldsets = [
        (None, {"fields": [("family", "prefix", "table", "metric")]}),
        (
            "Only traffic that matches",
            {
                "classes": ["collapse"],
                "fields": [
                    ("rule_source", "rule_destination", "rule_interface"),
                    ("rule_dscp", "rule_fwmark"),
                ],
            },
        ),
    ]


@admin.register(FailoverPolicy)
class FailoverPolicyAdmin(ConsoleModelAdmin):
    """Policies with members and routes, judged together."""

    form = PolicyForm
    inlines = [MemberInline, RouteInline]
    list_display = ["name", "enabled", "mode", "executor", "chain", "active"]
    list_filter = ["enabled", "mode", "executor"]
    search_fields = ["name", "description", "members__path__name"]
    fieldsets = [
        (None, {"fields": ["name", "description", "enabled"]}),
        ("Decision", {"fields": ["mode", "strategy", "failover_threshold"]}),
        (
            "Return",
            {
                "fields": [
                    "failback_mode",
                    "failback_window",
                    "failback_threshold",
                    "failback_delay_secs",
                    "damping",
                ]
            },
        ),
        ("Time windows", {"fields": ["time_zone"]}),
        ("Router pair", {"fields": ["role_source"]}),
        ("Actuation", {"fields": ["executor", "connections", "ipv6_default_declared"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[FailoverPolicy]:
        """With members and state, so that the list costs the same for any number of rows."""
        rows = super().get_queryset(request).select_related("state__active_path")
        ordered = PolicyMember.objects.select_related("path").order_by("position")
        return rows.prefetch_related(models.Prefetch("members", ordered))

    @admin.display(description="Members")
    def chain(self, policy: FailoverPolicy) -> str:
        """The paths in their order."""
        return " → ".join(member.path.name for member in policy.members.all()) or "none"

    @admin.display(description="Traffic on")
    def active(self, policy: FailoverPolicy) -> str:
        """The path that carries the traffic."""
        state = getattr(policy, "state", None)
        return state.active_path.name if state and state.active_path else "–"

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form knows the other forms of its request."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"together": _forms_of(request)})

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        """Members and routes know the other forms of their request."""
        kwargs = super().get_formset_kwargs(request, obj, inline, prefix)
        return {**kwargs, "together": _forms_of(request)}

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save members and routes, and the event of the edit, together."""
        policy = form.instance
        with transaction.atomic():
            super().save_related(request, form, formsets, change)
            edits.record_edit(
                FailoverPolicy.objects.get(pk=policy.pk),
                getattr(request, "policy_before", None),
                actor=request.user.get_username(),
                now=timezone.now(),
            )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Remember what the policy was, for the event of the edit."""
        if change:
            stored = FailoverPolicy.objects.get(pk=obj.pk)
            request.policy_before = edits.snapshot(stored)  # type: ignore[attr-defined]  # for save_related
        super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: FailoverPolicy) -> None:
        """What the policy has put into the network is withdrawn by the monitor."""
        actor = request.user.get_username()
        services.retire_policy(obj, keep_route=False, actor=actor, now=timezone.now())

    def delete_queryset(
        self, request: HttpRequest, queryset: models.QuerySet[FailoverPolicy]
    ) -> None:
        """The same for each of several."""
        for policy in queryset:
            self.delete_model(request, policy)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Members are replaced as a whole: an exchange of two has no moment with a collision."""
        if not isinstance(formset, MemberFormSet):
            super().save_formset(request, form, formset, change)
            return
        formset.save(commit=False)
        wished = [(member.path.pk, member.schedule) for member in formset.ordered_members()]
        policy = form.instance
        stored = policy.members.order_by("position").values_list("path_id", "schedule")
        if wished == list(stored):
            return
        policy.members.all().delete()
        for position, (path_id, schedule) in enumerate(wished):
            PolicyMember.objects.create(
                policy=policy, path_id=path_id, position=position, schedule=schedule
            )


def _forms_of(request: HttpRequest) -> PolicyForms:
    forms_of: PolicyForms = request.__dict__.setdefault("policy_forms", PolicyForms())
    return forms_of


admin.site.unregister(Path)


@admin.register(Path)
class PathAdmin(health_admin.PathAdmin):
    """Paths as ``health`` configures them, and what policies say about deleting one."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A path that a policy needs stays, and the page says which policy."""
        rows, counts, lacking, protected = super().get_deleted_objects(objs, request)
        reasons = [reason for path in objs if (reason := why_path_must_stay(path))]
        return rows, counts, lacking, reasons or protected
