"""A person's order to a policy: who asked for what, until when it is good, what came of it.

The way between the process that takes the order (web) and the monitor that alone decides
and moves traffic. A row here moves nothing; what was carried out is told by its event.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from failover.models.events import FailoverEvent
from failover.models.policies import FailoverPolicy
from health.models import Path


class OrderKind(models.TextChoices):
    """What can be ordered; the rules are in ``failover.domain.operators``."""

    FAILOVER = "failover", "Fail over"
    FAILBACK = "failback", "Fail back"
    PIN = "pin", "Pin"
    UNPIN = "unpin", "Release the pin"
    PAUSE = "pause", "Pause"
    RESUME = "resume", "Resume"


class OrderStage(models.TextChoices):
    """How far an order has come."""

    QUEUED = "queued"
    DONE = "done"
    """Committed together with its event."""
    REFUSED = "refused"
    """The rules do not allow it; ``detail`` says why and what would help."""
    EXPIRED = "expired"
    """The monitor did not take it in time; it never will be carried out."""


class OperatorOrder(models.Model):
    """One order; at most one of a policy is open at a time.

    ``lasts_secs`` is how long a pin or pause is to hold (None: until it is released).
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    policy = models.ForeignKey(FailoverPolicy, on_delete=models.CASCADE, related_name="orders")
    kind = models.CharField(max_length=10, choices=OrderKind)
    # Cascade: without its path an order to fail over would mean any path.
    path = models.ForeignKey(Path, null=True, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=200)
    lasts_secs = models.PositiveIntegerField(null=True)
    unless_dead = models.BooleanField(default=True)
    expected_generation = models.PositiveBigIntegerField(null=True)
    actor = models.CharField(max_length=150)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Not carried out any more from then on.")
    stage = models.CharField(max_length=10, choices=OrderStage, default=OrderStage.QUEUED)
    ended_at = models.DateTimeField(null=True)
    detail = models.CharField(max_length=500, blank=True)
    event = models.ForeignKey(FailoverEvent, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        db_table = "sdwan_operator_orders"
        ordering = ["-asked_at"]
        verbose_name = "order"
        indexes = [models.Index(fields=["stage", "asked_at"], name="order_stage_time")]
        constraints = [
            models.UniqueConstraint(
                fields=["policy"],
                condition=Q(stage=OrderStage.QUEUED),
                name="one_open_order_per_policy",
            ),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="order_reason_not_empty",
                violation_error_message="Say why; the reason is kept with the event.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.policy_id} by {self.actor}: {self.stage}"
