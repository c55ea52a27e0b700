"""The admin of the console: the same shell, its own sections, and only models looked at here.

Apps register with Django's default registry; this site adopts the models listed below and
no other, so that a package can't bring an editor with it that nobody has thought about
(a django-q2 schedule, for one, calls any importable function).
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Network", ("health.site", "health.vantage", "health.uplink", "health.path")),
    ("Profiles", ("health.probeprofile", "health.slaprofile")),
    (
        "Failover",
        (
            "failover.failoverpolicy",
            "failover.maintenancewindow",
            "failover.notificationchannel",
            "failover.policyhook",
        ),
    ),
    ("People and programs", ("sdwan_site.user", "auth.group", "sdwan_site.apitoken")),
    (
        "Records (read only)",
        (
            "failover.failoverevent",
            "health.statuschange",
            "health.currenthealth",
            "health.healthsample",
            "health.currentuplink",
            "health.uplinktraffic",
            "failover.failoverstate",
            "failover.override",
            "failover.outboxmessage",
            "health.monitorlease",
            "django_q.schedule",
            "django_q.failure",
            "axes.accessattempt",
            "axes.accesslog",
        ),
    ),
)
"""What the admin shows, in this order: section title and model labels."""


class ConsoleAdminSite(admin.AdminSite):
    """One login page for console and admin; no page of its own outside the shell."""

    site_header = site_title = "Pathwarden"
    index_title = "Configuration"
    login_form = AdminAuthenticationForm
    enable_nav_sidebar = False

    def adopt(self, registry: admin.AdminSite) -> None:
        """Take over the listed models from ``registry`` with the classes registered there."""
        for _, labels in SECTIONS:
            for label in labels:
                model = apps.get_model(label)
                if not self.is_registered(model):
                    self.register(model, type(registry.get_model_admin(model)))

    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who is signed in and still here lacks the role; others go to the console's login."""
        if request.user.is_authenticated:
            if not self.has_permission(request):
                raise PermissionDenied("Configuration needs the role admin.")
            return redirect("admin:index")
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Signing out is the shell's."""
        return redirect("logout", preserve_request=True)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The password is changed in the account page."""
        return redirect("account")

    def password_change_done(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The password is changed in the account page."""
        return redirect("account")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The models by section instead of by Python package."""
        listed = {
            model["model"]._meta.label_lower: model
            for app in self._build_app_dict(request, app_label).values()
            for model in app["models"]
        }
        sections = []
        for title, labels in SECTIONS:
            models = [listed[label] for label in labels if label in listed]
            if models:
                sections.append(_section(title, models, app_label))
        return sections


def _section(title: str, models: list[Any], app_label: str | None) -> dict[str, Any]:
    return {
        "name": title,
        "app_label": app_label or title.split()[0].lower(),
        "app_url": reverse("admin:index"),
        "has_module_perms": True,
        "models": models,
    }


console_admin = ConsoleAdminSite(name="admin")
