"""Forms of the admin for policies; the rules are in ``failover.validation``.

A policy and its members and routes are one thing: the form set of the members judges them
together, and hands every problem to the field that it is about.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from django import forms
from django.forms.models import BaseInlineFormSet

from failover.control.enabling import refusals
from failover.domain.calendar import WeeklySchedule, parse_windows
from failover.domain.policy import Problem
from failover.models import FailoverPolicy, PolicyMember, PolicyRoute
from failover.selectors import policy_spec_over
from failover.validation import PolicyDraft, policy_problems, policy_warnings
from health.models import Path
from health.validation import name_problems

if TYPE_CHECKING:
    PolicyModelForm = forms.ModelForm[FailoverPolicy]
    MemberModelForm = forms.ModelForm[PolicyMember]
    MemberBaseFormSet = BaseInlineFormSet[PolicyMember, FailoverPolicy, "MemberForm"]
    RouteBaseFormSet = BaseInlineFormSet[PolicyRoute, FailoverPolicy, forms.ModelForm[PolicyRoute]]
else:  # generic for the type checker only
    PolicyModelForm = MemberModelForm = forms.ModelForm
    MemberBaseFormSet = RouteBaseFormSet = BaseInlineFormSet


class WishedMember(NamedTuple):
    """A member as the forms ask for it; ``schedule`` as ``parse_windows`` writes it."""

    path: Path
    schedule: str


class PolicyForms:
    """The forms of one request that make up one policy."""

    def __init__(self) -> None:
        self.policy: PolicyForm | None = None
        self.routes: RouteFormSet | None = None

    def hand_out(self, problems: list[Problem]) -> list[str]:
        """Give each problem to the form that has its field; the rest is about the members."""
        about_members: list[str] = []
        for field, message in problems:
            if field == "routes" and self.routes is not None:
                self.routes.non_form_errors().append(forms.ValidationError(message))
            elif self.policy is not None and field in self.policy.fields:
                self.policy.add_error(field, message)
            else:
                about_members.append(message)
        # Never empty: an invalid member form is what keeps the policy from being saved.
        return about_members or ["The members stay as they are until the rest is right."]


class PolicyForm(PolicyModelForm):
    """A policy without members and routes."""

    together: PolicyForms | None = None
    """Set by the admin for each request."""

    class Meta:
        model = FailoverPolicy
        fields = "__all__"  # the admin's fieldsets choose

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.together is not None:
            self.together.policy = self

    def clean_name(self) -> str:
        """Without spaces around it, and not empty."""
        name = str(self.cleaned_data["name"]).strip()
        for _, message in name_problems(name, "policy"):
            raise forms.ValidationError(message)
        return name

    def clean_failback_window(self) -> str:
        """As the product writes windows."""
        try:
            return _written(self.cleaned_data["failback_window"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        """What the fields say together; members and routes are judged by ``MemberFormSet``."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        low, high = values.get("failover_threshold"), values.get("failback_threshold")
        if low is not None and high is not None and low >= high:
            self.add_error(
                "failback_threshold",
                f"{high:g} must be above the failover threshold {low:g}, otherwise traffic would "
                "move to and fro.",
            )
        return values


class MemberForm(MemberModelForm):
    """One member; the order is a number that may be left out."""

    order = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=999,
        help_text="0 is the primary. Empty: after the others.",
    )

    class Meta:
        model = PolicyMember
        fields = ["path", "schedule"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["order"].initial = self.instance.position

    def validate_unique(self) -> None:
        """Members are replaced as a whole: what they were does not matter."""

    def validate_constraints(self) -> None:
        """Members are replaced as a whole: what they were does not matter."""


class MemberFormSet(MemberBaseFormSet):
    """The members of a policy in their order; cleaned first, it judges the whole policy."""

    def __init__(self, *args: Any, together: PolicyForms | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.together = together or PolicyForms()
        self.warnings: list[str] = []

    def clean(self) -> None:
        """Refuse what policy, members and routes say only together, each at its own form."""
        super().clean()
        form, routes = self.together.policy, self.together.routes
        if any(self.errors) or form is None or form.errors:
            return
        if routes is None or not routes.is_valid():
            return
        draft = draft_of(self.instance, self, routes)
        now = time.time()  # noqa: TID251 - the edge: one policy is judged at one moment
        problems = policy_problems(draft, now=now) or refusals(
            self.instance, draft.members, draft.routes
        )
        if problems:
            raise forms.ValidationError(self.together.hand_out(problems))
        self.warnings = policy_warnings(draft, now=now)

    def validate_unique(self) -> None:
        """Duplicates are told by ``failover.validation`` in its own words."""

    def ordered_members(self) -> list[WishedMember]:
        """The wished members, the primary first; paths are loaded with what the rules need."""
        wanted = [
            (
                values["order"] if values.get("order") is not None else 10_000,
                n,
                values["path"].pk,
                _written(values.get("schedule")),
            )
            for n, form in enumerate(self.forms)
            if (values := getattr(form, "cleaned_data", None))
            and values.get("path")
            and not values.get("DELETE")
        ]
        paths = Path.objects.select_related(
            "uplink__vantage", "probe_profile", "sla_profile"
        ).in_bulk([key for _, _, key, _ in wanted])
        return [WishedMember(paths[key], schedule) for _, _, key, schedule in sorted(wanted)]


class RouteFormSet(RouteBaseFormSet):
    """The routes of a policy; ``MemberFormSet`` judges them with the rest."""

    def __init__(self, *args: Any, together: PolicyForms | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if together is not None:
            together.routes = self

    def wanted_routes(self) -> list[PolicyRoute]:
        """The wished routes, as rows that are not saved yet."""
        return [
            form.instance
            for form in self.forms
            if getattr(form, "cleaned_data", None) and not form.cleaned_data.get("DELETE")
        ]


def draft_of(policy: FailoverPolicy, members: MemberFormSet, routes: RouteFormSet) -> PolicyDraft:
    """What the three forms ask for together; ``policy`` carries the form's values unsaved."""
    paths = [member.path for member in members.ordered_members()]
    stored = FailoverPolicy.objects.filter(pk=policy.pk).prefetch_related("members").first()
    spec = policy_spec_over(policy, paths)
    same_primary = (
        stored is not None
        and stored.enabled
        and bool(paths)
        and [m.path_id for m in stored.members.all() if m.position == 0] == [paths[0].pk]
        and stored.failback_threshold >= policy.failback_threshold
    )
    return PolicyDraft(
        spec=spec,
        members=paths,
        routes=routes.wanted_routes(),
        executor=policy.executor,
        was_enabled=same_primary,
    )


def _written(windows: str | None) -> str:
    return str(WeeklySchedule(parse_windows(windows or "")))
