from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("failover", "0002_schedules_and_roles")]

    operations = []
