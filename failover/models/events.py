"""The audit trail: append-only events, and the outbox of what each still has to cause."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from failover.models.policies import FailoverPolicy
from health.models import Path


class EventType(models.TextChoices):
    """What happened to a policy."""

    TRIGGERED = "triggered", "Switch begun"
    COMPLETED = "completed", "Switch completed"
    FAILED = "failed", "Switch failed"
    SUPERSEDED = "superseded", "Switch superseded"
    NO_VIABLE_PATH = "no_viable_path", "No viable path"
    ALL_PATHS_DOWN = "all_paths_down", "All paths down"
    MONITOR_BLIND = "monitor_blind", "Monitor blind"
    DRIFT_REPAIRED = "drift_repaired", "Drift repaired"
    DRIFT_FAILED = "drift_failed", "Drift not repaired"
    PINNED = "pinned", "Pinned"
    PIN_EXPIRING = "pin_expiring", "Pin expires soon"
    UNPINNED = "unpinned", "Pin released"
    PAUSED = "paused", "Paused"
    RESUMED = "resumed", "Resumed"
    POLICY_ENABLED = "policy_enabled", "Policy enabled"
    POLICY_DISABLED = "policy_disabled", "Policy disabled"
    POLICY_CHANGED = "policy_changed", "Policy changed"


class Direction(models.TextChoices):
    """Which way a switch went; empty for events that are no switch."""

    FAILOVER = "failover", "Failover"
    FAILBACK = "failback", "Failback"
    OPERATOR = "operator", "By an operator"


class FailoverEvent(models.Model):
    """One fact about a policy. Rows are added, never changed; names outlive what they name.

    Only a traceroute is put to the evidence of a switch some seconds later.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    timestamp = models.DateTimeField()
    policy = models.ForeignKey(
        FailoverPolicy, null=True, on_delete=models.SET_NULL, related_name="events"
    )
    policy_uid = models.UUIDField()
    policy_name = models.CharField(max_length=100)
    event_type = models.CharField(max_length=20, choices=EventType)
    direction = models.CharField(max_length=10, choices=Direction, blank=True)
    from_path = models.ForeignKey(Path, null=True, on_delete=models.SET_NULL, related_name="+")
    from_path_name = models.CharField(max_length=100, blank=True)
    to_path = models.ForeignKey(Path, null=True, on_delete=models.SET_NULL, related_name="+")
    to_path_name = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=500)
    primary_health_score = models.FloatField(null=True)
    backup_health_score = models.FloatField(
        null=True, help_text="Score of the best backup, or of the one switched to."
    )
    generation = models.PositiveBigIntegerField()
    lease_epoch = models.PositiveBigIntegerField(default=0)
    actor = models.CharField(max_length=150, default="pathwarden")
    duration_ms = models.FloatField(null=True)
    evidence = models.JSONField(default=dict)

    class Meta:
        db_table = "sdwan_failover_events"
        ordering = ["-timestamp", "-id"]
        indexes = [
            models.Index(fields=["-timestamp", "-id"], name="event_time"),
            models.Index(fields=["policy", "-timestamp"], name="event_policy_time"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["policy_uid", "generation", "event_type"],
                condition=Q(event_type__in=["triggered", "completed"]),
                name="one_switch_event_per_generation",
            )
        ]

    def __str__(self) -> str:
        return f"{self.policy_name}: {self.event_type}"


class OutboxTopic(models.TextChoices):
    """What an outbox row asks for."""

    ACTUATE = "actuate", "Make the network match the decision"
    WITHDRAW = "withdraw", "Take the routes of a deleted policy out"
    NOTIFY = "notify", "Tell people"
    HOOK = "hook", "Run what follows"
    TRACE = "trace", "Trace both paths"


class OutboxMessage(models.Model):
    """An effect that an event still has to cause; written in the event's own transaction.

    A crash between the decision and its effect leaves the row undone, and
    whoever holds the lease next finishes it.
    """

    event = models.ForeignKey(FailoverEvent, on_delete=models.CASCADE, related_name="outbox")
    topic = models.CharField(max_length=20, choices=OutboxTopic)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "sdwan_outbox"
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["topic", "next_attempt_at"],
                condition=Q(done_at__isnull=True),
                name="outbox_undone",
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic} for event {self.event_id}"
