"""Every address of the web process, by the app that answers it."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from failover.console.neighbours import FailoverNeighbours
from sdwan_site.admin_site import console_admin
from sdwan_site.views import account, probes

handler403 = "sdwan_site.views.errors.forbidden"
handler404 = "sdwan_site.views.errors.not_found"
handler500 = "sdwan_site.views.errors.server_error"

# The apps have registered with Django's default site by now.
console_admin.adopt(admin.site)

urlpatterns = [
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("account/", account.account, name="account"),
    path("admin/", console_admin.urls),
    path("", include("failover.console.urls")),
    path("", include("health.console.urls"), {"neighbours": FailoverNeighbours()}),
    path("", include("export.urls")),
]
