"""Forms of the admin for paths; the rules are in ``health.validation``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.models import BaseInlineFormSet

from health.domain.probe_budget import BudgetTarget, metered_warning, probe_budget
from health.models import Path, PathTarget
from health.probers.asked import Asked
from health.validation import PathDraft, TargetDraft, name_problems, path_problems, path_warnings

if TYPE_CHECKING:
    PathModelForm = forms.ModelForm[Path]
    TargetBaseFormSet = BaseInlineFormSet[PathTarget, Path, forms.ModelForm[PathTarget]]
else:  # generic for the type checker only
    PathModelForm, TargetBaseFormSet = forms.ModelForm, BaseInlineFormSet


class PathForm(PathModelForm):
    """A path without its targets; what concerns both is checked by ``TargetFormSet``."""

    class Meta:
        model = Path
        fields = "__all__"  # the admin's fieldsets choose
        widgets = {"notes": forms.Textarea(attrs={"rows": 3})}

    def clean_name(self) -> str:
        """Without spaces around it, and not empty."""
        name = str(self.cleaned_data["name"]).strip()
        for _, message in name_problems(name, "path"):
            raise forms.ValidationError(message)
        return name


class TargetFormSet(TargetBaseFormSet):
    """The targets of a path, judged together with the path they belong to.

    After cleaning, ``warnings`` are what works but deserves a word.
    """

    warnings: Sequence[str] = ()

    def clean(self) -> None:
        """Refuse what no single target can see."""
        super().clean()
        if any(self.errors):
            return
        path = self.instance
        draft = PathDraft(
            name=path.name or "-",
            kind=path.kind,
            quorum=path.quorum,
            leads_to_internet=path.destination_id is None,
            targets=[TargetDraft(v["address"], v.get("port"), _asked(v)) for v in self._wanted()],
        )
        problems = [message for _, message in path_problems(draft)]
        if problems:
            raise forms.ValidationError(problems)
        self.warnings = [*path_warnings(draft), *self._budget_warnings()]

    def _budget_warnings(self) -> list[str]:
        """What the probes cost is worth a word where bytes are paid for."""
        path = self.instance
        uplink = getattr(path, "uplink", None)
        profile = getattr(path, "probe_profile", None)
        if uplink is None or profile is None or not uplink.metered:
            return []
        targets = [
            BudgetTarget(values["address"], profile.interval_ms, values.get("request") or "")
            for values in self._wanted()
        ]
        warning = metered_warning(probe_budget(path.kind, targets))
        return [warning] if warning else []

    def _wanted(self) -> list[dict[str, Any]]:
        return [
            form.cleaned_data
            for form in self.forms
            if form.cleaned_data.get("address") and not form.cleaned_data.get("DELETE")
        ]


def _asked(values: dict[str, Any]) -> Asked:
    return Asked(
        values.get("port"),
        values.get("request") or "",
        values.get("expected_text") or "",
        values.get("expected_status"),
    )
