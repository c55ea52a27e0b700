"""The filter of the events page: choices from the database, moments in the reader's zone."""

from __future__ import annotations

from typing import Any

from django import forms

from failover.console.timeline import Cursor, TimelineFilter, kind_choices
from failover.models import FailoverPolicy
from health.models import Path

MOMENT_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"]


class EventFilterForm(forms.Form):
    """What the address asks for; everything may be left out."""

    policy = forms.ModelChoiceField(
        FailoverPolicy.objects.only("name"), required=False, empty_label="Any policy"
    )
    path = forms.ModelChoiceField(Path.objects.only("name"), required=False, empty_label="Any path")
    type = forms.ChoiceField(required=False)
    since = forms.DateTimeField(
        required=False,
        input_formats=MOMENT_FORMATS,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT_FORMATS[0]),
    )
    until = forms.DateTimeField(
        required=False,
        input_formats=MOMENT_FORMATS,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT_FORMATS[0]),
    )
    before = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["type"].choices = [("", "Any type"), *kind_choices()]  # type: ignore[attr-defined]  # a ChoiceField

    def clean_before(self) -> Cursor | None:
        """A place in the list that a page has written into its link."""
        text = str(self.cleaned_data["before"])
        try:
            return Cursor.parse(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """A range that runs backwards is told, not guessed at."""
        values: dict[str, Any] = super().clean() or {}
        since, until = values.get("since"), values.get("until")
        if since and until and until < since:
            self.add_error("until", "Until lies before since; exchange the two.")
        return values

    def wanted(self) -> TimelineFilter:
        """What was asked for; only of a valid form."""
        values = self.cleaned_data
        return TimelineFilter(
            policy_id=values["policy"].pk if values["policy"] else None,
            path_id=values["path"].pk if values["path"] else None,
            kind=values["type"],
            since=values["since"].timestamp() if values["since"] else None,
            until=values["until"].timestamp() if values["until"] else None,
            before=values["before"],
        )
