"""The tables of notification channels and of hooks."""

from __future__ import annotations

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import failover.models.notifications


class Migration(migrations.Migration):
    dependencies = [("failover", "0003_operator_orders")]

    operations = [
        migrations.CreateModel(
            name="NotificationChannel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100, unique=True)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "kind",
                    models.CharField(
                        choices=failover.models.notifications.notifier_choices, max_length=20
                    ),
                ),
                ("options", models.JSONField(blank=True, default=dict)),
                (
                    "event_types",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text='Such as ["completed", "failed"]. Empty: what is worth a message at night.',
                        validators=[failover.models.notifications.validate_event_types],
                    ),
                ),
                ("last_sent_at", models.DateTimeField(editable=False, null=True)),
                ("last_error", models.CharField(blank=True, editable=False, max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "policies",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Empty: all policies.",
                        related_name="channels",
                        to="failover.failoverpolicy",
                    ),
                ),
            ],
            options={
                "db_table": "sdwan_notification_channels",
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name", ""), _negated=True),
                        name="channel_name_not_empty",
                        violation_error_message="Give the channel a name.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PolicyHook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("command", "Command"), ("webhook", "Webhook")],
                        default="command",
                        max_length=20,
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='Such as {"argv": ["/usr/local/bin/after-switch"]}.',
                    ),
                ),
                (
                    "event_types",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text='Such as ["completed"]. Empty: completed switches.',
                        validators=[failover.models.notifications.validate_event_types],
                    ),
                ),
                (
                    "delay_secs",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Wait so long after the event.",
                        validators=[django.core.validators.MaxValueValidator(3600)],
                    ),
                ),
                (
                    "cooldown_secs",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="After a run, leave events out for so long.",
                        validators=[django.core.validators.MaxValueValidator(86400)],
                    ),
                ),
                ("last_run_at", models.DateTimeField(editable=False, null=True)),
                ("last_error", models.CharField(blank=True, editable=False, max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hooks",
                        to="failover.failoverpolicy",
                    ),
                ),
            ],
            options={
                "verbose_name": "hook",
                "db_table": "sdwan_policy_hooks",
                "ordering": ["policy", "name"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("policy", "name"),
                        name="hook_name_unique_in_policy",
                        violation_error_message="The policy already has a hook of this name.",
                    )
                ],
            },
        ),
    ]
