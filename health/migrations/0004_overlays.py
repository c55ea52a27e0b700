"""A path may ride on another one: tunnels and what carries them."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("health", "0003_probe_engine")]

    operations = [
        migrations.AddField(
            model_name="path",
            name="rides_on",
            field=models.ForeignKey(
                blank=True,
                help_text="For a tunnel: the path that carries its packets. After a switch there, policies give the tunnel 30 s to settle.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="overlays",
                to="health.path",
            ),
        ),
    ]
