from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("health", "0003_probe_engine")]

    operations = []
