"""``/account/``: what people may change about themselves."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from sdwan_site.forms import TimeZoneForm
from sdwan_site.models import ApiToken, User


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Time zone, password, and the person's API tokens (to look at)."""
    user = cast("User", request.user)  # the login middleware lets nobody else through
    zone_form = TimeZoneForm(instance=user)
    password_form = PasswordChangeForm(user)
    if request.method == "POST":
        if "old_password" in request.POST:
            password_form = PasswordChangeForm(user, request.POST)
            if password_form.is_valid():
                update_session_auth_hash(request, password_form.save())
                return _done(request, "The password has been changed.")
        elif "time_zone" in request.POST:
            zone_form = TimeZoneForm(request.POST, instance=user)
            if zone_form.is_valid():
                zone_form.save()
                return _done(request, "The time zone has been saved.")
    # The page has other purposes than this one.
    password_form.fields["old_password"].widget.attrs.pop("autofocus", None)
    context = {
        "zone_form": zone_form,
        "password_form": password_form,
        "tokens": ApiToken.objects.filter(user=user).select_related("site").order_by("-created"),
        "groups": user.groups.order_by("name"),
    }
    return render(request, "account/account.html", context)


def _done(request: HttpRequest, text: str) -> HttpResponse:
    messages.success(request, text)
    return redirect("account")
