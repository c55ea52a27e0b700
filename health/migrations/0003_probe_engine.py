"""Tables and columns of the probe engine: uplinks as they are, their traffic, orders to probe."""

from __future__ import annotations

import uuid

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import health.domain.uplink_state
import health.models.validators


class Migration(migrations.Migration):
    dependencies = [
        ("health", "0002_built_in_profiles"),
    ]

    operations = [
        migrations.CreateModel(
            name="CurrentUplink",
            fields=[
                (
                    "uplink",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="current",
                        serialize=False,
                        to="health.uplink",
                    ),
                ),
                ("updated_at", models.FloatField()),
                (
                    "link",
                    models.CharField(
                        choices=[("up", "up"), ("down", "down"), ("unknown", "unknown")],
                        default=health.domain.uplink_state.LinkState["UNKNOWN"],
                        max_length=10,
                    ),
                ),
                (
                    "route",
                    models.CharField(
                        choices=[
                            ("not_needed", "not_needed"),
                            ("verified", "verified"),
                            ("pending", "pending"),
                            ("unusable", "unusable"),
                        ],
                        default=health.domain.uplink_state.RouteState["NOT_NEEDED"],
                        max_length=10,
                    ),
                ),
                (
                    "route6",
                    models.CharField(
                        choices=[
                            ("not_needed", "not_needed"),
                            ("verified", "verified"),
                            ("pending", "pending"),
                            ("unusable", "unusable"),
                        ],
                        default=health.domain.uplink_state.RouteState["NOT_NEEDED"],
                        max_length=10,
                    ),
                ),
                ("interface", models.CharField(blank=True, max_length=15)),
                ("source", models.CharField(blank=True, max_length=45)),
                ("source6", models.CharField(blank=True, max_length=45)),
                ("gateway", models.CharField(blank=True, max_length=45)),
                ("gateway6", models.CharField(blank=True, max_length=45)),
                ("detail", models.CharField(blank=True, max_length=400)),
                ("receive_bps", models.FloatField(null=True)),
                ("transmit_bps", models.FloatField(null=True)),
                ("receive_bytes", models.PositiveBigIntegerField(default=0)),
                ("transmit_bytes", models.PositiveBigIntegerField(default=0)),
                ("receive_packets", models.PositiveBigIntegerField(default=0)),
                ("transmit_packets", models.PositiveBigIntegerField(default=0)),
                ("receive_errors", models.PositiveBigIntegerField(default=0)),
                ("transmit_errors", models.PositiveBigIntegerField(default=0)),
                ("receive_drops", models.PositiveBigIntegerField(default=0)),
                ("transmit_drops", models.PositiveBigIntegerField(default=0)),
                (
                    "counted_at",
                    models.FloatField(help_text="When the counters were last read.", null=True),
                ),
                (
                    "baseline",
                    models.JSONField(
                        default=dict,
                        editable=False,
                        help_text="The kernel's counters of then; totals go on here.",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "current uplinks",
                "db_table": "sdwan_uplink_current",
            },
        ),
        migrations.AddField(
            model_name="currenthealth",
            name="backward_jitter_ms",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="currenthealth",
            name="backward_loss_pct",
            field=models.FloatField(help_text="Lost on the way back (STAMP).", null=True),
        ),
        migrations.AddField(
            model_name="currenthealth",
            name="forward_jitter_ms",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="currenthealth",
            name="forward_loss_pct",
            field=models.FloatField(help_text="Lost on the way there (STAMP).", null=True),
        ),
        migrations.AddField(
            model_name="healthsample",
            name="backward_jitter_ms",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="healthsample",
            name="backward_loss_pct",
            field=models.FloatField(help_text="Lost on the way back (STAMP).", null=True),
        ),
        migrations.AddField(
            model_name="healthsample",
            name="forward_jitter_ms",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="healthsample",
            name="forward_loss_pct",
            field=models.FloatField(help_text="Lost on the way there (STAMP).", null=True),
        ),
        migrations.AddField(
            model_name="monitorlease",
            name="figures",
            field=models.JSONField(default=dict, help_text="What the loop tells about itself."),
        ),
        migrations.AddField(
            model_name="pathtarget",
            name="expected_status",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="HTTP only: the status that counts as an answer. Empty: 200 to 399.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(100),
                    django.core.validators.MaxValueValidator(599),
                ],
            ),
        ),
        migrations.AddField(
            model_name="pathtarget",
            name="expected_text",
            field=models.CharField(
                blank=True,
                help_text="DNS: an address the answer must contain. HTTP: text of the page. Empty: anything.",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="pathtarget",
            name="request",
            field=models.CharField(
                blank=True,
                help_text="DNS: the name to ask for. HTTP: the URL to fetch, such as https://example.com/health. Empty: the default of the kind.",
                max_length=300,
            ),
        ),
        migrations.AddField(
            model_name="uplink",
            name="gateway6",
            field=models.CharField(
                default="auto",
                help_text="'auto' follows the system (RA, DHCPv6), or an address.",
                max_length=45,
                validators=[health.models.validators.validate_auto_or_address],
                verbose_name="IPv6 gateway",
            ),
        ),
        migrations.AddField(
            model_name="uplink",
            name="source6",
            field=models.CharField(
                default="auto",
                help_text="Source address of IPv6 probes: 'auto' or an address of this host.",
                max_length=45,
                validators=[health.models.validators.validate_auto_or_address],
                verbose_name="IPv6 source",
            ),
        ),
        migrations.CreateModel(
            name="UplinkTraffic",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "timestamp",
                    models.PositiveIntegerField(
                        help_text="Start of the slot; seconds since 1970, UTC."
                    ),
                ),
                ("secs", models.FloatField()),
                ("receive_bytes", models.PositiveBigIntegerField()),
                ("transmit_bytes", models.PositiveBigIntegerField()),
                ("receive_packets", models.PositiveBigIntegerField()),
                ("transmit_packets", models.PositiveBigIntegerField()),
                ("receive_errors", models.PositiveBigIntegerField()),
                ("transmit_errors", models.PositiveBigIntegerField()),
                ("receive_drops", models.PositiveBigIntegerField()),
                ("transmit_drops", models.PositiveBigIntegerField()),
                (
                    "uplink",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="traffic",
                        to="health.uplink",
                    ),
                ),
            ],
            options={
                "verbose_name": "traffic sample",
                "db_table": "sdwan_uplink_traffic",
                "ordering": ["-timestamp", "uplink"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("timestamp", "uplink"), name="traffic_time_uplink_unique"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ProbeOrder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("actor", models.CharField(max_length=150)),
                ("count", models.PositiveSmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("asked_at", models.FloatField(db_index=True)),
                ("started_at", models.FloatField(null=True)),
                ("ended_at", models.FloatField(null=True)),
                ("result", models.JSONField(default=dict)),
                ("detail", models.CharField(blank=True, max_length=400)),
                (
                    "path",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="probe_orders",
                        to="health.path",
                    ),
                ),
            ],
            options={
                "db_table": "sdwan_probe_orders",
                "ordering": ["-asked_at"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["queued", "running"])),
                        fields=("path",),
                        name="one_probe_order_at_a_time",
                    )
                ],
            },
        ),
    ]
