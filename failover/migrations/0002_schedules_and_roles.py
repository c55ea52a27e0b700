from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("failover", "0001_initial"), ("health", "0004_overlays")]

    operations = []
