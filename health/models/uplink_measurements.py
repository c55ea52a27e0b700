"""What the uplinks themselves did: their state now, and the traffic of their interfaces.

Written by ``health.monitoring`` with raw statements; the models are there to read them.
"""

from __future__ import annotations

from django.db import models

from health.domain.uplink_state import LinkState, RouteState
from health.models.inventory import Uplink

LINK_CHOICES = [(state.value, state.value) for state in LinkState]
ROUTE_CHOICES = [(state.value, state.value) for state in RouteState]


class CurrentUplink(models.Model):
    """An uplink as its vantage sees it now; times in seconds since 1970, UTC.

    The totals run on over restarts of the monitor and resets of the kernel's
    counters; the rates are those of the last slot of 10 s, in bits per second.
    """

    uplink = models.OneToOneField(
        Uplink, primary_key=True, on_delete=models.CASCADE, related_name="current"
    )
    updated_at = models.FloatField()
    link = models.CharField(max_length=10, choices=LINK_CHOICES, default=LinkState.UNKNOWN)
    route = models.CharField(max_length=10, choices=ROUTE_CHOICES, default=RouteState.NOT_NEEDED)
    route6 = models.CharField(max_length=10, choices=ROUTE_CHOICES, default=RouteState.NOT_NEEDED)
    interface = models.CharField(max_length=15, blank=True)
    source = models.CharField(max_length=45, blank=True)
    source6 = models.CharField(max_length=45, blank=True)
    gateway = models.CharField(max_length=45, blank=True)
    gateway6 = models.CharField(max_length=45, blank=True)
    detail = models.CharField(max_length=400, blank=True)
    receive_bps = models.FloatField(null=True)
    transmit_bps = models.FloatField(null=True)
    receive_bytes = models.PositiveBigIntegerField(default=0)
    transmit_bytes = models.PositiveBigIntegerField(default=0)
    receive_packets = models.PositiveBigIntegerField(default=0)
    transmit_packets = models.PositiveBigIntegerField(default=0)
    receive_errors = models.PositiveBigIntegerField(default=0)
    transmit_errors = models.PositiveBigIntegerField(default=0)
    receive_drops = models.PositiveBigIntegerField(default=0)
    transmit_drops = models.PositiveBigIntegerField(default=0)
    counted_at = models.FloatField(null=True, help_text="When the counters were last read.")
    baseline = models.JSONField(
        default=dict, editable=False, help_text="The kernel's counters of then; totals go on here."
    )

    class Meta:
        db_table = "sdwan_uplink_current"
        verbose_name_plural = "current uplinks"

    def __str__(self) -> str:
        return f"{self.uplink_id}: {self.link}"


class UplinkTraffic(models.Model):
    """What one uplink carried in one slot of 10 seconds; the key leads with time.

    Counts are what was added in the slot, ``secs`` how much of it was observed.
    """

    timestamp = models.PositiveIntegerField(help_text="Start of the slot; seconds since 1970, UTC.")
    uplink = models.ForeignKey(
        Uplink,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="traffic",
    )
    secs = models.FloatField()
    receive_bytes = models.PositiveBigIntegerField()
    transmit_bytes = models.PositiveBigIntegerField()
    receive_packets = models.PositiveBigIntegerField()
    transmit_packets = models.PositiveBigIntegerField()
    receive_errors = models.PositiveBigIntegerField()
    transmit_errors = models.PositiveBigIntegerField()
    receive_drops = models.PositiveBigIntegerField()
    transmit_drops = models.PositiveBigIntegerField()

    class Meta:
        db_table = "sdwan_uplink_traffic"
        ordering = ["-timestamp", "uplink"]
        verbose_name = "traffic sample"
        constraints = [
            models.UniqueConstraint(
                fields=["timestamp", "uplink"], name="traffic_time_uplink_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.uplink_id} at {self.timestamp}"
