"""A person's order to probe a path now: who asked, who carries it out, what came of it.

The way between the process that takes the order (web) and the host that can carry it out
(the vantage's own cluster): a row, because the two may share nothing but the database.
No statistics of a path are made from these probes.
"""

from __future__ import annotations

import uuid

from django.db import models

from health.models.paths import Path


class OrderState(models.TextChoices):
    """How far an order has come."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """The host cannot probe; ``detail`` says why and what cures it."""
    EXPIRED = "expired"
    """Nobody carried it out in time; it never will be."""


class ProbeOrder(models.Model):
    """One measurement on demand; times in seconds since 1970, UTC.

    ``result`` holds what has been measured so far, as ``health.on_demand`` writes it.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    path = models.ForeignKey(Path, on_delete=models.CASCADE, related_name="probe_orders")
    actor = models.CharField(max_length=150)
    count = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=OrderState.choices, default=OrderState.QUEUED)
    asked_at = models.FloatField(db_index=True)
    started_at = models.FloatField(null=True)
    ended_at = models.FloatField(null=True)
    result = models.JSONField(default=dict)
    detail = models.CharField(max_length=400, blank=True)

    class Meta:
        db_table = "sdwan_probe_orders"
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["path"],
                condition=models.Q(state__in=[OrderState.QUEUED, OrderState.RUNNING]),
                name="one_probe_order_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.path_id} by {self.actor}: {self.state}"
