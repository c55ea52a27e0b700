"""How the console writes numbers, ages, moments and icons in templates.

Formatting only; what is shown is decided in Python before a template is drawn.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from health.console import words
from health.domain.status import Face

register = template.Library()


@register.filter
def number(value: float | None, digits: int = 1) -> str:
    """A measurement; a dash when there is none."""
    return words.number(value, digits)


@register.filter
def points(value: float | None) -> str:
    """A score; a dash when there is none."""
    return words.points(value)


@register.filter
def duration(secs: float | None) -> str:
    """A length of time in its two largest units."""
    return words.MISSING if secs is None else words.duration(secs)


@register.filter
def moment(value: float | dt.datetime | None) -> dt.datetime | None:
    """Seconds since 1970 as a time in the reader's zone."""
    if value is None or isinstance(value, dt.datetime):
        return value and timezone.localtime(value)
    return dt.datetime.fromtimestamp(value, timezone.get_current_timezone())


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the page's sprite; decorative unless it has a ``label``."""
    spoken = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return format_html('<svg class="icon" {}><use href="#i-{}"/></svg>', SafeString(spoken), name)


@register.simple_tag
def state(face: Face) -> SafeString:
    """A state as icon and word in its tone."""
    return format_html(
        '<span class="state tone-{}">{}<span>{}</span></span>',
        face.tone, icon(face.icon), face.label,
    )  # fmt: skip


@register.simple_tag
def age(since: float | dt.datetime | None, now: float) -> SafeString:
    """How long ago ``since`` was; the script keeps it counting by the server's clock."""
    return _counting("age", since, now, sign=1)


@register.simple_tag
def countdown(until: float | dt.datetime | None, now: float) -> SafeString:
    """How long it is until ``until``; it stops at zero and never lies below."""
    return _counting("until", until, now, sign=-1)


@register.simple_tag
def clock_time(value: float | dt.datetime | None) -> SafeString:
    """The time of day in the reader's zone; the whole moment as tooltip."""
    local = moment(value)
    if local is None:
        return SafeString(words.MISSING)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"), _whole(local), local.strftime("%H:%M:%S"),
    )  # fmt: skip


@register.simple_tag(takes_context=True)
def with_query(context: dict[str, Any], **changes: object) -> str:
    """The present address with some query parameters changed; an empty value removes one."""
    query = context["request"].GET.copy()
    for name in ("rev", "page"):
        query.pop(name, None)
    for name, value in changes.items():
        query[name] = str(value)
        if value in (None, ""):
            del query[name]
    return f"?{query.urlencode()}"


def _counting(kind: str, value: float | dt.datetime | None, now: float, *, sign: int) -> SafeString:
    local = moment(value)
    if local is None:
        return SafeString(words.MISSING)
    at = local.timestamp()
    return format_html(
        '<time data-{}="{}" datetime="{}" title="{}">{}</time>',
        kind, f"{at:.0f}", local.isoformat(timespec="seconds"), _whole(local),
        words.duration(sign * (now - at)),
    )  # fmt: skip


def _whole(local: dt.datetime) -> str:
    return f"{local:%d %b %Y %H:%M:%S %Z}"
