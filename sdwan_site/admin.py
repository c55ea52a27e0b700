"""People and programs in the admin, without ways to more rights than one has.

Who is not a superuser may give only roles that carry no right they lack themselves, and may
not touch superusers at all. Tokens are made and revoked, never read: only a hash is stored.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import axes.admin  # noqa: F401 - registers what is replaced here
import django_q.admin  # noqa: F401 - registers what is replaced here
from axes.models import AccessAttempt, AccessLog
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, Permission
from django.db import models
from django.http import HttpRequest
from django_q.models import Failure, Schedule

from health.admin_base import ConsoleModelAdmin, RecordAdmin
from sdwan_site.models import ApiToken, User

for _model in (Group, Schedule, Failure, AccessAttempt, AccessLog):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(User)
class PersonAdmin(UserAdmin):
    """People; superusers are made and changed by superusers only."""

    list_display = ["username", "email", "roles", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "groups"]
    filter_horizontal = ["groups"]
    fieldsets = (
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email", "time_zone"]}),
        ("Roles", {"fields": ["is_active", "is_staff", "groups"]}),
        ("Everything", {"fields": ["is_superuser"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    )
    readonly_fields = ["last_login", "date_joined"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        """With groups, so that the list costs the same for any number of people."""
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="Roles")
    def roles(self, user: User) -> str:
        """The groups by name."""
        return ", ".join(sorted(group.name for group in user.groups.all())) or "none"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser makes superusers."""
        fields = list(super().get_readonly_fields(request, obj))
        return fields if _is_superuser(request) else [*fields, "is_superuser"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A superuser's password or e-mail in other hands would be a way to all rights."""
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers are deleted by superusers only."""
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """The list's delete action holds to the same rule, row by row."""
        rows, counts, lacking, protected = super().get_deleted_objects(objs, request)
        kept = [
            f"{user.username} is a superuser: only a superuser may delete this account."
            for user in objs
            if not _may_touch(request, user)
        ]
        return rows, counts, lacking, [*protected, *kept]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only roles without rights that the person at the keyboard lacks."""
        if db_field.name == "groups" and not _is_superuser(request):
            kwargs["queryset"] = _grantable_groups(request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or _is_superuser(request) or not user.is_superuser


def _grantable_groups(request: HttpRequest) -> models.QuerySet[Group]:
    mine = Permission.objects.filter(
        models.Q(group__user=request.user.pk) | models.Q(user=request.user.pk)
    )
    beyond = Permission.objects.exclude(pk__in=mine.values("pk"))
    return Group.objects.exclude(permissions__in=beyond)


@admin.register(Group)
class RoleAdmin(GroupAdmin):
    """What the roles may do; only a superuser changes that."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return _is_superuser(request)


class NewTokenForm(forms.ModelForm):
    """What a new token is for; the token itself is made on saving."""

    days = forms.IntegerField(
        label="Valid for days",
        required=False,
        min_value=1,
        max_value=3650,
        initial=365,
        help_text="Empty: until it is revoked.",
    )

    class Meta:
        model = ApiToken
        fields = ["name", "user", "scope", "site"]


@admin.register(ApiToken)
class ApiTokenAdmin(ConsoleModelAdmin):
    """Tokens of programs: make one (shown once), look at them, revoke them by deleting."""

    form = NewTokenForm
    list_display = ["name", "user", "token_key", "scope", "site", "created", "expiry"]
    list_filter = ["scope"]
    list_select_related = ["user", "site"]
    search_fields = ["name", "user__username", "token_key"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is asked for, or what is known."""
        if obj is None:
            return ["name", "user", "scope", "site", "days"]
        return ["name", "user", "token_key", "scope", "site", "created", "expiry"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A token is revoked and made anew, not changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tokens of superusers are their own affair."""
        return super().has_delete_permission(request, obj) and _may_touch(
            request, obj.user if obj else None
        )

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Nobody makes a token that carries more rights than their own."""
        if db_field.name == "user" and not _is_superuser(request):
            kwargs["queryset"] = _people_with_no_more_rights(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make the token and show it, this once."""
        values = form.cleaned_data
        expiry = dt.timedelta(days=values["days"]) if values.get("days") else None
        made, token = ApiToken.objects.create(
            user=values["user"],
            expiry=expiry,
            name=values["name"],
            scope=values["scope"],
            site=values["site"],
        )
        obj.pk, obj.digest, obj.token_key = made.pk, made.digest, made.token_key
        obj.created, obj.expiry = made.created, made.expiry
        text = f"The token of {made.name}, shown only now: {token}"
        self.message_user(request, text, messages.WARNING)


def _people_with_no_more_rights(request: HttpRequest) -> models.QuerySet[User]:
    beyond = Group.objects.exclude(pk__in=_grantable_groups(request).values("pk"))
    return User.objects.filter(is_superuser=False).exclude(groups__in=beyond)


class SuperuserRecordAdmin(RecordAdmin):
    """Records of the machinery, for superusers."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers only."""
        return _is_superuser(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers only."""
        return _is_superuser(request)


@admin.register(Schedule)
class ScheduleAdmin(SuperuserRecordAdmin):
    """What runs when; an editor of these could call any function."""

    list_display = ["name", "func", "schedule_type", "minutes", "cluster", "next_run"]


@admin.register(Failure)
class FailureAdmin(SuperuserRecordAdmin):
    """Tasks that failed."""

    list_display = ["name", "func", "started", "stopped"]
    fields = ["name", "func", "started", "stopped", "result"]


@admin.register(AccessAttempt)
class AccessAttemptAdmin(SuperuserRecordAdmin):
    """Failed sign-ins that count towards a lock."""

    list_display = ["attempt_time", "username", "ip_address", "failures_since_start"]
    fields = ["attempt_time", "username", "ip_address", "user_agent", "failures_since_start"]


@admin.register(AccessLog)
class AccessLogAdmin(SuperuserRecordAdmin):
    """Sign-ins."""

    list_display = ["attempt_time", "username", "ip_address", "logout_time"]
    fields = ["attempt_time", "username", "ip_address", "user_agent", "logout_time"]
