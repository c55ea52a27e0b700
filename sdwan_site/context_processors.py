"""What every page of the console needs to draw its frame."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from health.console.engine_box import EngineBox, engine_box
from health.selectors.current import current_monitors

PRODUCT = "Pathwarden"
SECTIONS = {
    "overview": "overview",
    "paths": "paths",
    "path": "paths",
    "policies": "policies",
    "policy": "policies",
    "events": "events",
    "system": "system",
    "account": "account",
}
"""Which entry of the navigation is the present one, by the name of the address."""


def console(request: HttpRequest) -> dict[str, Any]:
    """Product, theme of this browser, state of the engine, place in the navigation.

    The engine is asked for only by templates that show it: one query.
    """
    theme = request.COOKIES.get("theme", "auto")
    now = time.time()  # noqa: TID251 - the edge: one page shows one moment
    return {
        "product": PRODUCT,
        "theme": theme if theme in {"light", "dark"} else "auto",
        "now": now,
        "engine": SimpleLazyObject(lambda: _engine(now)),
        "section": _section(request),
        "zone": timezone.get_current_timezone_name(),
    }


def _engine(now: float) -> EngineBox:
    return engine_box(current_monitors(now=now), now=now)


def _section(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is None:
        return ""
    if match.app_name == "admin":
        return "configuration"
    return SECTIONS.get(match.url_name or "", "")
