"""Every address of the web process, by the app that answers it."""

from __future__ import annotations

urlpatterns: list[object] = []
