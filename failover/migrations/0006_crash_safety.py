"""What is in force beside what was decided, and the ends of switches that never were."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("failover", "0005_route_executors"), ("health", "0004_overlays")]

    operations = [
        migrations.AlterField(
            model_name="failoverevent",
            name="event_type",
            field=models.CharField(
                choices=[
                    ("triggered", "Switch begun"),
                    ("completed", "Switch completed"),
                    ("failed", "Switch failed"),
                    ("superseded", "Switch superseded"),
                    ("no_viable_path", "No viable path"),
                    ("all_paths_down", "All paths down"),
                    ("monitor_blind", "Monitor blind"),
                    ("drift_repaired", "Drift repaired"),
                    ("drift_failed", "Drift not repaired"),
                    ("pinned", "Pinned"),
                    ("pin_expiring", "Pin expires soon"),
                    ("unpinned", "Pin released"),
                    ("paused", "Paused"),
                    ("resumed", "Resumed"),
                    ("policy_enabled", "Policy enabled"),
                    ("policy_disabled", "Policy disabled"),
                    ("policy_changed", "Policy changed"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="outboxmessage",
            name="topic",
            field=models.CharField(
                choices=[
                    ("actuate", "Make the network match the decision"),
                    ("withdraw", "Take the routes of a deleted policy out"),
                    ("notify", "Tell people"),
                    ("hook", "Run what follows"),
                    ("trace", "Trace both paths"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="RouteInForce",
            fields=[
                (
                    "policy",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="in_force",
                        serialize=False,
                        to="failover.failoverpolicy",
                    ),
                ),
                ("executor", models.CharField(max_length=20)),
                ("generation", models.PositiveBigIntegerField()),
                ("lease_epoch", models.PositiveBigIntegerField()),
                ("applied_at", models.DateTimeField()),
                ("failed_repairs", models.PositiveSmallIntegerField(default=0)),
                (
                    "trouble",
                    models.CharField(
                        blank=True, help_text="Why the network is not as decided.", max_length=500
                    ),
                ),
                (
                    "path",
                    models.ForeignKey(
                        help_text="Empty: no path.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="health.path",
                    ),
                ),
            ],
            options={"db_table": "sdwan_routes_in_force"},
        ),
    ]
