"""Who runs the monitor loop of a vantage; the rules of taking it are in ``monitoring.lease``."""

from __future__ import annotations

from django.db import models

from health.models.inventory import Vantage


class MonitorLease(models.Model):
    """One row per vantage. ``epoch`` grows with every holder and is the fencing token."""

    vantage = models.OneToOneField(
        Vantage, primary_key=True, on_delete=models.CASCADE, related_name="lease"
    )
    holder = models.CharField(max_length=100, blank=True, help_text="Empty: released.")
    host = models.CharField(max_length=100, blank=True)
    boot_id = models.CharField(max_length=64, blank=True)
    pid = models.PositiveIntegerField(default=0)
    pid_started = models.FloatField(default=0, help_text="Start of it; seconds since boot.")
    epoch = models.PositiveBigIntegerField(default=0)
    successor = models.CharField(max_length=100, blank=True, help_text="Who asked to take over.")
    acquired_at = models.FloatField(default=0, help_text="Seconds since 1970, UTC.")
    renewed_at = models.FloatField(default=0, help_text="Seconds since 1970, UTC.")
    expires_at = models.FloatField(default=0, help_text="Seconds since 1970, UTC.")
    paths = models.PositiveIntegerField(default=0, help_text="Paths in the loop.")
    probes_per_sec = models.FloatField(default=0)
    lag_secs = models.FloatField(
        default=0, help_text="How late the loop was at worst, last second."
    )
    overruns_total = models.PositiveBigIntegerField(default=0)
    figures = models.JSONField(default=dict, help_text="What the loop tells about itself.")
    notes = models.JSONField(default=dict, help_text="Faults of this host that probing met.")

    class Meta:
        db_table = "sdwan_monitor_leases"

    def __str__(self) -> str:
        return f"{self.vantage_id}: {self.holder or 'free'} (epoch {self.epoch})"
