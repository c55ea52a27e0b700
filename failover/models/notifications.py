"""Who is told about events, and what is run after them: channels and hooks."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models

from failover.models.events import EventType
from failover.models.policies import FailoverPolicy
from failover.notifiers import NOTIFIERS

WORTH_A_MESSAGE = (
    EventType.COMPLETED,
    EventType.FAILED,
    EventType.NO_VIABLE_PATH,
    EventType.ALL_PATHS_DOWN,
    EventType.MONITOR_BLIND,
    EventType.DRIFT_FAILED,
    EventType.PIN_EXPIRING,
)
"""What a channel tells about unless it says otherwise."""


def notifier_choices() -> list[tuple[str, str]]:
    """The registered kinds; a callable, so that a new one needs no migration."""
    return [(key, kind.label) for key, kind in NOTIFIERS.items()]


def validate_event_types(value: Any) -> None:
    """A list of known types of events."""
    known = [kind.value for kind in EventType]
    if not isinstance(value, list):
        raise ValidationError(f"{value!r} is not a list of types of events.", code="event_types")
    for one in value:
        if one not in known:
            raise ValidationError(
                f"{one!r} is no type of event; there are {', '.join(known)}.", code="event_types"
            )


class NotificationChannel(models.Model):
    """One way to tell people about the events of some policies."""

    name = models.CharField(max_length=100, unique=True)
    enabled = models.BooleanField(default=True)
    kind = models.CharField(max_length=20, choices=notifier_choices)
    options = models.JSONField(default=dict, blank=True)
    policies = models.ManyToManyField(
        FailoverPolicy, blank=True, help_text="Empty: all policies.", related_name="channels"
    )
    event_types = models.JSONField(
        default=list, blank=True, validators=[validate_event_types],
        help_text='Such as ["completed", "failed"]. Empty: what is worth a message at night.',
    )  # fmt: skip
    last_sent_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=500, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_notification_channels"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(name=""),
                name="channel_name_not_empty",
                violation_error_message="Give the channel a name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def wants(self, event_type: str) -> bool:
        """Whether it tells about events of this type."""
        return event_type in (self.event_types or WORTH_A_MESSAGE)


class HookKind(models.TextChoices):
    """What a hook does."""

    COMMAND = "command", "Command"
    WEBHOOK = "webhook", "Webhook"


class PolicyHook(models.Model):
    """Something to run on the probe host after events of one policy."""

    policy = models.ForeignKey(FailoverPolicy, on_delete=models.CASCADE, related_name="hooks")
    name = models.CharField(max_length=100)
    enabled = models.BooleanField(default=True)
    kind = models.CharField(max_length=20, choices=HookKind, default=HookKind.COMMAND)
    options = models.JSONField(
        default=dict, blank=True, help_text='Such as {"argv": ["/usr/local/bin/after-switch"]}.'
    )
    event_types = models.JSONField(
        default=list, blank=True, validators=[validate_event_types],
        help_text='Such as ["completed"]. Empty: completed switches.',
    )  # fmt: skip
    delay_secs = models.PositiveIntegerField(
        default=0, validators=[MaxValueValidator(3600)], help_text="Wait so long after the event."
    )
    cooldown_secs = models.PositiveIntegerField(
        default=0, validators=[MaxValueValidator(86_400)],
        help_text="After a run, leave events out for so long.",
    )  # fmt: skip
    last_run_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=500, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sdwan_policy_hooks"
        ordering = ["policy", "name"]
        verbose_name = "hook"
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "name"],
                name="hook_name_unique_in_policy",
                violation_error_message="The policy already has a hook of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def wants(self, event_type: str) -> bool:
        """Whether it is run after events of this type."""
        return event_type in (self.event_types or (EventType.COMPLETED,))
