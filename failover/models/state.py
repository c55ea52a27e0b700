"""What a policy remembers and what people told it: state, overrides, maintenance windows."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from failover.models.policies import FailoverPolicy
from failover.models.validators import validate_time_zone
from health.models import Path, Site, Uplink


class FailoverState(models.Model):
    """The durable state of one policy; changed by compare-and-swap on ``generation`` only."""

    policy = models.OneToOneField(
        FailoverPolicy, primary_key=True, on_delete=models.CASCADE, related_name="state"
    )
    generation = models.PositiveBigIntegerField(default=0)
    active_path = models.ForeignKey(
        Path, null=True, on_delete=models.SET_NULL, related_name="+", help_text="Carries traffic."
    )
    active_since = models.DateTimeField(null=True)
    phase = models.CharField(max_length=20, default="settled")
    reason = models.CharField(max_length=300, blank=True, help_text="The last judgement in words.")
    failover_count = models.PositiveIntegerField(default=0)
    last_failover = models.DateTimeField(null=True)
    primary_healthy_since = models.DateTimeField(null=True)
    record = models.JSONField(
        default=dict, help_text="The domain state, times as seconds since 1970, UTC."
    )
    judgement = models.JSONField(
        default=dict, help_text="Candidates with their first failing gate, and countdowns."
    )
    evaluated_at = models.DateTimeField(null=True)
    lease_epoch = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_failover_states"

    def __str__(self) -> str:
        return f"{self.policy_id}: path {self.active_path_id}, generation {self.generation}"


class Override(models.Model):
    """A pin: a person holds a policy on one member until it expires or is released."""

    policy = models.ForeignKey(FailoverPolicy, on_delete=models.CASCADE, related_name="overrides")
    path = models.ForeignKey(Path, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=200)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until released.")
    unless_dead = models.BooleanField(default=True, help_text="A dead path is left all the same.")
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "sdwan_overrides"
        ordering = ["-created_at"]
        verbose_name = "pin"
        constraints = [
            models.UniqueConstraint(
                fields=["policy"],
                condition=Q(released_at__isnull=True),
                name="one_open_pin_per_policy",
                violation_error_message="The policy is pinned already; release that pin first.",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="pin_reason_not_empty",
                violation_error_message="Say why the policy is pinned.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} pinned to {self.path_id}"


class Repeats(models.TextChoices):
    """How often planned work comes back; see ``failover.domain.calendar``."""

    NONE = "none", "Once"
    DAILY = "daily", "Every day"
    WEEKLY = "weekly", "Every week"


class MaintenanceWindow(models.Model):
    """A planned time in which a path, an uplink or a site is not to be used."""

    name = models.CharField(max_length=100)
    site = models.ForeignKey(Site, null=True, blank=True, on_delete=models.CASCADE)
    uplink = models.ForeignKey(Uplink, null=True, blank=True, on_delete=models.CASCADE)
    path = models.ForeignKey(Path, null=True, blank=True, on_delete=models.CASCADE)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text="The paths may be used again from here on.")
    repeats = models.CharField(
        max_length=10,
        choices=Repeats,
        default=Repeats.NONE,
        help_text="Daily or weekly: at the same local time as the first one.",
    )
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[validate_time_zone],
        help_text="By whose clock it repeats, such as Europe/Berlin. Empty: the zone of this "
        "installation.",
    )
    last_day = models.DateField(
        null=True, blank=True, help_text="The last day on which it begins. Empty: no end."
    )
    reason = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_maintenance_windows"
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")),
                name="maintenance_starts_before_end",
                violation_error_message="The window must end after it starts.",
            ),
            models.CheckConstraint(
                condition=(
                    Q(site__isnull=False, uplink__isnull=True, path__isnull=True)
                    | Q(site__isnull=True, uplink__isnull=False, path__isnull=True)
                    | Q(site__isnull=True, uplink__isnull=True, path__isnull=False)
                ),
                name="maintenance_of_exactly_one_thing",
                violation_error_message="Choose exactly one of site, uplink and path.",
            ),
            models.CheckConstraint(
                condition=Q(last_day__isnull=True) | ~Q(repeats="none"),
                name="maintenance_last_day_of_repeated",
                violation_error_message="A last day needs a window that repeats: choose daily or "
                "weekly, or leave the last day empty.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A repeated window must be over before it comes back, and must come at all."""
        if self.starts_at is None or self.ends_at is None or self.ends_at <= self.starts_at:
            return  # the field or the constraint says so
        period = {Repeats.DAILY: 1, Repeats.WEEKLY: 7}.get(Repeats(self.repeats), 0)
        if period and self.ends_at - self.starts_at > dt.timedelta(days=period):
            hours = (self.ends_at - self.starts_at).total_seconds() / 3600
            raise ValidationError(
                {
                    "ends_at": f"The window lasts {hours:g} hours, longer than the {period * 24} "
                    "after which it begins again: end it earlier, or repeat it less often."
                }
            )
        if period and self.last_day is not None and self.last_day < self.starts_at.date():
            raise ValidationError(
                {
                    "last_day": f"{self.last_day} is before the first window begins "
                    f"({self.starts_at.date()}): choose a later day, or none."
                }
            )
