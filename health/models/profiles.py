"""How often to probe (ProbeProfile) and what is good enough (SlaProfile).

The built-in rows come by migration; operators may add their own.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

WEIGHT_TOLERANCE = 1e-6


class ProbeProfile(models.Model):
    """The rhythm of probing; all times in milliseconds, per target."""

    name = models.SlugField(max_length=40, unique=True)
    use = models.CharField(max_length=200, blank=True, help_text="What the profile is for.")
    interval_ms = models.PositiveIntegerField(
        validators=[MinValueValidator(50), MaxValueValidator(600_000)],
        help_text="Time between two probes to one target.",
    )
    burst_ms = models.PositiveIntegerField(
        validators=[MinValueValidator(10), MaxValueValidator(10_000)],
        help_text="Spacing of confirmation probes after a suspected loss.",
    )
    hold_ms = models.PositiveIntegerField(
        validators=[MinValueValidator(100), MaxValueValidator(60_000)],
        help_text="How long every probe must fail before a target is dead.",
    )
    timeout_ms = models.PositiveIntegerField(
        validators=[MinValueValidator(50), MaxValueValidator(10_000)],
        help_text="A probe without an answer after this time is lost.",
    )
    window_secs = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(10), MaxValueValidator(3600)],
        help_text="Length of the statistics window; never fewer than 60 probes.",
    )
    bad_seconds = models.PositiveSmallIntegerField(
        default=8,
        validators=[MinValueValidator(1), MaxValueValidator(600)],
        help_text="Distinct seconds with a bad probe that evidence of degradation needs.",
    )
    built_in = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_probe_profiles"
        ordering = ["interval_ms", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(interval_ms__gte=50, interval_ms__lte=600_000),
                name="probe_interval_in_range",
                violation_error_message="The interval must be between 50 ms and 10 min.",
            ),
            models.CheckConstraint(
                condition=Q(timeout_ms__gte=50, timeout_ms__lte=10_000),
                name="probe_timeout_in_range",
                violation_error_message="The timeout must be between 50 ms and 10 s.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SlaProfile(models.Model):
    """Limits above which latency, loss and jitter cost points, and their weights."""

    name = models.SlugField(max_length=40, unique=True)
    use = models.CharField(max_length=200, blank=True)
    latency_ms = models.FloatField(
        default=100.0, validators=[MinValueValidator(0.1), MaxValueValidator(60_000)]
    )
    packet_loss_pct = models.FloatField(
        default=2.0, validators=[MinValueValidator(0.01), MaxValueValidator(100)]
    )
    jitter_ms = models.FloatField(
        default=10.0, validators=[MinValueValidator(0.1), MaxValueValidator(60_000)]
    )
    latency_weight = models.FloatField(
        default=0.4, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    packet_loss_weight = models.FloatField(
        default=0.4, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    jitter_weight = models.FloatField(
        default=0.2, validators=[MinValueValidator(0), MaxValueValidator(1)]
    )
    built_in = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_sla_profiles"
        ordering = ["name"]
        verbose_name = "SLA profile"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    latency_weight__gte=1
                    - F("packet_loss_weight")
                    - F("jitter_weight")
                    - WEIGHT_TOLERANCE,
                    latency_weight__lte=1
                    - F("packet_loss_weight")
                    - F("jitter_weight")
                    + WEIGHT_TOLERANCE,
                ),
                name="sla_weights_sum_to_one",
                violation_error_message="The three weights must sum to 1.",
            ),
            models.CheckConstraint(
                condition=Q(latency_ms__gt=0, packet_loss_pct__gt=0, jitter_ms__gt=0),
                name="sla_limits_positive",
                violation_error_message="Every limit must be greater than 0.",
            ),
            models.CheckConstraint(
                condition=Q(latency_weight__gte=0, packet_loss_weight__gte=0, jitter_weight__gte=0),
                name="sla_weights_not_negative",
                violation_error_message="No weight may be negative.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Say what the weights sum to, instead of only that they don't sum to 1."""
        weights = (self.latency_weight, self.packet_loss_weight, self.jitter_weight)
        if None in weights:
            return
        total = sum(weights)
        if abs(total - 1) > WEIGHT_TOLERANCE:
            raise ValidationError(
                {"jitter_weight": f"The three weights sum to {total:.3g}; they must sum to 1."}
            )
