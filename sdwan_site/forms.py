"""Forms about the person who is signed in. Whatever an administrator sets is in the admin."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING

from django import forms

from sdwan_site.models import User


def zone_choices() -> list[tuple[str, str]]:
    """Every zone of this host's database, the server's own first."""
    return [("", "As on the server"), *((name, name) for name in sorted(_zones()))]


def _zones() -> set[str]:
    return {name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC"}


if TYPE_CHECKING:
    UserModelForm = forms.ModelForm[User]
else:  # generic for the type checker only
    UserModelForm = forms.ModelForm


class TimeZoneForm(UserModelForm):
    """The zone in which the person reads times."""

    time_zone = forms.ChoiceField(choices=zone_choices, required=False, label="Time zone")

    class Meta:
        model = User
        fields = ["time_zone"]
