"""What a person fills in to give an order; the rules of taking it are in ``failover.orders``."""

from __future__ import annotations

from typing import Any

from django import forms

from failover.models import OrderKind
from failover.orders import DEFAULT_SECS, REASON_LENGTH, TAKES_PATH, TAKES_TIME, Wanted

DURATIONS = [
    ("900", "15 minutes"),
    ("3600", "1 hour"),
    ("14400", "4 hours"),
    ("86400", "1 day"),
    ("604800", "7 days"),
    ("", "until it is released"),
]


class OrderForm(forms.Form):
    """One order; the fields that its kind does not take are left out."""

    path = forms.IntegerField(
        min_value=1,
        max_value=2**63 - 1,
        error_messages={"required": "Choose the path that is to carry the traffic."},
    )
    expires_in = forms.TypedChoiceField(
        choices=DURATIONS, coerce=int, empty_value=None, required=False, initial=str(DEFAULT_SECS)
    )
    unless_dead = forms.BooleanField(required=False, initial=True)
    reason = forms.CharField(
        max_length=REASON_LENGTH,
        error_messages={"required": "Say why: the reason is kept with the event."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "e.g. carrier ticket"}),
    )
    expected_generation = forms.IntegerField(min_value=0, max_value=2**63 - 1)

    def __init__(self, kind: OrderKind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        if kind not in TAKES_PATH:
            del self.fields["path"]
        if kind not in TAKES_TIME:
            del self.fields["expires_in"]
        if kind != OrderKind.PIN:
            del self.fields["unless_dead"]

    def wanted(self) -> Wanted:
        """What was filled in; only after it was found valid."""
        values = self.cleaned_data
        return Wanted(
            kind=self.kind,
            reason=values["reason"],
            path_id=values.get("path"),
            lasts_secs=values.get("expires_in", DEFAULT_SECS),
            unless_dead=values.get("unless_dead", True),
            expected_generation=values["expected_generation"],
        )

    def take_refusal(self, field: str, message: str) -> None:
        """Show a refusal at the field it is about."""
        self.add_error(field if field in self.fields else None, message)
