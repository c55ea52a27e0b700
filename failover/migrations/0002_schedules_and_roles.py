"""Schedules of members, windows of return, repeated maintenance, roles of a router pair."""

from __future__ import annotations

from django.db import migrations, models

import failover.models.validators


class Migration(migrations.Migration):
    dependencies = [("failover", "0001_initial"), ("health", "0004_overlays")]

    operations = [
        migrations.RemoveField(
            model_name="failoverpolicy",
            name="schedule",
        ),
        migrations.AddField(
            model_name="failoverpolicy",
            name="failback_window",
            field=models.CharField(
                blank=True,
                help_text="For the mode 'inside the failback window': when traffic may return, such as 'Mon-Fri 02:00-04:00; Sat,Sun 00:00-06:00'.",
                max_length=200,
                validators=[failover.models.validators.validate_windows],
            ),
        ),
        migrations.AddField(
            model_name="failoverpolicy",
            name="time_zone",
            field=models.CharField(
                blank=True,
                help_text="Of the failback window and of the members' schedules, such as Europe/Berlin. Empty: the zone of this installation.",
                max_length=64,
                validators=[failover.models.validators.validate_time_zone],
            ),
        ),
        migrations.AddField(
            model_name="maintenancewindow",
            name="last_day",
            field=models.DateField(
                blank=True, help_text="The last day on which it begins. Empty: no end.", null=True
            ),
        ),
        migrations.AddField(
            model_name="maintenancewindow",
            name="repeats",
            field=models.CharField(
                choices=[("none", "Once"), ("daily", "Every day"), ("weekly", "Every week")],
                default="none",
                help_text="Daily or weekly: at the same local time as the first one.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="maintenancewindow",
            name="time_zone",
            field=models.CharField(
                blank=True,
                help_text="By whose clock it repeats, such as Europe/Berlin. Empty: the zone of this installation.",
                max_length=64,
                validators=[failover.models.validators.validate_time_zone],
            ),
        ),
        migrations.AddField(
            model_name="policymember",
            name="schedule",
            field=models.CharField(
                blank=True,
                help_text="When the path may be used, such as 'Mon-Fri 08:00-18:00; 22:00-06:00'. Empty: always.",
                max_length=200,
                validators=[failover.models.validators.validate_windows],
            ),
        ),
        migrations.AlterField(
            model_name="failoverpolicy",
            name="failback_mode",
            field=models.CharField(
                choices=[
                    ("automatic", "Automatic, after the failback delay"),
                    ("window", "Automatic, but only inside the failback window"),
                    ("manual", "Only when an operator says so"),
                    ("never", "Never"),
                ],
                default="automatic",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="failoverpolicy",
            name="role_source",
            field=models.CharField(
                blank=True,
                help_text="A file in which a router pair says its role: MASTER, BACKUP or FAULT, as keepalived's notify script writes it. Only the MASTER acts. Empty: always this one.",
                max_length=200,
                validators=[failover.models.validators.validate_role_source],
            ),
        ),
        migrations.AlterField(
            model_name="maintenancewindow",
            name="ends_at",
            field=models.DateTimeField(help_text="The paths may be used again from here on."),
        ),
        migrations.AddConstraint(
            model_name="maintenancewindow",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("last_day__isnull", True),
                    models.Q(("repeats", "none"), _negated=True),
                    _connector="OR",
                ),
                name="maintenance_last_day_of_repeated",
                violation_error_message="A last day needs a window that repeats: choose daily or weekly, or leave the last day empty.",
            ),
        ),
    ]
