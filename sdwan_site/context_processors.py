"""What every page of the console needs to draw its frame."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def console(request: HttpRequest) -> dict[str, Any]:
    """Name of the product and the theme chosen in this browser (auto, light or dark)."""
    theme = request.COOKIES.get("theme", "auto")
    return {"product": "Pathwarden", "theme": theme if theme in {"light", "dark"} else "auto"}
