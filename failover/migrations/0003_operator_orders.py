"""The table of people's orders to policies."""

from __future__ import annotations

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("failover", "0002_schedules_and_roles"),
        ("health", "0004_overlays"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="OperatorOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("failover", "Fail over"),
                            ("failback", "Fail back"),
                            ("pin", "Pin"),
                            ("unpin", "Release the pin"),
                            ("pause", "Pause"),
                            ("resume", "Resume"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("lasts_secs", models.PositiveIntegerField(null=True)),
                ("unless_dead", models.BooleanField(default=True)),
                ("expected_generation", models.PositiveBigIntegerField(null=True)),
                ("actor", models.CharField(max_length=150)),
                ("asked_at", models.DateTimeField()),
                (
                    "expires_at",
                    models.DateTimeField(help_text="Not carried out any more from then on."),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("expired", "Expired"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                ("detail", models.CharField(blank=True, max_length=500)),
                (
                    "event",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="failover.failoverevent",
                    ),
                ),
                (
                    "path",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="health.path",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="orders",
                        to="failover.failoverpolicy",
                    ),
                ),
            ],
            options={
                "verbose_name": "order",
                "db_table": "sdwan_operator_orders",
                "ordering": ["-asked_at"],
                "indexes": [models.Index(fields=["stage", "asked_at"], name="order_stage_time")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("stage", "queued")),
                        fields=("policy",),
                        name="one_open_order_per_policy",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True),
                        name="order_reason_not_empty",
                        violation_error_message="Say why; the reason is kept with the event.",
                    ),
                ],
            },
        ),
    ]
