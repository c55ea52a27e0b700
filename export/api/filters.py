"""The filters of the lists. A value that makes no sense is refused with the cure, never ignored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field

from export.api.descriptions import STATUSES
from export.moments import parse_moment
from failover.models import FailoverEvent, FailoverPolicy
from failover.models.events import EventType
from health.models import Path, Site, Uplink

LARGEST_ID = 2**63 - 1
"""No database knows a larger one; SQLite does not even look."""
_ID = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}
_SWITCH = {"true": True, "false": False}
MOMENT_SCHEMA = {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]}


def _refusal(text: str) -> ValidationError:
    # As a parameter: django-filter formats messages, and a value may have a % in it.
    return ValidationError("%(text)s", params={"text": text})


class _IdField(forms.Field):
    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        text = str(value)
        if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) <= LARGEST_ID):
            raise _refusal(f"{text!r} is no id; write a whole number from 1 up.")
        return int(text)


class _MomentField(forms.Field):
    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            return parse_moment(str(value))
        except ValueError as error:
            raise _refusal(str(error)) from None


class _IdFilter(django_filters.Filter):
    field_class = _IdField


class _MomentFilter(django_filters.Filter):
    field_class = _MomentField


def _id(field_name: str, label: str) -> django_filters.Filter:
    return extend_schema_field(_ID)(_IdFilter(field_name=field_name, help_text=label))


def _choice(
    field_name: str,
    label: str,
    values: Sequence[str],
    *,
    coerce: Callable[[str], object] = str,
    schema: dict[str, Any] | None = None,
) -> django_filters.Filter:
    made = django_filters.TypedChoiceFilter(
        field_name=field_name,
        help_text=label,
        choices=[(value, value) for value in values],
        coerce=coerce,
        error_messages={
            "invalid_choice": "'%(value)s' is not known; use one of: " + ", ".join(values) + "."
        },
    )
    return extend_schema_field(schema or {"type": "string", "enum": list(values)})(made)


def _enabled() -> django_filters.Filter:
    return _choice(
        "enabled",
        "Only enabled (true) or disabled (false) rows.",
        tuple(_SWITCH),
        coerce=_SWITCH.__getitem__,
        schema={"type": "boolean"},
    )


def _name() -> django_filters.Filter:
    return extend_schema_field({"type": "string", "minLength": 1})(
        django_filters.CharFilter(field_name="name", help_text="The exact name.", strip=False)
    )


class SiteFilter(django_filters.FilterSet):
    """Sites by name."""

    name = _name()

    class Meta:
        model = Site
        fields: list[str] = []


class UplinkFilter(django_filters.FilterSet):
    """Uplinks by name and site."""

    name = _name()
    site = _id("vantage__site", "Id of the site of the probe host.")

    class Meta:
        model = Uplink
        fields: list[str] = []


class PathFilter(django_filters.FilterSet):
    """Paths by place, name, switch and present status (annotated by the view)."""

    name = _name()
    site = _id("uplink__vantage__site", "Id of the site that the path is probed from.")
    uplink = _id("uplink", "Id of the uplink.")
    enabled = _enabled()
    status = _choice("status", "The present status.", STATUSES)

    class Meta:
        model = Path
        fields: list[str] = []


class PolicyFilter(django_filters.FilterSet):
    """Policies by name and switch."""

    name = _name()
    enabled = _enabled()

    class Meta:
        model = FailoverPolicy
        fields: list[str] = []


class EventFilter(django_filters.FilterSet):
    """Events by policy, path (left or entered), type and time."""

    policy = _id("policy", "Id of the policy.")
    path = extend_schema_field(_ID)(
        _IdFilter(method="of_path", help_text="Id of the path that was left or entered.")
    )
    type = _choice("event_type", "What happened.", EventType.values)
    since = extend_schema_field(MOMENT_SCHEMA)(
        _MomentFilter(
            field_name="timestamp",
            lookup_expr="gte",
            help_text="From this moment on: ISO 8601 with a zone, or seconds since 1970.",
        )
    )
    until = extend_schema_field(MOMENT_SCHEMA)(
        _MomentFilter(
            field_name="timestamp",
            lookup_expr="lt",
            help_text="Before this moment: ISO 8601 with a zone, or seconds since 1970.",
        )
    )

    class Meta:
        model = FailoverEvent
        fields: list[str] = []

    def of_path(
        self, events: QuerySet[FailoverEvent], name: str, path_id: int
    ) -> QuerySet[FailoverEvent]:
        """Events that left or entered the path."""
        return events.filter(Q(from_path=path_id) | Q(to_path=path_id))
