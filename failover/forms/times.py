"""Forms of the admin about times: maintenance windows and pins.

Times are read and shown in the time zone of the person, which each help text names.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone

from failover.models import FailoverPolicy, MaintenanceWindow, Override, PolicyMember, Repeats
from failover.orders import DEFAULT_SECS, LONGEST_SECS, REASON_LENGTH, SHORTEST_SECS

if TYPE_CHECKING:
    MaintenanceModelForm = forms.ModelForm[MaintenanceWindow]
    PinModelForm = forms.ModelForm[Override]
else:  # generic for the type checker only
    MaintenanceModelForm = PinModelForm = forms.ModelForm

THINGS = ("path", "uplink", "site")


class MaintenanceWindowForm(MaintenanceModelForm):
    """A planned time of one path, uplink or site."""

    class Meta:
        model = MaintenanceWindow
        fields = "__all__"  # the admin's fieldsets choose

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = timezone.get_current_timezone_name()
        for name in ("starts_at", "ends_at"):
            if name in self.fields:
                told = self.fields[name].help_text
                self.fields[name].help_text = f"In your time zone, {zone}. {told}".strip()

    def clean(self) -> dict[str, Any]:
        """What the fields say together, each problem at the field that cures it."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        self._clean_thing(values)
        begin, end = values.get("starts_at"), values.get("ends_at")
        if begin is None or end is None:
            return values
        if end <= begin:
            self.add_error(
                "ends_at",
                f"{_local(end)} is not after the start, {_local(begin)}: choose a later time.",
            )
        elif self._comes_too_late(values):
            self.add_error(
                "ends_at",
                f"{_local(end)} has passed, so the window would change nothing: choose times to "
                "come, or let it repeat.",
            )
        if values.get("last_day") is not None and values.get("repeats") == Repeats.NONE:
            self.add_error(
                "last_day",
                f"{values['last_day']} is given, but the window does not repeat: choose every day "
                "or every week, or leave the last day empty.",
            )
        return values

    def _clean_thing(self, values: dict[str, Any]) -> None:
        chosen = [name for name in THINGS if values.get(name) is not None]
        if any(name in self.errors for name in THINGS) or len(chosen) == 1:
            return
        if not chosen:
            self.add_error("path", "Nothing is chosen: choose one path, uplink or site.")
        for name in chosen[1:]:
            self.add_error(
                name,
                f"{values[name]} is chosen beside {values[chosen[0]]}: a window is of exactly one "
                "of path, uplink and site; make a window for each.",
            )

    def _comes_too_late(self, values: dict[str, Any]) -> bool:
        # Only a new one: an old window may get a better name.
        if self.instance.pk or values.get("repeats") != Repeats.NONE:
            return False
        return bool(values["ends_at"] <= timezone.now())  # noqa: TID251 - the edge


class PinForm(PinModelForm):
    """An order to pin; the monitor carries it out, or says why it does not."""

    class Meta:
        model = Override
        fields = ["policy", "path", "reason", "expires_at", "unless_dead"]
        widgets = {"reason": forms.TextInput(attrs={"size": 60, "maxlength": REASON_LENGTH})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expires_at" not in self.fields:
            return  # looked at, not ordered
        zone, now = timezone.get_current_timezone_name(), timezone.now()  # noqa: TID251 - the edge
        self.fields["expires_at"].initial = now + dt.timedelta(seconds=DEFAULT_SECS)
        self.fields["expires_at"].help_text = f"In your time zone, {zone}. Empty: until released."
        self.fields["policy"].queryset = FailoverPolicy.objects.filter(enabled=True)  # type: ignore[attr-defined]  # a choice of models
        self.fields["path"].help_text = "A member of the policy; it must answer at that moment."
        self.fields["reason"].help_text = "Kept with the event and shown beside the policy."
        self.lasts_secs: int | None = None

    def clean(self) -> dict[str, Any]:
        """The path belongs to the policy, and the pin ends in the future."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        policy, path, end = values.get("policy"), values.get("path"), values.get("expires_at")
        if policy is not None and path is not None:
            members = PolicyMember.objects.filter(policy=policy).order_by("position")
            names = dict(members.values_list("path_id", "path__name"))
            if path.pk not in names:
                known = ", ".join(names.values()) or "none"
                self.add_error(
                    "path", f"{path.name} is no member of {policy.name}: choose one of {known}."
                )
        if end is not None:
            self._clean_end(end)
        return values

    def _clean_end(self, end: dt.datetime) -> None:
        now = timezone.now()  # noqa: TID251 - the edge
        secs = round((end - now).total_seconds())
        if not SHORTEST_SECS <= secs <= LONGEST_SECS:
            earliest = now + dt.timedelta(seconds=SHORTEST_SECS)
            latest = now + dt.timedelta(seconds=LONGEST_SECS)
            self.add_error(
                "expires_at",
                f"{_local(end)} is not between {_local(earliest)} and {_local(latest)}: choose a "
                "time in between, or leave it empty to hold until somebody releases the pin.",
            )
        self.lasts_secs = secs

    def validate_constraints(self) -> None:
        """A new pin takes the place of an open one; the row is the monitor's."""


def _local(moment: dt.datetime) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M")
