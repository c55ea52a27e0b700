"""What was measured: the current health of each path, its samples, its changes of status.

Samples and current health are written by ``health.monitoring.writer`` with raw statements
(30 times cheaper than model objects); the models are there to read them.
A measurement that does not exist is null, never 0.
"""

from __future__ import annotations

from django.db import models

from health.domain.status import PathStatus
from health.models.paths import Path

STATUS_CHOICES = [(status.value, status.value) for status in PathStatus]


class CurrentHealth(models.Model):
    """The latest judgement about a path, at most one second old while a monitor runs."""

    path = models.OneToOneField(
        Path, primary_key=True, on_delete=models.CASCADE, related_name="current"
    )
    updated_at = models.FloatField(help_text="When written; seconds since 1970, UTC.")
    last_checked = models.FloatField(
        null=True, help_text="When a probe was last settled; seconds since 1970, UTC."
    )
    status = models.CharField(max_length=10, choices=STATUS_CHOICES)
    reason = models.CharField(max_length=20, blank=True)
    detail = models.CharField(max_length=300, blank=True)
    reachable = models.BooleanField(null=True)
    health_score = models.FloatField(null=True)
    latency_ms = models.FloatField(null=True)
    min_latency_ms = models.FloatField(null=True)
    max_latency_ms = models.FloatField(null=True)
    packet_loss_pct = models.FloatField(null=True)
    jitter_ms = models.FloatField(null=True)
    forward_loss_pct = models.FloatField(null=True, help_text="Lost on the way there (STAMP).")
    backward_loss_pct = models.FloatField(null=True, help_text="Lost on the way back (STAMP).")
    forward_jitter_ms = models.FloatField(null=True)
    backward_jitter_ms = models.FloatField(null=True)
    mos = models.FloatField(null=True, verbose_name="MOS (estimate)")
    sent = models.PositiveIntegerField(default=0)
    received = models.PositiveIntegerField(default=0)
    status_since = models.FloatField(help_text="When the status began; seconds since 1970, UTC.")
    probes_total = models.PositiveBigIntegerField(
        default=0, help_text="Probes settled since the path exists."
    )
    failures_total = models.JSONField(default=dict, help_text="Probes not answered, by reason.")
    targets = models.JSONField(default=list)
    spark = models.JSONField(
        default=list, help_text="Mean latency (ms) of the last 30 slots of 10 s."
    )
    strip = models.CharField(
        max_length=30, blank=True, help_text="Worst state of the last 30 slots of 2 min."
    )
    lease_epoch = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "sdwan_path_current"
        verbose_name_plural = "current health"

    def __str__(self) -> str:
        return f"{self.path_id}: {self.status}"


class HealthSample(models.Model):
    """One path in one slot of 10 seconds.

    The key leads with time: rows of a round land on the same pages, which is
    two hundred times less disk traffic than one page per path. There is no
    foreign key constraint, because deleting a path must not walk through
    millions of rows; retention removes them in time.
    """

    timestamp = models.PositiveIntegerField(help_text="Start of the slot; seconds since 1970, UTC.")
    path = models.ForeignKey(
        Path,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="samples",
    )
    sent = models.PositiveIntegerField()
    received = models.PositiveIntegerField()
    latency_ms = models.FloatField(null=True)
    min_latency_ms = models.FloatField(null=True)
    max_latency_ms = models.FloatField(null=True)
    packet_loss_pct = models.FloatField(null=True)
    jitter_ms = models.FloatField(null=True)
    forward_loss_pct = models.FloatField(null=True, help_text="Lost on the way there (STAMP).")
    backward_loss_pct = models.FloatField(null=True, help_text="Lost on the way back (STAMP).")
    forward_jitter_ms = models.FloatField(null=True)
    backward_jitter_ms = models.FloatField(null=True)
    health_score = models.FloatField(null=True)
    status = models.CharField(max_length=10, choices=STATUS_CHOICES)
    known_secs = models.PositiveSmallIntegerField(
        help_text="Seconds of the slot with a known status."
    )
    reachable_secs = models.PositiveSmallIntegerField(
        help_text="Seconds of the slot in which the path was reachable."
    )
    bad_secs = models.PositiveSmallIntegerField(
        help_text="Distinct seconds of the slot with a lost probe."
    )
    sketch = models.BinaryField(null=True, help_text="Distribution of the probes' RTTs.")

    class Meta:
        db_table = "sdwan_path_health"
        ordering = ["-timestamp", "path"]
        verbose_name = "sample"
        constraints = [
            models.UniqueConstraint(fields=["timestamp", "path"], name="sample_time_path_unique")
        ]

    def __str__(self) -> str:
        return f"{self.path_id} at {self.timestamp}"


class StatusChange(models.Model):
    """The moment a path's status or reachability changed, and why."""

    timestamp = models.FloatField(help_text="Seconds since 1970, UTC.")
    path = models.ForeignKey(Path, on_delete=models.CASCADE, related_name="status_changes")
    old_status = models.CharField(max_length=10, choices=STATUS_CHOICES)
    new_status = models.CharField(max_length=10, choices=STATUS_CHOICES)
    reachable = models.BooleanField(null=True)
    health_score = models.FloatField(null=True)
    reason = models.CharField(max_length=20, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "sdwan_status_changes"
        ordering = ["-timestamp", "-id"]
        indexes = [
            models.Index(fields=["timestamp"], name="status_change_time"),
            models.Index(fields=["path", "-timestamp"], name="status_change_path_time"),
        ]

    def __str__(self) -> str:
        return f"{self.path_id}: {self.old_status} → {self.new_status}"
